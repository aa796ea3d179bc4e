import { execFile, execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { whyNoMounts } from "../support/daemon.js";
import { hashOf, problemsIn } from "../support/data-directory.js";
import { makeTempDir } from "../support/temp-dir.js";

const run = promisify(execFile);
const CHECKOUT = fileURLToPath(new URL("../..", import.meta.url));
/** What packing needs of a checkout: neither the tests nor what was built before. */
const PARTS = [
  ...["package.json", "tsconfig.json", "tsconfig.build.json", "scripts/bundle.mjs"],
  ...["src", "examples", "native-notes"],
  ...["README.md", "LICENSE"].filter((name) => existsSync(join(CHECKOUT, name))),
];

const LIMIT_MS = 240_000;

/**
 * The user's settings of npm, that it finds its registry by, whatever HOME is; and nothing that npm
 * has told the process in which these tests run.
 */
function environment(home: string): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(
    ([name]) =>
      !/^npm_(?!config_registry)/i.test(name) && !/^(NODE_PATH|NEXUS_.*|INIT_CWD)$/.test(name),
  );
  return {
    ...Object.fromEntries(inherited),
    HOME: home,
    NPM_CONFIG_USERCONFIG: execFileSync("npm", ["config", "get", "userconfig"], {
      encoding: "utf8",
    }).trim(),
  };
}

/** Packs a copy: packing builds anew, and other tests run what is built in the checkout. */
function pack(base: string): string {
  const copy = join(base, "checkout");
  for (const part of PARTS) cpSync(join(CHECKOUT, part), join(copy, part), { recursive: true });
  symlinkSync(join(CHECKOUT, "node_modules"), join(copy, "node_modules"));
  execFileSync("npm", ["pack", "--silent", "--pack-destination", base], {
    cwd: copy,
    stdio: "pipe",
  });
  const tarball = readdirSync(base).find((name) => name.endsWith(".tgz"));
  if (tarball === undefined) throw new Error("npm pack made no tarball");
  return join(base, tarball);
}

describe("the package", () => {
  let base = "";
  let tarball = "";
  const at = (...path: string[]) => join(base, ...path);

  beforeAll(() => {
    base = makeTempDir();
    mkdirSync(at("home"));
    tarball = pack(base);
  }, LIMIT_MS);

  afterAll(() => {
    execFileSync("bash", ["-c", `mountpoint -q ${at("mnt")} && umount -l ${at("mnt")}; true`]);
    execFileSync("rm", ["-rf", base]);
  });

  test("has what was built, and neither sources nor tests", () => {
    const list = execFileSync("tar", ["-tzf", tarball], { encoding: "utf8" }).split("\n");
    const files = list.map((path) => path.replace(/^package\//, ""));
    for (const file of [
      "dist/daemon/main.js",
      "dist/cli/main.js",
      "dist/index.d.ts",
      "LICENSE",
      "dist/LICENSE-zod",
    ]) {
      expect(files).toContain(file);
    }
    expect(files.filter((file) => /^(src|test|scripts)\//.test(file))).toStrictEqual([]);
    expect(files.filter((file) => file.includes(".test."))).toStrictEqual([]);
    expect(files.filter((file) => /^dist\/\./.test(file))).toStrictEqual([]);
  });

  test("has what its README links to", () => {
    const readme = execFileSync("tar", ["-xzOf", tarball, "package/README.md"], {
      encoding: "utf8",
    });
    const links = [...readme.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, path = ""]) => path);
    expect(links).not.toStrictEqual([]);
    for (const link of links) {
      execFileSync("tar", ["-tzf", tarball, join("package", link)], { stdio: "pipe" });
    }
  });

  test.skipIf(whyNoMounts() !== undefined)(
    "installed alone, gives a nexus-mount that mounts, writes and unmounts, and a nexus",
    async () => {
      const env = environment(at("home"));
      // Set-up has compiled the same version of what needs it: once more would take a minute.
      const install = [
        "install",
        "--global",
        "--ignore-scripts",
        "--prefix",
        at("prefix"),
        tarball,
      ];
      await run("npm", install, { env, cwd: base, timeout: LIMIT_MS - 30_000 });
      const modules = at("prefix/lib/node_modules/nexus-mount/node_modules");
      const binary = "better-sqlite3/build/Release/better_sqlite3.node";
      mkdirSync(dirname(join(modules, binary)), { recursive: true });
      cpSync(join(CHECKOUT, "node_modules", binary), join(modules, binary));
      // The checkout isn't there for it: from now on nothing can come from the copy that was packed.
      execFileSync("rm", ["-rf", at("checkout")]);
      expect(readdirSync(at("prefix/bin")).sort()).toStrictEqual(["nexus", "nexus-mount"]);

      const here = { cwd: base, env: { ...env, PATH: `${at("prefix/bin")}:${env.PATH}` } };
      const mounted = await run("nexus-mount", ["mnt"], here);
      expect(mounted.stdout).toContain(`${at("home/.nexus/data")} is mounted at ${at("mnt")} `);
      const daemon = /\(pid (\d+)\)/.exec(mounted.stdout)?.[1];
      const script = `mkdir jobs; echo text > jobs/a; cat jobs/a; setfattr -n user.k -v v jobs/a
        readlink -f /proc/${daemon}/exe; tr '\\0' '\\n' < /proc/${daemon}/cmdline`;
      const { stdout } = await run("bash", ["-ec", script], { cwd: at("mnt") });
      expect(stdout).toMatch(/^text\n/);
      expect(stdout).toContain(at("prefix"));
      expect(stdout).not.toContain(CHECKOUT);
      await run("nexus-mount", ["-u", "mnt"], here);

      expect(problemsIn(at("home/.nexus/data"))).toStrictEqual([]);
      const hash = hashOf("text\n");
      const blob = join(hash.slice(0, 2), hash.slice(2, 4), hash);
      expect(existsSync(at("home/.nexus/data/cas", blob))).toBe(true);

      const versions = await run("nexus", ["version", "--json"], here);
      expect(tarball).toBe(at(`nexus-mount-${JSON.parse(versions.stdout).nexus}.tgz`));
    },
    LIMIT_MS,
  );
});
