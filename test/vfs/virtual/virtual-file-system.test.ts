import { beforeEach, describe, expect, test, vi } from "vitest";
import { S_IFDIR, S_IFLNK, S_IFREG } from "../../../src/model/attributes.js";
import { type Ino, isVirtual, ROOT_INO } from "../../../src/model/ids.js";
import type { ListedEntry, ListedEntryPlus } from "../../../src/vfs/file-system.js";
import { workLinkName } from "../../../src/vfs/virtual/work-link-name.js";
import { ANYBODY, caller, flags } from "../world.js";
import { VirtualWorld } from "./virtual-world.js";

const STATES = ["ready", "pending", "blocked", "in_progress", "completed", "failed"];

/** The kind of error with which something fails, or what it returned. */
async function outcome(action: () => unknown): Promise<unknown> {
  try {
    return (await action()) ?? "done";
  } catch (error) {
    return (error as { kind?: unknown }).kind;
  }
}

describe("the virtual directory", () => {
  let world: VirtualWorld;

  beforeEach(() => {
    world = new VirtualWorld();
  });

  async function rootNames(): Promise<string[]> {
    const page = await world.page({ ino: ROOT_INO, cookie: 0, atOnce: 100 });
    return page.map(({ name }) => name);
  }

  test("is found in the root, and not listed there", async () => {
    const entry = await world.entry("/.nexus");
    expect(entry?.attributes).toMatchObject({ mode: S_IFDIR | 0o555, uid: 41, gid: 42 });
    const names = await rootNames();
    expect(names).toContain("workspace");
    expect(names).not.toContain(".nexus");
  });

  test("is in the root alone", async () => {
    const { ino } = (await world.entry("/workspace")) ?? { ino: ROOT_INO };
    expect(await world.fs.lookup(ANYBODY, { parent: ino, name: ".nexus" })).toBeUndefined();
    const mode = 0o755;
    expect(await world.entry("/other")).toBeUndefined();
    const made = await world.fs.mkdir(ANYBODY, { parent: ROOT_INO, name: "other", mode });
    const inside = await world.fs.mkdir(ANYBODY, { parent: made.ino, name: ".nexus", mode });
    expect(isVirtual(inside.ino)).toBe(false);
  });

  test("lists its entries, with the numbers and types that a look-up tells", async () => {
    const listings: Record<string, string[]> = {
      "/.nexus": ["version", "stats", "work"],
      "/.nexus/work": STATES,
      "/.nexus/work/ready": [],
    };
    for (const [path, names] of Object.entries(listings)) {
      const ino = await world.ino(path);
      const page = await world.page({ ino, cookie: 0, atOnce: 100 });
      const parent = await world.ino(path.slice(0, path.lastIndexOf("/")) || "/.nexus");
      const dotDot = path === "/.nexus" ? ROOT_INO : parent;
      expect(page.slice(0, 2)).toMatchObject([
        { name: ".", ino },
        { name: "..", ino: dotDot },
      ]);
      expect(page.slice(2).map(({ name }) => name)).toEqual(names);
      for (const { name, ino, mode } of page.slice(2)) {
        const entry = await world.entry(`${path}/${name}`);
        expect(entry?.ino).toBe(ino);
        expect(entry?.attributes.mode).toBe(mode);
      }
      expect(await world.names(path, ANYBODY, 1)).toEqual(names);
    }
  });

  test("hides a file of its name that a store has", async () => {
    const now = world.world.clock.now();
    const none = { tenantId: undefined, agentId: undefined, mimeType: undefined };
    const file = {
      parent: ROOT_INO,
      name: ".nexus",
      mode: S_IFDIR | 0o755,
      uid: 0,
      gid: 0,
      rdev: 0,
    };
    const stored = world.world.metadata.create({ ...file, ...none, now });
    expect((await world.entry("/.nexus"))?.ino).not.toBe(stored.ino);
    expect(await rootNames()).not.toContain(".nexus");

    const plus: ListedEntryPlus[] = [];
    const emit = (entry: ListedEntryPlus) => plus.push(entry) > 0;
    await world.fs.readdirPlus(ANYBODY, { ino: ROOT_INO, cookie: 0, limit: 100, emit });
    expect(plus.map(({ name }) => name)).toContain("workspace");
    expect(plus.map(({ name }) => name)).not.toContain(".nexus");
    expect(() => world.fs.getattr(ANYBODY, { ino: stored.ino })).toThrow("not known");
  });

  test("has the program's version", async () => {
    expect(await world.text("/.nexus/version")).toBe("1.2.3\n");
    const { attributes } = (await world.entry("/.nexus/version")) ?? {};
    expect(attributes).toMatchObject({ mode: S_IFREG | 0o444, sizeBytes: 6, uid: 41, gid: 42 });
  });

  test("counts files and work in its stats", async () => {
    await world.world.write("a", "1");
    world.work.put({ ino: 5 as Ino, path: "/a", state: "ready" });
    world.work.put({ ino: 6 as Ino, path: "/b", state: "ready" });
    world.work.put({ ino: 7 as Ino, path: "/c", state: "in_progress" });
    const text = await world.text("/.nexus/stats");
    const stats = new Map(
      text
        .trimEnd()
        .split("\n")
        .map((line) => line.split(" ") as [string, string]),
    );
    expect(Number(stats.get("files"))).toBe(world.world.metadata.countInodes());
    expect(stats.get("work_ready")).toBe("2");
    expect(stats.get("work_in_progress")).toBe("1");
    expect(stats.get("work_failed")).toBe("0");
    expect(stats.get("work_total")).toBe("3");
    expect(Number(stats.get("bytes_available"))).toBeGreaterThan(0);
    expect(text).toMatch(/^([a-z_]+ \d+\n)+$/);
  });

  test("reads an open file as it was when it was opened, at any offset", async () => {
    const ino = await world.ino("/.nexus/stats");
    const { handle } = await world.fs.open(ANYBODY, { ino, flags: flags({ access: "read" }) });
    const read = async (offset: number, length: number) => {
      const into = Buffer.alloc(length);
      return into.toString("utf8", 0, await world.fs.read(ANYBODY, { handle, offset, into }));
    };
    const before = await read(0, 4096);
    expect(before).toContain("work_failed 0\n");
    const names = (text: string) => text.split("\n").map((line) => line.split(" ")[0]);
    expect(names(before)).toStrictEqual(names(await world.text("/.nexus/stats")));
    world.work.put({ ino: 5 as Ino, path: "/a", state: "failed" });
    expect(await read(0, 4096)).toBe(before);
    expect(await read(3, 5)).toBe(before.slice(3, 8));
    expect(await read(before.length, 5)).toBe("");
    expect(await read(2 ** 40, 5)).toBe("");
    expect(await world.fs.lseek(ANYBODY, { handle, offset: 3, to: "data" })).toBe(3);
    expect(await world.fs.lseek(ANYBODY, { handle, offset: 3, to: "hole" })).toBe(before.length);
    const past = { handle, offset: before.length, to: "data" } as const;
    expect(await outcome(() => world.fs.lseek(ANYBODY, past))).toBe("no-such-offset");
    expect(await world.text("/.nexus/stats")).toContain("work_failed 1\n");
    world.fs.release({ handle });
    expect(world.fs.held.handles).toBe(0);
    expect(await outcome(() => read(0, 5))).toBe("bad-handle");
  });

  test("says of a missing name that it isn't there now, which nobody remembers", async () => {
    for (const path of ["/.nexus/nothing", "/.nexus/work/nothing", "/.nexus/work/ready/nothing"]) {
      expect(await outcome(() => world.entry(path))).toBe("not-found");
    }
  });

  test("has no attributes but those of stat, and the file system's numbers", async () => {
    const ino = await world.ino("/.nexus/stats");
    expect(await world.fs.getxattr(ANYBODY, { ino, name: "user.nexus.etag" })).toBeUndefined();
    expect(await world.fs.listxattr(ANYBODY, { ino })).toEqual([]);
    const statfs = async (of: Ino) => await world.fs.statfs(ANYBODY, { ino: of });
    // What is free may change between the two, with what others on the machine do.
    await vi.waitFor(async () => expect(await statfs(ino)).toEqual(await statfs(ROOT_INO)));
    expect(await outcome(() => world.fs.fsync(ANYBODY, { ino }))).toBe("done");
  });

  test("tells what isn't what it is taken for", async () => {
    const file = await world.ino("/.nexus/stats");
    const directory = await world.ino("/.nexus");
    const name = workLinkName(world.work.put({ ino: 5 as Ino, path: "/a" }));
    const symlink = await world.ino(`/.nexus/work/ready/${name}`);
    const read = flags({ access: "read" });
    expect(await outcome(() => world.fs.open(ANYBODY, { ino: directory, flags: read }))).toBe(
      "is-a-directory",
    );
    expect(await outcome(() => world.fs.open(ANYBODY, { ino: symlink, flags: read }))).toBe(
      "not-supported",
    );
    expect(await outcome(() => world.fs.opendir(ANYBODY, { ino: file }))).toBe("not-a-directory");
    expect(await outcome(() => world.fs.readlink(ANYBODY, { ino: file }))).toBe("invalid-argument");
    expect(await outcome(() => world.fs.lookup(ANYBODY, { parent: file, name: "x" }))).toBe(
      "not-a-directory",
    );
    const unknown = (symlink + 1000) as Ino;
    expect(await outcome(() => world.fs.getattr(ANYBODY, { ino: unknown }))).toBe("stale");
  });

  test("holds nothing for who has let go", async () => {
    for (const path of ["/.nexus", "/.nexus/work", "/.nexus/work/ready"]) await world.names(path);
    const name = workLinkName(world.work.put({ ino: 5 as Ino, path: "/a" }));
    const ino = await world.ino(`/.nexus/work/ready/${name}`);
    world.fs.forget({ ino, count: 1 });
    world.fs.forget({ ino: await world.ino("/.nexus/stats"), count: 1 });
    expect(world.fs.held).toEqual({ lookedUp: 0, handles: 0 });
    expect(await world.text("/.nexus/version")).toBe("1.2.3\n");
  });
});

describe("a change of the virtual directory", () => {
  let world: VirtualWorld;

  beforeEach(() => {
    world = new VirtualWorld();
  });

  const admin = caller(undefined, undefined, { isAdmin: true });

  /** Everything that would change a directory, a file or a symlink there, or what it is made of. */
  async function attempts(): Promise<Record<string, () => unknown>> {
    const { fs } = world;
    const name = workLinkName(world.work.put({ ino: 5 as Ino, path: "/a" }));
    const parent = await world.ino("/.nexus/work/ready");
    const file = await world.ino("/.nexus/stats");
    const symlink = await world.ino(`/.nexus/work/ready/${name}`);
    const write = flags({ access: "write" });
    const made = { parent, name: "new", mode: 0o755 };
    const both = { newParent: parent, newName: "other", mode: "replace", whiteout: false } as const;
    const { handle } = await fs.open(ANYBODY, { ino: file, flags: flags({ access: "read" }) });
    const data = Buffer.from("x");
    return {
      mkdir: () => fs.mkdir(admin, made),
      mknod: () => fs.mknod(admin, { ...made, mode: S_IFREG | 0o644, rdev: 0 }),
      symlink: () => fs.symlink(admin, { ...made, target: data }),
      create: () => fs.create(admin, { ...made, flags: write, exclusive: false }),
      tmpfile: () =>
        fs.tmpfile(admin, { ino: parent, mode: 0o644, flags: write, exclusive: false }),
      link: () => fs.link(admin, { ino: symlink, newParent: parent, newName: "new" }),
      unlink: () => fs.unlink(admin, { parent, name }),
      rmdir: () => fs.rmdir(admin, { parent, name }),
      rename: () => fs.rename(admin, { parent, name, ...both }),
      "open for writing": () => fs.open(admin, { ino: file, flags: write }),
      "open and truncate": () =>
        fs.open(admin, { ino: file, flags: flags({ access: "read", truncate: true }) }),
      setattr: () => fs.setattr(admin, { ino: symlink, permissions: 0o600 }),
      truncate: () => fs.setattr(admin, { ino: file, sizeBytes: 0 }),
      setxattr: () =>
        fs.setxattr(admin, { ino: file, name: "user.status", value: data, mode: "any" }),
      setxattrs: () =>
        fs.setxattrs(admin, [{ ino: file, name: "user.a", value: data, mode: "any" }]),
      removexattr: () => fs.removexattr(admin, { ino: file, name: "user.status" }),
      write: () => fs.write(admin, { handle, offset: 0, data, killSetId: false }),
      fallocate: () => fs.fallocate(admin, { handle, offset: 0, length: 1, mode: "extend" }),
      "copy into": () =>
        fs.copyFileRange(admin, { handle, offset: 0, toHandle: handle, toOffset: 0, length: 1 }),
    };
  }

  test("is refused as read-only, whatever it is", async () => {
    for (const [what, attempt] of Object.entries(await attempts())) {
      expect(`${what}: ${await outcome(attempt)}`).toBe(`${what}: read-only`);
    }
  });

  test("is refused for its own name in the root, and nothing is made", async () => {
    const { fs } = world;
    const { ino } = await world.world.create("real", "text");
    const made = { parent: ROOT_INO, name: ".nexus", mode: 0o755 };
    const flagged = { ...made, flags: flags(), exclusive: false };
    const to = { newParent: ROOT_INO, newName: ".nexus" };
    const how = { mode: "replace", whiteout: false } as const;
    const refused: Record<string, [() => unknown, string]> = {
      mkdir: [() => fs.mkdir(admin, made), "already-exists"],
      mknod: [() => fs.mknod(admin, { ...made, mode: S_IFREG, rdev: 0 }), "already-exists"],
      symlink: [() => fs.symlink(admin, { ...made, target: Buffer.from("x") }), "already-exists"],
      create: [() => fs.create(admin, flagged), "already-exists"],
      link: [() => fs.link(admin, { ino, ...to }), "already-exists"],
      unlink: [() => fs.unlink(admin, made), "busy"],
      rmdir: [() => fs.rmdir(admin, made), "busy"],
      "rename from": [
        () => fs.rename(admin, { ...made, newParent: ROOT_INO, newName: "x", ...how }),
        "busy",
      ],
      "rename to": [
        () => fs.rename(admin, { parent: ROOT_INO, name: "real", ...to, ...how }),
        "busy",
      ],
    };
    for (const [what, [attempt, kind]] of Object.entries(refused)) {
      expect(`${what}: ${await outcome(attempt)}`).toBe(`${what}: ${kind}`);
    }
    expect(world.world.metadata.lookup({ parent: ROOT_INO, name: ".nexus" })).toBeUndefined();
    expect(await world.world.read("real")).toBe("text");
  });

  test("is refused as of another zone where the other end is real", async () => {
    const { fs } = world;
    const real = await world.world.create("real", "text");
    const name = workLinkName(world.work.put({ ino: 5 as Ino, path: "/real" }));
    const parent = await world.ino("/.nexus/work/ready");
    const symlink = await world.ino(`/.nexus/work/ready/${name}`);
    const file = await world.ino("/.nexus/stats");
    const { handle } = await fs.open(ANYBODY, { ino: file, flags: flags({ access: "read" }) });
    const how = { mode: "replace", whiteout: false } as const;
    const at = (newParent: Ino) => ({ newParent, newName: "new" });
    const refused: Record<string, () => unknown> = {
      "rename into": () =>
        fs.rename(admin, { parent: ROOT_INO, name: "real", ...at(parent), ...how }),
      "rename out of": () => fs.rename(admin, { parent, name, ...at(ROOT_INO), ...how }),
      "link into": () => fs.link(admin, { ino: real.ino, ...at(parent) }),
      "link out of": () => fs.link(admin, { ino: symlink, ...at(ROOT_INO) }),
      "copy out of": () =>
        fs.copyFileRange(admin, {
          handle,
          offset: 0,
          toHandle: real.handle,
          toOffset: 0,
          length: 9,
        }),
    };
    for (const [what, attempt] of Object.entries(refused)) {
      expect(`${what}: ${await outcome(attempt)}`).toBe(`${what}: cross-zone`);
    }
    expect(await world.world.read("real")).toBe("text");
  });
});

describe("what is asked of a real file", () => {
  test("goes to the file system inside", async () => {
    const world = new VirtualWorld();
    const { fs } = world;
    const made = await fs.mkdir(ANYBODY, { parent: ROOT_INO, name: "jobs", mode: 0o755 });
    const target = Buffer.from("there");
    const symlink = await fs.symlink(ANYBODY, { parent: made.ino, name: "s", target });
    expect(symlink.attributes.mode).toBe(S_IFLNK | 0o777);
    expect(await fs.readlink(ANYBODY, { ino: symlink.ino })).toEqual(target);
    const listed: ListedEntry[] = [];
    const emit = (entry: ListedEntry) => listed.push(entry) > 0;
    expect(await fs.opendir(ANYBODY, { ino: made.ino })).toBeUndefined();
    await fs.readdir(ANYBODY, { ino: made.ino, cookie: 0, limit: 10, emit });
    expect(listed.map(({ name }) => name)).toEqual([".", "..", "s"]);
    const request = { parent: made.ino, name: "f", mode: 0o644, flags: flags(), exclusive: true };
    const { entry, opened } = await fs.create(ANYBODY, request);
    const { handle } = opened;
    await fs.write(ANYBODY, { handle, offset: 0, data: target, killSetId: false });
    const into = Buffer.alloc(10);
    expect(await fs.read(ANYBODY, { handle, offset: 0, into })).toBe(5);
    fs.release(opened);
    await fs.rename(ANYBODY, {
      parent: made.ino,
      name: "f",
      newParent: ROOT_INO,
      newName: "g",
      mode: "replace",
      whiteout: false,
    });
    expect((await fs.lookup(ANYBODY, { parent: ROOT_INO, name: "g" }))?.ino).toBe(entry.ino);
    await fs.unlink(ANYBODY, { parent: ROOT_INO, name: "g" });
    expect(await fs.lookup(ANYBODY, { parent: ROOT_INO, name: "g" })).toBeUndefined();
  });
});
