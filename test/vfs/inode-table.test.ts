import { describe, expect, test } from "vitest";
import { type Ino, ROOT_INO } from "../../src/model/ids.js";
import { kindOf } from "../support/error-kind.js";
import { ANYBODY, World } from "./world.js";

function isKnown(world: World, ino: Ino): boolean {
  return kindOf(() => world.fs.getattr(ANYBODY, { ino })) === undefined;
}

describe("an inode", () => {
  test("is known as long as a look-up isn't forgotten", async () => {
    const world = new World();
    const ino = await world.write("file", "text");
    expect(isKnown(world, ino)).toBe(false);
    for (let count = 1; count <= 3; count++) expect(world.lookup("file")).toBe(ino);
    world.forget(ino, 2);
    expect(isKnown(world, ino)).toBe(true);
    world.forget(ino, 1);
    expect(kindOf(() => world.fs.getattr(ANYBODY, { ino }))).toBe("stale");
  });

  test("is known while it is open, also if all look-ups are forgotten", async () => {
    const world = new World();
    const file = await world.create("file", "text");
    world.forget(file.ino);
    expect(isKnown(world, file.ino)).toBe(true);
    expect(await file.read()).toBe("text");
    file.release();
    expect(isKnown(world, file.ino)).toBe(false);
  });

  test("can be forgotten too often, or when nobody knows it", () => {
    const world = new World();
    world.forget(4711 as Ino);
    const request = { parent: ROOT_INO, name: "directory", mode: 0o755 };
    const made = world.fs.mkdir(ANYBODY, request);
    if (made instanceof Promise) throw new Error("later");
    world.forget(made.ino, 100);
    expect(world.lookup("directory")).toBe(made.ino);
    expect(isKnown(world, made.ino)).toBe(true);
  });

  test("of the root is always known", () => {
    const world = new World();
    expect(isKnown(world, ROOT_INO)).toBe(true);
  });

  test("counts one look-up for each thing that returns an entry", async () => {
    const world = new World();
    const { fs } = world;
    const name = (text: string) => ({ parent: ROOT_INO, name: text });
    const made = [
      await fs.mkdir(ANYBODY, { ...name("directory"), mode: 0o755 }),
      await fs.symlink(ANYBODY, { ...name("symlink"), target: Buffer.from("x") }),
      await fs.mknod(ANYBODY, { ...name("fifo"), mode: 0o010644, rdev: 0 }),
    ];
    for (const { ino } of made) {
      expect(isKnown(world, ino)).toBe(true);
      world.forget(ino);
      expect(isKnown(world, ino)).toBe(false);
    }
    const file = await world.create("file");
    await fs.link(ANYBODY, { ino: file.ino, newParent: ROOT_INO, newName: "link" });
    file.release();
    world.forget(file.ino);
    expect(isKnown(world, file.ino)).toBe(true);
    world.forget(file.ino);
    expect(isKnown(world, file.ino)).toBe(false);
  });

  test("counts one for each entry of a listing with attributes, but not for the dots", async () => {
    const world = new World();
    const inos = [
      await world.write("a", ""),
      await world.write("b", ""),
      await world.write("c", ""),
    ];
    const root = ROOT_INO;
    let taken = 0;
    const names = new Set(["a", "b"]);
    // The last one doesn't fit any more: it is not counted.
    await world.fs.readdirPlus(ANYBODY, {
      ino: root,
      cookie: 0,
      limit: 100,
      emit: ({ name }) => name !== "c" && (names.has(name) ? ++taken > 0 : true),
    });
    expect(taken).toBe(2);
    expect(inos.map((ino) => isKnown(world, ino))).toStrictEqual([true, true, false]);
    for (const ino of inos) world.forget(ino);
    expect(inos.map((ino) => isKnown(world, ino))).toStrictEqual([false, false, false]);
    expect(isKnown(world, root)).toBe(true);
  });

  test("counts nothing for a listing without attributes", async () => {
    const world = new World();
    const ino = await world.write("file", "");
    await world.fs.readdir(ANYBODY, { ino: ROOT_INO, cookie: 0, limit: 100, emit: () => true });
    expect(isKnown(world, ino)).toBe(false);
  });

  test("isn't counted for a file that can't be opened after it was looked up", async () => {
    const world = new World();
    const { ino } = await world.fs.mkdir(ANYBODY, { parent: ROOT_INO, name: "taken", mode: 0o755 });
    world.forget(ino);
    await expect(async () => {
      const file = await world.create("fresh");
      file.close();
      const request = { parent: ROOT_INO, name: "taken", mode: 0o644, exclusive: false };
      const none = { truncate: false, noAtime: false, killSetId: false };
      return await world.fs.create(ANYBODY, { ...request, flags: { ...none, access: "both" } });
    }).rejects.toMatchObject({ kind: "is-a-directory" });
    expect(isKnown(world, ino)).toBe(false);
  });

  test("without a name lives until its last user lets go, and is gone then", async () => {
    const world = new World();
    const file = await world.create("file", "text");
    await world.unlink("file");
    expect((await world.fs.getattr(ANYBODY, { ino: file.ino })).nlink).toBe(0);
    await file.write("more", 4);
    expect(await file.read()).toBe("textmore");
    file.release();
    await world.pass(100);
    expect(world.metadata.getattr(file.ino)).toBeDefined();
    world.forget(file.ino);
    await world.pass(20);
    expect(world.metadata.getattr(file.ino)).toBeUndefined();
    expect(world.trouble).toStrictEqual([]);
  });
});

describe("a handle", () => {
  test("is worth nothing after its release, and releasing it again does nothing", async () => {
    const world = new World();
    const file = await world.create("file", "text");
    file.release();
    const read = { handle: file.handle, offset: 0, into: Buffer.alloc(1) };
    expect(kindOf(() => world.fs.read(ANYBODY, read))).toBe("bad-handle");
    world.fs.release({ handle: file.handle });
    const again = await world.open("file");
    expect(await again.read()).toBe("text");
  });

  test("does what it was opened for, and nothing else", async () => {
    const world = new World();
    await world.write("file", "text");
    const reader = await world.open("file", { access: "read" });
    const writer = await world.open("file", { access: "write" });
    await expect(reader.write("x")).rejects.toMatchObject({ kind: "bad-handle" });
    await expect(writer.read()).rejects.toMatchObject({ kind: "bad-handle" });
    await writer.write("x");
    expect(await reader.read()).toBe("xext");
  });
});
