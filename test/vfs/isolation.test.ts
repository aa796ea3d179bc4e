import { describe, expect, test } from "vitest";
import { S_IFDIR, S_IFLNK, S_IFREG } from "../../src/model/attributes.js";
import { NexusError } from "../../src/model/errors.js";
import type { Caller } from "../../src/model/identity.js";
import { type Ino, ROOT_INO, type StagingId } from "../../src/model/ids.js";
import { ALL_ATTEMPTS, type Ground } from "./isolation-attempts.js";
import { caller, flags, World } from "./world.js";

// What an outsider is told, for every method and every place that it takes: the same, whether or not
// there is something.

const ADMIN = caller(undefined, undefined, { isAdmin: true });
const ALICE = caller("acme", "alice");
const CLOSED = /^(access-denied|read-only): /;
const NAMES = ["file", "directory", "nothing"];

/** Looks up a path, and makes what is missing, past all checks. */
function reach(world: World, path: string, mode = S_IFDIR | 0o755): Ino {
  let parent = ROOT_INO;
  const names = path.split("/").filter((name) => name !== "");
  for (const [index, name] of names.entries()) {
    const isLast = index === names.length - 1;
    if (world.metadata.lookup({ parent, name }) === undefined) {
      const type = isLast ? mode : S_IFDIR | 0o755;
      const stagingId = world.metadata.nextId() as StagingId;
      world.metadata.create({
        parent,
        name,
        mode: type,
        uid: 0,
        gid: 0,
        rdev: 0,
        tenantId: undefined,
        agentId: undefined,
        mimeType: undefined,
        now: world.clock.now(),
        ...((type & S_IFREG) === S_IFREG && type !== (S_IFLNK | 0o777) ? { stagingId } : {}),
        ...(type === (S_IFLNK | 0o777) ? { target: Buffer.from("secret") } : {}),
      });
    }
    const entry = world.fs.lookup(ADMIN, { parent, name });
    if (entry === undefined || entry instanceof Promise) throw new Error(`no ${path}`);
    parent = entry.ino;
  }
  return parent;
}

async function ground(world: World, path: string, { isReadonly = false } = {}): Promise<Ground> {
  reach(world, `${path}/directory`);
  const file = reach(world, `${path}/file`, S_IFREG | 0o644);
  const symlink = reach(world, `${path}/symlink`, S_IFLNK | 0o777);
  const access = isReadonly ? "read" : "both";
  const { handle } = await world.fs.open(ADMIN, { ino: file, flags: flags({ access }) });
  return { directory: reach(world, path), file, symlink, handle };
}

async function outcome(run: () => unknown): Promise<string> {
  try {
    await run();
    return "allowed";
  } catch (error) {
    if (!(error instanceof NexusError)) throw error;
    return `${error.kind}: ${error.message}`;
  }
}

interface Refused {
  readonly title: string;
  readonly path: string;
  readonly who: Caller;
  readonly expected: string;
}

const REFUSED: readonly Refused[] = [
  {
    title: "another tenant's workspace",
    path: "/workspace/beta/bob",
    who: ALICE,
    expected: "access-denied: tenant 'acme' can't access resources of tenant 'beta'",
  },
  {
    title: "another agent's workspace",
    path: "/workspace/acme/bob",
    who: ALICE,
    expected: "access-denied: agent 'alice' can't access the workspace of agent 'bob'",
  },
  {
    title: "what another tenant shares",
    path: "/shared/beta",
    who: ALICE,
    expected: "access-denied: tenant 'acme' can't access resources of tenant 'beta'",
  },
  {
    title: "the system's own",
    path: "/system/deep",
    who: ALICE,
    expected: "access-denied: namespace 'system' requires admin privileges",
  },
  {
    title: "the system's own, without a tenant",
    path: "/system/deep",
    who: caller(),
    expected: "access-denied: namespace 'system' requires admin privileges",
  },
];

describe("a closed place", () => {
  test.each(REFUSED)("$title: no method tells what is there", async (refused) => {
    const { path, who, expected } = refused;
    const world = new World();
    const isReadonly = path.startsWith("/system");
    const target = await ground(world, path, { isReadonly });
    const own = await ground(world, "/workspace/acme/alice");
    const list = () => world.metadata.readdir({ ino: target.directory, after: 0, limit: 100 });
    const before = list();
    // A handle there can't be open for writing, so there is nothing to be refused.
    const needsWriter = isReadonly ? ["write", "fallocate", "copyFileRange (2)"] : [];
    const deviations: string[][] = [];
    for (const { title, byName, run } of ALL_ATTEMPTS) {
      if (needsWriter.includes(title)) continue;
      for (const name of byName ? NAMES : ["file"]) {
        const told = await outcome(() => run({ fs: world.fs, caller: who, target, own, name }));
        if (told !== expected) deviations.push([title, name, told]);
      }
    }
    expect(deviations).toStrictEqual([]);
    expect(list()).toStrictEqual(before);
  });
});

describe("the boundary itself", () => {
  const BOUNDARIES = [
    ["/workspace", "beta", "nobody", ALICE],
    ["/workspace/acme", "bob", "nobody", ALICE],
    ["/shared", "beta", "nobody", ALICE],
    ["/archives", "beta", "nobody", ALICE],
  ] as const;

  test.each(BOUNDARIES)("in %s doesn't tell %s from %s", async (path, existing, missing, who) => {
    const world = new World();
    reach(world, `${path}/${existing}`);
    const own = await ground(world, "/workspace/acme/alice");
    const target = { ...own, directory: reach(world, path) };
    for (const attempt of ALL_ATTEMPTS.filter(({ byName }) => byName)) {
      const told = [];
      for (const name of [existing, missing]) {
        const situation = { fs: world.fs, caller: who, target, own, name };
        told.push(await outcome(() => attempt.run(situation)));
      }
      expect(told[0]?.replaceAll(existing, "*")).toBe(told[1]?.replaceAll(missing, "*"));
      expect(told[0]).toMatch(CLOSED);
    }
  });

  test("can't be changed by who is bound by it", async () => {
    const world = new World();
    const own = await ground(world, "/workspace/acme/alice");
    const target = {
      ...own,
      file: reach(world, "/workspace/acme"),
      directory: reach(world, "/workspace"),
    };
    const situation = { fs: world.fs, caller: ALICE, target, own, name: "acme" };
    for (const method of [
      "setxattr (1)",
      "removexattr (1)",
      "removexattr (2)",
      "setxattrs",
      "tmpfile (1)",
      "unlink",
      "rmdir",
      "rename (1)",
    ]) {
      const attempt = ALL_ATTEMPTS.find(({ title }) => title === method);
      if (attempt === undefined) throw new Error(`no ${method}`);
      expect(await outcome(() => attempt.run(situation))).toMatch(/^access-denied: /);
    }
  });

  test("tells by no link and no time that somebody else came or went", async () => {
    const world = new World();
    const ino = reach(world, "/workspace");
    const before = await world.fs.getattr(ALICE, { ino });
    await world.pass(5000);
    reach(world, "/workspace/beta/bob");
    expect(await world.fs.getattr(ALICE, { ino })).toStrictEqual(before);
    expect((await world.fs.getattr(ADMIN, { ino })).nlink).toBeGreaterThan(before.nlink);
  });

  test("tells nothing of other agents to an agent that has no tenant", async () => {
    const world = new World();
    const nobodys = caller(undefined, "alice");
    for (const path of ["/workspace", "/workspace/acme"]) {
      const ino = reach(world, path);
      const before = await world.fs.getattr(nobodys, { ino });
      await world.pass(5000);
      reach(world, `${path}/beta`);
      expect(await world.fs.getattr(nobodys, { ino })).toStrictEqual(before);
    }
  });

  test("tells all links and times to a tenant that may see all entries", async () => {
    const world = new World();
    const acme = caller("acme");
    const ino = reach(world, "/workspace/acme");
    reach(world, "/workspace/acme/alice");
    const before = await world.fs.getattr(acme, { ino });
    await world.pass(5000);
    reach(world, "/workspace/acme/bob");
    const after = await world.fs.getattr(acme, { ino });
    expect(after.nlink).toBe(before.nlink + 1);
    expect(after.mtime).toStrictEqual(world.clock.now());
  });
});

describe("a read-only namespace", () => {
  const READONLY = ALL_ATTEMPTS.filter(({ access }) => access === "write");

  test.each(["/system/deep", "/archives/acme"])("%s takes no change, from nobody", async (path) => {
    const world = new World();
    const target = await ground(world, path, { isReadonly: true });
    const own = await ground(world, "/workspace/acme/alice");
    const name = path === "/system/deep" ? "system" : "archives";
    const callers = path === "/system/deep" ? [ADMIN] : [ADMIN, ALICE, caller()];
    for (const who of callers) {
      for (const attempt of READONLY) {
        const situation = { fs: world.fs, caller: who, target, own, name: "file" };
        const told = await outcome(() => attempt.run(situation));
        // A handle that isn't open for writing says so.
        if (!told.startsWith("bad-handle")) {
          expect(told).toBe(`read-only: namespace '${name}' is read-only`);
        }
      }
    }
  });

  test("can be read by who may enter it, and reading leaves no trace", async () => {
    const world = new World();
    const target = await ground(world, "/archives/acme", { isReadonly: true });
    const before = world.metadata.getattr(target.file);
    await world.pass(100_000_000);
    const reads = ALL_ATTEMPTS.filter(
      ({ access, title }) => access === "read" && title !== "getxattr (4)",
    );
    const own = await ground(world, "/workspace/acme/alice");
    for (const { run, title } of reads.filter((each) => each.title !== "lseek")) {
      const situation = { fs: world.fs, caller: ALICE, target, own, name: "file" };
      expect([title, await outcome(() => run(situation))]).toStrictEqual([title, "allowed"]);
    }
    await world.pass(1000);
    expect(world.metadata.getattr(target.file)?.atime).toStrictEqual(before?.atime);
  });
});

describe("one's own", () => {
  test("is open to all methods", async () => {
    for (const { title, byName, run } of ALL_ATTEMPTS) {
      if (byName) continue;
      const world = new World();
      const own = await ground(world, "/workspace/acme/alice");
      const target = await ground(world, "/workspace/acme/alice/deeper");
      const told = await outcome(() =>
        run({ fs: world.fs, caller: ALICE, target, own, name: "file" }),
      );
      expect([title, told]).not.toStrictEqual([title, expect.stringMatching(CLOSED)]);
      await world.close();
    }
  });

  test("agents of a tenant share what is shared", async () => {
    const world = new World();
    const shared = reach(world, "/shared/acme");
    for (const agent of ["alice", "bob"]) {
      const request = { parent: shared, name: agent, mode: 0o755 };
      await world.fs.mkdir(caller("acme", agent), request);
    }
    const bob = await world.fs.lookup(ALICE, { parent: shared, name: "bob" });
    expect(bob).toBeDefined();
  });

  test("ends at its boundary for renames and links, also for an admin", async () => {
    const world = new World();
    const own = await ground(world, "/workspace/acme/alice");
    for (const path of ["/workspace/acme/bob", "/shared/acme", "/documents"]) {
      const newParent = reach(world, path);
      const names = { parent: own.directory, name: "file", newParent, newName: "file" };
      const renaming = () => world.fs.rename(ADMIN, { ...names, mode: "replace", whiteout: false });
      expect(await outcome(renaming)).toMatch(/^cross-zone/);
      const linking = () => world.fs.link(ADMIN, { ino: own.file, newParent, newName: "x" });
      expect(await outcome(linking)).toMatch(/^cross-zone/);
    }
  });
});

describe("a listing", () => {
  async function listed(world: World, who: Caller, ino: Ino): Promise<string[][]> {
    const names: string[] = [];
    const plus: string[] = [];
    const page = { ino, cookie: 0, limit: 2 };
    const note = (list: string[]) => (entry: { name: string }) => list.push(entry.name) > 0;
    await world.fs.readdir(who, { ...page, emit: note(names) });
    await world.fs.readdirPlus(who, { ...page, emit: note(plus) });
    const isReal = (name: string) => name !== "." && name !== "..";
    return [names.filter(isReal), plus.filter(isReal)];
  }

  test("leaves out what the caller may not enter", async () => {
    const world = new World();
    for (const path of ["acme/alice", "acme/bob", "beta/bob"]) reach(world, `/workspace/${path}`);
    const workspace = reach(world, "/workspace");
    const acme = reach(world, "/workspace/acme");
    expect(await listed(world, ALICE, workspace)).toStrictEqual([["acme"], ["acme"]]);
    expect(await listed(world, ALICE, acme)).toStrictEqual([["alice"], ["alice"]]);
    expect((await listed(world, ADMIN, acme))[0]).toStrictEqual(["alice", "bob"]);
    expect((await listed(world, caller("acme"), acme))[0]).toStrictEqual(["alice", "bob"]);
    expect((await listed(world, ALICE, ROOT_INO))[0]).not.toContain("system");
    expect((await listed(world, ADMIN, ROOT_INO))[0]).toContain("system");
  });
});
