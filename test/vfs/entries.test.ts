import { describe, expect, test } from "vitest";
import { S_ISGID } from "../../src/model/attributes.js";
import { type Ino, ROOT_INO } from "../../src/model/ids.js";
import { compareTimestamps } from "../../src/model/timestamp.js";
import { ANYBODY, flags, OpenFile, World } from "./world.js";

async function tmpfile(
  world: World,
  { parent = ROOT_INO, caller = ANYBODY }: { parent?: Ino; caller?: typeof ANYBODY } = {},
) {
  const request = { ino: parent, mode: 0o600, flags: flags(), exclusive: false };
  const { entry, opened } = await world.fs.tmpfile(caller, request);
  const file = new OpenFile(world, { ino: entry.ino, handle: opened.handle });
  return { file, attributes: entry.attributes };
}

describe("ctime never goes back, although a write was noted before:", () => {
  const rename = { parent: ROOT_INO, newParent: ROOT_INO, whiteout: false } as const;
  const CHANGES: Readonly<Record<string, (world: World, ino: Ino) => unknown>> = {
    rename: ({ fs }) =>
      fs.rename(ANYBODY, { ...rename, name: "file", newName: "new", mode: "replace" }),
    "being replaced": async ({ fs }) => {
      await fs.rename(ANYBODY, { ...rename, name: "other", newName: "file", mode: "replace" });
    },
    "being exchanged": ({ fs }) =>
      fs.rename(ANYBODY, { ...rename, name: "other", newName: "file", mode: "exchange" }),
    link: ({ fs }, ino) => fs.link(ANYBODY, { ino, newParent: ROOT_INO, newName: "new" }),
    unlink: ({ fs }) => fs.unlink(ANYBODY, { parent: ROOT_INO, name: "file" }),
  };

  test.each(Object.entries(CHANGES))("%s", async (_title, change) => {
    const world = new World();
    const file = await world.create("file");
    await world.fs.link(ANYBODY, { ino: file.ino, newParent: ROOT_INO, newName: "kept" });
    await world.write("other", "other");
    await world.pass(1000);
    await file.write("text");
    const { mtime } = await world.fs.getattr(ANYBODY, { ino: file.ino });
    world.clock.advance(5);
    await change(world, file.ino);
    const changed = world.clock.now();
    const seen = async () => await world.fs.getattr(ANYBODY, { ino: file.ino });
    expect(await seen()).toMatchObject({ ctime: changed, mtime });
    await world.pass(100);
    expect(await seen()).toMatchObject({ ctime: changed, mtime });
    expect(world.metadata.getattr(file.ino)).toMatchObject({ ctime: changed, mtime });
    expect(compareTimestamps(changed, mtime)).toBeGreaterThan(0);
  });

  test("a rename of one name of a file onto another one changes nothing", async () => {
    const world = new World();
    const file = await world.create("file");
    await world.fs.link(ANYBODY, { ino: file.ino, newParent: ROOT_INO, newName: "other" });
    await file.write("text");
    const before = await world.fs.getattr(ANYBODY, { ino: file.ino });
    world.clock.advance(5);
    const names = { ...rename, name: "file", newName: "other", mode: "replace" } as const;
    await world.fs.rename(ANYBODY, names);
    expect(await world.fs.getattr(ANYBODY, { ino: file.ino })).toStrictEqual(before);
  });
});

describe("a file that is made without a name", () => {
  test("gets the group of a set-group-id directory, and the caller's in another one", async () => {
    const world = new World();
    const caller = { ...ANYBODY, uid: 1000, gid: 1000 };
    const made = await world.fs.mkdir(ANYBODY, { parent: ROOT_INO, name: "d", mode: 0o777 });
    await world.fs.setattr(ANYBODY, { ino: made.ino, gid: 1234 });
    const plain = await tmpfile(world, { parent: made.ino, caller });
    expect(plain.attributes).toMatchObject({ uid: 1000, gid: 1000 });
    await world.fs.setattr(ANYBODY, { ino: made.ino, permissions: S_ISGID | 0o777 });
    const inherited = await tmpfile(world, { parent: made.ino, caller });
    expect(inherited.attributes).toMatchObject({ uid: 1000, gid: 1234 });
  });

  test("gets the media type of its first name, and keeps it when it gets another one", async () => {
    const world = new World();
    const { file } = await tmpfile(world);
    const link = { ino: file.ino, newParent: ROOT_INO };
    expect(await world.attribute(file.ino, "mime_type")).toBeUndefined();
    await world.fs.link(ANYBODY, { ...link, newName: "first.json" });
    expect(await world.attribute(file.ino, "mime_type")).toBe("application/json");
    await world.fs.link(ANYBODY, { ...link, newName: "second.txt" });
    expect(await world.attribute(file.ino, "mime_type")).toBe("application/json");
  });

  test("is sealed when it gets one, although its writer closed it before", async () => {
    const world = new World();
    const { file } = await tmpfile(world);
    await file.write("text");
    file.release();
    await world.fs.link(ANYBODY, { ino: file.ino, newParent: ROOT_INO, newName: "named" });
    await world.sealed("named");
    expect(await world.read("named")).toBe("text");
  });

  test("isn't sealed before its writer closes it", async () => {
    const world = new World();
    const { file } = await tmpfile(world);
    await file.write("text");
    await world.fs.link(ANYBODY, { ino: file.ino, newParent: ROOT_INO, newName: "named" });
    await world.pass(5000);
    expect(world.hash("named")).toBeUndefined();
    file.release();
    await world.sealed("named");
  });
});
