import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { outcomeOf } from "../conformance/posix-case.js";
import { O } from "../conformance/posix-driver.js";
import { namesIn, nlinkOf, put, textOf, withFile } from "../conformance/posix-steps.js";
import { SystemDriver } from "../conformance/system-driver.js";
import { shell, whyNoMounts } from "../support/daemon.js";
import {
  ALL_CALLS,
  allOf,
  CHANGING_CALLS,
  MAKING_CALLS,
  outcomesOf,
} from "./isolation/path-calls.js";
import { SEEDED_NAMES, SeededMount } from "./isolation/seeded-mount.js";

const ACME_AGENT1 = ["--tenant", "acme", "--agent", "agent1"];
const HOME = "workspace/acme/agent1";
const OWN = [HOME, "shared/acme", "teams/acme", "documents"];

/** Directories of others, there and not there, and what is in them, there and not there. */
const FOREIGN_DIRECTORIES = [
  "workspace/acme/agent2",
  "workspace/acme/nobody",
  "workspace/globex",
  "workspace/globex/agent1",
  "workspace/nobody",
  "shared/globex",
  "shared/nobody",
  "archives/globex",
  "archives/nobody",
  "teams/globex",
  "teams/nobody",
  "system",
  "vault",
];
const FOREIGN = FOREIGN_DIRECTORIES.flatMap((path) => [
  path,
  ...[...SEEDED_NAMES, "absent", "directory/inside"].map((name) => `${path}/${name}`),
]);

/** Directories that several tenants or agents have in common. */
const COMMON = ["workspace", "workspace/acme", "shared", "teams"];

const skipReason = whyNoMounts();

describe.skipIf(skipReason !== undefined)("a mount of one agent of a tenant", () => {
  let mount: SeededMount | undefined;
  let driver = new SystemDriver("/nonexistent");
  const own = `${HOME}/mine`;

  beforeAll(async () => {
    mount = await SeededMount.start(ACME_AGENT1);
    driver = new SystemDriver(mount.mountPoint);
    await put(driver, { path: own, data: "mine" });
  });

  afterAll(async () => {
    await mount?.stop();
  });

  test.each(Object.entries(ALL_CALLS))(
    "is refused everything of others with EACCES, whether it is there or not: %s",
    async (_name, call) => {
      const outcomes = await outcomesOf(driver, { call, paths: FOREIGN, own });
      expect(outcomes).toEqual(allOf(FOREIGN, "EACCES"));
    },
  );

  test("finds its own things as they were before all these attempts", async () => {
    expect(await namesIn(driver, HOME)).toEqual([...SEEDED_NAMES, "mine"]);
    expect(await textOf(driver, own)).toBe("mine");
  });

  test("doesn't get further by other ways to write a path", async () => {
    const script = `
      try() { if "$@" >/dev/null 2>error; then echo "allowed: $*"; else grep -c 'Permission denied' error; fi; }
      cd ${HOME}
      try cat ../agent2/file
      try cat ../../../workspace/acme/agent1/../agent2/file
      try ls ../../globex
      try bash -c 'cd ../agent2'
      try bash -c '../agent2/file'
      try cp -r ../agent2 copy
      ln -s ../agent2 way
      try ls way/
      try cat way/file
      try find way/directory
      rm way error
    `;
    const out = await shell(script, { cwd: mount?.mountPoint ?? "" });
    expect(out.trim().split("\n")).toEqual(Array.from({ length: 9 }, () => "1"));
  });

  test.each(OWN)("writes, reads, renames and removes below %s", async (directory) => {
    const path = `${directory}/new`;
    await driver.mkdir(path);
    await put(driver, { path: `${path}/a`, data: "text" });
    await driver.link(`${path}/a`, `${path}/b`);
    await driver.rename(`${path}/b`, `${directory}/moved`);
    await driver.setxattr(`${directory}/moved`, { name: "user.k", value: Buffer.from("v") });
    expect(await textOf(driver, `${directory}/moved`)).toBe("text");
    await withFile(driver, { path: directory, flags: O.RDWR | O.TMPFILE, mode: 0o600 }, (fd) =>
      driver.flink(fd, `${path}/named`),
    );
    for (const name of ["new/a", "new/named", "moved"]) await driver.unlink(`${directory}/${name}`);
    await driver.rmdir(path);
    expect(await textOf(driver, `${directory}/file`)).toBe(`of ${directory}\n`);
  });

  test("isn't shown others in any listing", async () => {
    expect(await namesIn(driver, ".")).toEqual([
      "archives",
      "documents",
      "external",
      "manuals",
      "shared",
      "teams",
      "workspace",
    ]);
    const names = COMMON.map((path) => namesIn(driver, path));
    expect(await Promise.all(names)).toEqual([["acme"], ["agent1"], ["acme"], ["acme"]]);
    const all = await shell("find . -print", { cwd: mount?.mountPoint ?? "" });
    expect(all).not.toMatch(/globex|agent2|vault|system/);
  });

  test("learns nothing of others from the directories that they have in common", async () => {
    for (const path of COMMON) {
      const { nlink, mtime, ctime, btime } = await driver.stat(path);
      expect([nlink, mtime, ctime]).toEqual([1, btime, btime]);
    }
    expect(await nlinkOf(driver, HOME)).toBe(3);
  });

  test.each(Object.entries(CHANGING_CALLS))(
    "can't change the directories that it has in common with others: %s",
    async (_name, call) => {
      const outcomes = await outcomesOf(driver, { call, paths: COMMON, own });
      expect(outcomes).toEqual(allOf(COMMON, "EACCES"));
    },
  );

  test("can't put a file of its own between the tenants", async () => {
    const paths = ["workspace/acme/file", "shared/file", "teams/file"];
    for (const call of Object.values(MAKING_CALLS)) {
      const outcomes = await outcomesOf(driver, { call, paths, own });
      expect(outcomes).toEqual(allOf(paths, "EACCES"));
    }
    const tmpfile = (path: string) =>
      outcomeOf(driver.open(path, { flags: O.RDWR | O.TMPFILE, mode: 0o600 }));
    expect(await Promise.all(COMMON.map(tmpfile))).toEqual(COMMON.map(() => "EACCES"));
  });

  test("can't move the roots of namespaces or what has others below it", async () => {
    const roots = { workspace: "EACCES", shared: "EACCES", archives: "EROFS", external: "EBUSY" };
    for (const [root, code] of Object.entries(roots)) {
      expect(await outcomeOf(driver.rename(root, "elsewhere"))).toBe(code);
      expect(await outcomeOf(driver.rename("documents", root))).toBe(code);
      expect(await outcomeOf(driver.rmdir(root))).toBe(code);
    }
    expect(await outcomeOf(driver.rename("workspace/acme", "mine"))).toBe("EACCES");
  });
});

describe.skipIf(skipReason !== undefined)("the same store, mounted for others", () => {
  let mount: SeededMount | undefined;

  afterAll(async () => {
    await mount?.stop();
  });

  test("shows each what is theirs, and everything to an administrator", async () => {
    mount = await SeededMount.start(["--tenant", "acme"]);
    const { mountPoint } = mount;
    const files = async () => {
      const found = await shell("find . -name file -printf '%P\\n' | sort", { cwd: mountPoint });
      return found
        .trim()
        .split("\n")
        .map((path) => path.replace(/\/file$/, ""));
    };
    const open = ["documents", "manuals"];
    const acme = ["archives/acme", ...open, "shared/acme", "teams/acme"];
    expect(await files()).toEqual([...acme, "workspace/acme/agent1", "workspace/acme/agent2"]);

    await mount.remount(["--tenant", "globex", "--agent", "agent1"]);
    expect(await files()).toEqual([
      "archives/globex",
      ...open,
      "shared/globex",
      "teams/globex",
      "workspace/globex/agent1",
    ]);

    await mount.remount([]);
    const everyTenant = await files();
    expect(everyTenant).toHaveLength(11);
    expect(everyTenant).not.toContain("system");
    expect(everyTenant).not.toContain("vault");

    await mount.remount(["--admin", ...ACME_AGENT1]);
    expect(await files()).toHaveLength(13);
    const text = await shell(
      "cat workspace/globex/agent1/directory/inside system/file vault/file",
      {
        cwd: mountPoint,
      },
    );
    expect(text).toBe("inside workspace/globex/agent1\nof system\nof vault\n");
    const vault = await shell("echo new > new; mv new file; cat file; rm file; ls", {
      cwd: join(mountPoint, "vault"),
    });
    expect(vault).toBe("new\ndirectory\nlink\n");
    await shell("echo more >> shared/globex/file; chmod 700 workspace/globex", { cwd: mountPoint });
    expect(await textOf(new SystemDriver(join(mountPoint, "shared")), "globex/file")).toBe(
      "of shared/globex\nmore\n",
    );
  });
});
