import { describe, expect, test } from "vitest";
import type { Caller } from "../../src/model/identity.js";
import { type Ino, ROOT_INO } from "../../src/model/ids.js";
import type { Change } from "../../src/vfs/changes.js";
import { ANYBODY, flags, World } from "./world.js";

const ROOT = ROOT_INO;

/** What is told while something is done, and by whom it was asked for. */
async function changesOf(world: World, act: () => unknown): Promise<Change[]> {
  const told: Change[] = [];
  const callers = new Set<Caller | undefined>();
  const end = world.nexus.changes.subscribe((change, by) => {
    told.push(change);
    callers.add(by);
  });
  try {
    await act();
  } finally {
    end();
  }
  expect([...callers]).toEqual(told.length === 0 ? [] : [ANYBODY]);
  return told;
}

function entry(name: string, parent: Ino = ROOT): Change {
  return { kind: "entry", parent, name };
}

function attributes(ino: Ino): Change {
  return { kind: "attributes", ino };
}

function access(ino: Ino): Change {
  return { kind: "access", ino };
}

describe("a name that comes or goes is told of", () => {
  test.each<[string, (world: World) => unknown]>([
    ["mkdir", ({ fs }) => fs.mkdir(ANYBODY, { parent: ROOT, name: "n", mode: 0o755 })],
    ["mknod", ({ fs }) => fs.mknod(ANYBODY, { parent: ROOT, name: "n", mode: 0o100644, rdev: 0 })],
    ["create", (world) => world.create("n")],
    [
      "symlink",
      ({ fs }) => fs.symlink(ANYBODY, { parent: ROOT, name: "n", target: Buffer.from("x") }),
    ],
  ])("by %s", async (_call, act) => {
    const world = new World();
    expect(await changesOf(world, () => act(world))).toEqual([entry("n")]);
  });

  test("and so is what else changes with it, by link and unlink", async () => {
    const world = new World();
    const ino = await world.write("f", "");
    const link = { ino, newParent: ROOT, newName: "n" };
    world.lookup("f");
    expect(await changesOf(world, () => world.fs.link(ANYBODY, link))).toEqual([
      entry("n"),
      attributes(ino),
    ]);
    expect(await changesOf(world, () => world.unlink("n"))).toEqual([attributes(ino), entry("n")]);
  });

  test("by rmdir", async () => {
    const world = new World();
    const made = await world.fs.mkdir(ANYBODY, { parent: ROOT, name: "d", mode: 0o755 });
    const told = await changesOf(world, () => world.fs.rmdir(ANYBODY, { parent: ROOT, name: "d" }));
    expect(told).toEqual([attributes(made.ino), entry("d")]);
  });

  test("by rename, with what is moved and what is replaced", async () => {
    const world = new World();
    const [from, to] = [await world.write("from", "1"), await world.write("to", "2")];
    const rename = { parent: ROOT, name: "from", newParent: ROOT, newName: "to", whiteout: false };
    const exchanged = await changesOf(world, () =>
      world.fs.rename(ANYBODY, { ...rename, mode: "exchange" }),
    );
    expect(exchanged).toEqual([entry("from"), entry("to"), attributes(from), attributes(to)]);
    const replaced = await changesOf(world, () =>
      world.fs.rename(ANYBODY, { ...rename, mode: "replace" }),
    );
    expect(replaced).toEqual([attributes(from), entry("from"), entry("to"), attributes(to)]);
  });

  test("by nothing that fails or does nothing", async () => {
    const world = new World();
    const ino = await world.write("f", "");
    world.lookup("f");
    await world.fs.link(ANYBODY, { ino, newParent: ROOT, newName: "same" });
    const rename = { parent: ROOT, name: "f", newParent: ROOT, newName: "same", whiteout: false };
    const told = await changesOf(world, async () => {
      await world.fs.rename(ANYBODY, { ...rename, mode: "replace" });
      await expect(world.unlink("none")).rejects.toThrow();
      await expect(world.create("f")).rejects.toThrow();
    });
    expect(told).toEqual([]);
  });
});

describe("bytes that change are told of", () => {
  const content = (ino: Ino, span: object) => ({ kind: "content", ino, ...span });

  test("with where they are, and the last one of the file", async () => {
    const world = new World();
    const file = await world.create("f", "0123456789");
    const write = (text: string, offset: number | "end") =>
      changesOf(world, () => file.write(text, offset));
    expect(await write("ab", 2)).toEqual([
      content(file.ino, { offset: 2, length: 2, sizeBytes: 10, lastByte: undefined }),
    ]);
    expect(await write("xyz", "end")).toEqual([
      content(file.ino, { offset: 10, length: 3, sizeBytes: 13, lastByte: 0x7a }),
    ]);
  });

  test("by truncate: what grew ends in zeros", async () => {
    const world = new World();
    const file = await world.create("f", "0123456789");
    const truncate = (sizeBytes: number) => changesOf(world, () => file.truncate(sizeBytes));
    const lastByte = undefined;
    expect(await truncate(4)).toContainEqual(
      content(file.ino, { offset: 4, length: "to the end", sizeBytes: 4, lastByte }),
    );
    expect(await truncate(9)).toContainEqual(
      content(file.ino, { offset: 4, length: 5, sizeBytes: 9, lastByte: 0 }),
    );
    expect(await truncate(0)).toContainEqual(
      content(file.ino, { offset: 0, length: "to the end", sizeBytes: 0, lastByte }),
    );
  });

  test("by O_TRUNC, also of a file whose content was sealed", async () => {
    const world = new World();
    const ino = await world.write("f", "0123456789");
    await world.sealed("f");
    const told = await changesOf(world, () => world.open("f", { truncate: true }));
    expect(told).toContainEqual(
      content(ino, { offset: 0, length: "to the end", sizeBytes: 0, lastByte: undefined }),
    );
  });

  test("by fallocate, whose last byte is only known where the file grew", async () => {
    const world = new World();
    const file = await world.create("f", "0123456789");
    const allocate = (offset: number, length: number) =>
      changesOf(world, () =>
        world.fs.fallocate(ANYBODY, { handle: file.handle, offset, length, mode: "extend" }),
      );
    expect(await allocate(0, 10)).toEqual([
      content(file.ino, { offset: 0, length: 10, sizeBytes: 10, lastByte: undefined }),
    ]);
    expect(await allocate(8, 4)).toEqual([
      content(file.ino, { offset: 8, length: 4, sizeBytes: 12, lastByte: 0 }),
    ]);
  });

  test("by copy_file_range, by reference and byte by byte", async () => {
    const world = new World();
    await world.write("from", "0123456789");
    await world.sealed("from");
    const from = await world.open("from", { access: "read", noAtime: true });
    const to = await world.create("to");
    const copy = (toOffset: number) =>
      changesOf(world, () =>
        world.fs.copyFileRange(ANYBODY, {
          handle: from.handle,
          offset: 0,
          toHandle: to.handle,
          toOffset,
          length: 10,
        }),
      );
    const lastByte = undefined;
    expect(await copy(0)).toEqual([
      content(to.ino, { offset: 0, length: "to the end", sizeBytes: 10, lastByte }),
    ]);
    expect(await copy(5)).toEqual([
      content(to.ino, { offset: 5, length: 10, sizeBytes: 15, lastByte }),
    ]);
  });

  test("by the library, which gives a file its content at once", async () => {
    const world = new World();
    const ino = await world.write("f", "old");
    const told: Change[] = [];
    world.nexus.changes.subscribe((change) => told.push(change));
    const { files } = world.nexus.featuresFor(ANYBODY.identity);
    await files.write("/f", "something new");
    const span = { offset: 0, length: "to the end", sizeBytes: 13, lastByte: undefined };
    expect(told).toContainEqual(content(ino, span));
    await files.write("/new", "x");
    expect(told).toContainEqual(entry("new"));
  });
});

describe("attributes that change are told of", () => {
  test("by chmod, utimens, and attributes that are set or removed", async () => {
    const world = new World();
    const { ino } = await world.create("f");
    const { fs } = world;
    const name = "user.a";
    const acts = [
      () => fs.setattr(ANYBODY, { ino, permissions: 0o600 }),
      () => fs.setattr(ANYBODY, { ino, mtime: "now" }),
      () => fs.setxattr(ANYBODY, { ino, name, value: Buffer.from("1"), mode: "any" }),
      () => fs.removexattr(ANYBODY, { ino, name }),
    ];
    for (const act of acts) expect(await changesOf(world, act)).toEqual([attributes(ino)]);
  });

  test("by a read that moves the access time, and by no other", async () => {
    const world = new World();
    const file = await world.create("f", "text");
    world.clock.advance(10);
    expect(await changesOf(world, () => file.read())).toEqual([access(file.ino)]);
    expect(await changesOf(world, () => file.read())).toEqual([]);
  });

  test("by whoever takes a file's set-id bits with its content, who has to hear of it himself", async () => {
    const world = new World();
    const file = await world.create("f", "text");
    const { ino, handle } = file;
    const somebody = { ...ANYBODY, uid: 1000, gid: 1000 };
    const data = Buffer.from("x");
    const acts = [
      () => world.fs.write(somebody, { handle, offset: 0, data, killSetId: true }),
      () => world.fs.fallocate(somebody, { handle, offset: 0, length: 9, mode: "extend" }),
      () => world.open("f", { truncate: true, killSetId: true }),
    ];
    for (const act of acts) {
      await world.fs.setattr(ANYBODY, { ino, permissions: 0o4755 });
      const told: [Change, Caller | undefined][] = [];
      const end = world.nexus.changes.subscribe((change, by) => told.push([change, by]));
      await act();
      end();
      expect(told).toContainEqual([attributes(ino), undefined]);
    }
  });

  test("by nothing that only looks", async () => {
    const world = new World();
    const ino = await world.write("f", "text");
    await world.sealed("f");
    const told = await changesOf(world, async () => {
      world.lookup("f");
      await world.fs.getattr(ANYBODY, { ino });
      await world.fs.listxattr(ANYBODY, { ino });
      const { handle } = await world.fs.open(ANYBODY, { ino, flags: flags({ access: "read" }) });
      world.fs.release({ handle });
    });
    expect(told).toEqual([]);
  });
});

test("the directories that the system makes for an identity are told of", () => {
  const world = new World();
  const told: [Change, Caller | undefined][] = [];
  world.nexus.changes.subscribe((change, by) => told.push([change, by]));
  world.nexus.welcome({ isAdmin: false, tenantId: "acme" as never, agentId: "one" as never });
  const names = told.map(([change]) => (change.kind === "entry" ? change.name : change.kind));
  expect(names).toEqual(["acme", "one", "acme"]);
  expect(told.every(([, by]) => by === undefined)).toBe(true);
});
