import { execFile, execFileSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { testDir } from "../support/temp-dir.js";

const SETUP = fileURLToPath(new URL("../../scripts/setup", import.meta.url));

/** What a bare Debian has of what the script uses. */
const BARE = [
  ...["bash", "env", "cat", "cmp", "cp", "dirname", "find", "grep", "head", "mkdir", "mktemp"],
  ...["mv", "paste", "rm", "sed", "sleep", "tail", "touch"],
];

type NpmStep = "ci" | "rebuild" | "build" | "optional";

interface Ended {
  readonly code: number;
  readonly lines: string[];
}

/** A checkout on a machine with no other programs than those that a test puts there. */
class Machine {
  readonly checkout = testDir();
  readonly bin = join(this.checkout, "bin");

  constructor({ user, programs = [] }: { user: "root" | "ada"; programs?: readonly string[] }) {
    for (const path of ["bin", "scripts", "src"]) mkdirSync(join(this.checkout, path));
    cpSync(SETUP, join(this.checkout, "scripts/setup"));
    for (const name of ["package-lock.json", "package.json", "src/a.ts"]) this.write(name, "{}");
    for (const name of ["tsconfig.json", "tsconfig.build.json", "scripts/bundle.mjs"]) {
      this.write(name, "{}");
    }
    for (const name of BARE) {
      const path = execFileSync("which", [name], { encoding: "utf8" }).trim();
      symlinkSync(path, join(this.bin, name));
    }
    symlinkSync(process.execPath, join(this.bin, "node"));
    this.program("id", `echo ${user === "root" ? 0 : 1000}`);
    for (const name of programs) this.program(name, "exit 0");
    this.npm({});
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.checkout, path)), { recursive: true });
    writeFileSync(join(this.checkout, path), text);
  }

  read(path: string): string {
    return readFileSync(join(this.checkout, path), "utf8");
  }

  /** What npm was asked for so far, sorted. */
  calls(): string[] {
    return this.read("npm-calls").trimEnd().split("\n").sort();
  }

  program(name: string, script: string): void {
    rmSync(join(this.bin, name), { force: true });
    writeFileSync(join(this.bin, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(this.bin, name), 0o755);
  }

  /** An npm that notes what it is asked, and answers as told. */
  npm({
    ci = "",
    rebuild = "",
    build = "",
    optional = "",
  }: Partial<Record<NpmStep, string>>): void {
    this.program(
      "npm",
      `[ "$2" = fuse-native ] || echo "$1" >> npm-calls
      if [ "$1" = ci ]; then mkdir -p node_modules; ${ci || ":"}; fi
      if [ "$1 $2" = "rebuild fuse-native" ]; then ${optional || ":"}; fi
      if [ "$1 $2" = "rebuild better-sqlite3" ]; then ${rebuild || ":"}; fi
      if [ "$1" = run ]; then mkdir -p dist; : > dist/.tsbuildinfo; ${build || ":"}; fi`,
    );
  }

  run(...args: string[]): Promise<Ended> {
    const options = { env: { PATH: this.bin, TMPDIR: this.checkout } };
    return new Promise((resolve) => {
      execFile(join(this.checkout, "scripts/setup"), args, options, (error, stdout, stderr) => {
        expect(stdout).toBe("");
        const lines = stderr.split("\n").filter((line) => line !== "");
        resolve({ code: typeof error?.code === "number" ? error.code : 0, lines });
      });
    });
  }
}

const COMPILERS = ["python3", "make", "g++"];

describe("scripts/setup", () => {
  test("installs and builds what is missing, and says nothing the second time", async () => {
    const machine = new Machine({ user: "root", programs: COMPILERS });
    expect(await machine.run()).toMatchObject({ code: 0 });
    // The last two run at the same time.
    expect(machine.calls()).toStrictEqual(["ci", "rebuild", "run"]);
    expect(await machine.run()).toStrictEqual({ code: 0, lines: [] });
    expect(machine.calls()).toStrictEqual(["ci", "rebuild", "run"]);
  });

  test("for a check compiles and builds nothing; the rest is done when it is needed", async () => {
    const machine = new Machine({ user: "root", programs: COMPILERS });
    machine.program("apt-get", "exit 0");
    expect(await machine.run("--check")).toMatchObject({ code: 0 });
    expect(machine.calls()).toStrictEqual(["ci"]);
    expect(await machine.run()).toMatchObject({ code: 0 });
    expect(machine.calls()).toStrictEqual(["ci", "rebuild", "run"]);
  });

  test("installs what may be compiled with, as root", async () => {
    const machine = new Machine({ user: "root" });
    machine.program("apt-get", `echo "$@" >> apt-calls`);
    expect(await machine.run()).toMatchObject({ code: 0 });
    expect(machine.read("apt-calls")).toMatch(/^install .* python3 make g\+\+$/m);
  });

  test("names to another user what is needed in any case", async () => {
    const machine = new Machine({ user: "ada", programs: ["python3"] });
    expect(await machine.run()).toStrictEqual({
      code: 1,
      lines: ["setup: please install: fuse3 make g++"],
    });
  });

  test("tries without what only compiling needs, and names it when that fails", async () => {
    const machine = new Machine({ user: "ada", programs: ["fusermount3"] });
    machine.npm({});
    expect(await machine.run()).toMatchObject({ code: 0 });

    rmSync(join(machine.checkout, "node_modules"), { recursive: true });
    machine.npm({
      rebuild: `for i in 1 2 3 4 5 6 7 8 9; do echo "npm error gyp ERR! find Python $i"; done; echo "npm error the cause"; exit 1`,
    });
    const { code, lines } = await machine.run();
    expect(code).toBe(1);
    expect(lines).toContain("npm error the cause");
    expect(lines.at(-1)).toMatch(
      /^setup: npm rebuild failed \(its output: \S+\); install python3 make g\+\+ and try again$/,
    );
    const log = /its output: (\S+)\)/.exec(lines.at(-1) ?? "")?.[1] ?? "";
    expect(readFileSync(log, "utf8")).toContain("find Python 1");
    // Nor does it count as done.
    machine.npm({});
    expect(await machine.run()).toMatchObject({ code: 0 });
    expect(machine.calls()).toStrictEqual(["ci", "ci", "rebuild", "rebuild", "rebuild", "run"]);
  });

  test.each([
    ["20.19.1", "their own", "20.19.1"],
    ["18.2.0", "another version's", undefined],
  ])("compiles with the headers beside Node (%s, %s)", async (version, _, used) => {
    const machine = new Machine({ user: "root", programs: COMPILERS });
    const prefix = join(machine.checkout, "node");
    const [major, minor, patch] = version.split(".");
    machine.write(
      "node/include/node/node_version.h",
      `#define NODE_MAJOR_VERSION ${major}\n#define NODE_MINOR_VERSION ${minor}\n#define NODE_PATCH_VERSION ${patch}\n\n#define NODE_VERSION_IS_LTS 1\n`,
    );
    machine.program(
      "node",
      `case "$*" in
        "-p process.execPath") echo ${prefix}/bin/node ;;
        "-p process.version") echo v20.19.1 ;;
        *) exec ${process.execPath} "$@" ;;
      esac`,
    );
    machine.npm({ rebuild: 'echo "$npm_config_nodedir" > nodedir' });
    expect(await machine.run()).toMatchObject({ code: 0 });
    expect(machine.read("nodedir").trim()).toBe(used === undefined ? "" : prefix);
  });

  test("says that npm ci failed when nothing is missing for it", async () => {
    const machine = new Machine({ user: "root", programs: COMPILERS });
    machine.npm({ ci: `echo "npm error network"; exit 7` });
    const { code, lines } = await machine.run();
    expect([code, lines.at(-2)]).toStrictEqual([1, "npm error network"]);
    expect(lines.at(-1)).toMatch(/^setup: npm ci failed \(its output: \S+\)$/);
  });

  test("does without what is optional and can't be compiled", async () => {
    const machine = new Machine({ user: "root", programs: COMPILERS });
    machine.npm({ optional: "echo no FUSE here; exit 1" });
    const { code, lines } = await machine.run();
    expect([code, lines.join().includes("no FUSE")]).toStrictEqual([0, false]);
    expect(await machine.run()).toStrictEqual({ code: 0, lines: [] });
  });

  test("only builds what was changed, whatever else is missing", async () => {
    const machine = new Machine({ user: "ada" });
    expect(await machine.run("--build")).toStrictEqual({ code: 0, lines: [] });
    expect(await machine.run("--build")).toStrictEqual({ code: 0, lines: [] });
    expect(machine.calls()).toStrictEqual(["run"]);
  });

  test("says so where what is compiled fails, though the build is done after it", async () => {
    const machine = new Machine({ user: "root", programs: COMPILERS });
    machine.npm({ rebuild: "echo npm error cc; exit 1", build: "sleep 0.1" });
    const { code, lines } = await machine.run();
    expect(code).toBe(1);
    expect(lines.at(-1)).toMatch(/^setup: npm rebuild failed /);
    machine.npm({});
    await machine.run();
    expect(machine.calls()).toStrictEqual(["ci", "rebuild", "rebuild", "run"]);
  });

  test("doesn't count a build that failed as built", async () => {
    const machine = new Machine({ user: "root", programs: COMPILERS });
    machine.npm({ build: "echo src/a.ts: wrong; exit 2" });
    const failed = { code: 1, lines: ["src/a.ts: wrong", "setup: the build failed"] };
    const first = await machine.run();
    expect({ ...first, lines: first.lines.slice(-2) }).toStrictEqual(failed);
    expect(await machine.run()).toStrictEqual(failed);
    machine.npm({});
    expect(await machine.run()).toStrictEqual({ code: 0, lines: [] });
  });

  test("builds again what was changed while it was being built", async () => {
    const machine = new Machine({ user: "root", programs: COMPILERS });
    machine.npm({ build: "sleep 0.05; touch src/a.ts" });
    expect(await machine.run()).toMatchObject({ code: 0 });
    expect(await machine.run()).toMatchObject({ code: 0 });
    expect(machine.calls()).toStrictEqual(["ci", "rebuild", "run", "run"]);
  });
});
