import { readdirSync, readlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";
import { S_IFCHR, S_IFIFO } from "../../src/model/attributes.js";
import type { Caller } from "../../src/model/identity.js";
import { type Ino, ROOT_INO } from "../../src/model/ids.js";
import { bytesOfLength } from "../support/bytes.js";
import { kindOfLater } from "../support/error-kind.js";
import { ANYBODY, World } from "./world.js";

const ROOT = { ...ANYBODY, uid: 0 };
const USER = { ...ANYBODY, uid: 1000, gid: 1000 };

/** The permissions after a SETATTR that sets nothing. */
async function afterNothing(
  world: World,
  { caller, ino, permissions }: { caller: Caller; ino: Ino; permissions: number },
): Promise<number> {
  await world.fs.setattr(ROOT, { ino, permissions });
  const { mode } = await world.fs.setattr(caller, { ino });
  expect((await world.fs.getattr(caller, { ino })).mode).toBe(mode);
  return mode & 0o7777;
}

// What the kernel sends before a write by somebody who may not keep them, and for chown(f, -1, -1).
describe("setting nothing", () => {
  test.each([
    ["4755", 0o755, 0o755],
    ["6755", 0o755, 0o755],
    ["2755", 0o755, 0o755],
    ["2666", 0o666, 0o2666],
    ["1644", 0o1644, 0o1644],
  ])("takes a file's set-id bits: %s", async (octal, ofUser, ofRoot) => {
    const permissions = Number.parseInt(octal, 8);
    const world = new World();
    // Somebody has it open for writing.
    const { ino } = await world.create("file", "text");
    expect(await afterNothing(world, { caller: USER, ino, permissions })).toBe(ofUser);
    expect(await afterNothing(world, { caller: ROOT, ino, permissions })).toBe(ofRoot);
  });

  test("is refused to who can't be about to write, and leaves the file's privileges", async () => {
    const world = new World();
    const ino = await world.write("file", "text");
    world.lookup("file");
    const name = "security.capability";
    const value = Buffer.from("some capabilities");
    await world.fs.setattr(ROOT, { ino, permissions: 0o4755 });
    await world.fs.setxattr(ROOT, { ino, name, value, mode: "any" });
    for (const taking of [
      async () => world.fs.setattr(USER, { ino }),
      async () => world.fs.removexattr(USER, { ino, name }),
    ]) {
      expect(await kindOfLater(taking())).toBe("not-permitted");
    }
    expect((await world.fs.getattr(ROOT, { ino })).mode & 0o7777).toBe(0o4755);
    expect(await world.fs.getxattr(ROOT, { ino, name })).toStrictEqual(value);
    // The owner may, and so may anybody whom its permissions let write.
    await world.fs.setattr(ROOT, { ino, permissions: 0o4777 });
    await world.fs.removexattr(USER, { ino, name });
    await world.fs.setattr(ROOT, { ino, permissions: 0o4755, uid: USER.uid });
    await world.fs.setattr(ROOT, { ino, permissions: 0o4755 });
    expect((await world.fs.setattr(USER, { ino })).mode & 0o7777).toBe(0o755);
  });

  test("takes nothing from a file that has nothing to take, whoever asks", async () => {
    const world = new World();
    const { ino } = await world.fs.mknod(ROOT, {
      ...{ parent: ROOT_INO, name: "file", mode: 0o100644, rdev: 0 },
    });
    expect((await world.fs.setattr(USER, { ino })).mode & 0o7777).toBe(0o644);
  });

  test.each([
    ["a FIFO", S_IFIFO],
    ["a device", S_IFCHR],
  ])("takes those of %s, and so does giving it to somebody", async (_, type) => {
    const world = new World();
    const node = { parent: ROOT_INO, name: "node", mode: type | 0o755, rdev: 259 };
    const { ino } = await world.fs.mknod(ROOT, node);
    expect(await afterNothing(world, { caller: ROOT, ino, permissions: 0o6755 })).toBe(0o755);
    await world.fs.setattr(ROOT, { ino, permissions: 0o4755 });
    expect(await kindOfLater((async () => world.fs.setattr(USER, { ino }))())).toBe(
      "not-permitted",
    );
    const given = await world.fs.setattr(ROOT, { ino, uid: USER.uid });
    expect(given.mode & 0o7777).toBe(0o755);
  });

  test("leaves a directory's alone", async () => {
    const world = new World();
    const { ino } = await world.fs.mkdir(ROOT, { parent: ROOT_INO, name: "d", mode: 0o755 });
    expect(await afterNothing(world, { caller: USER, ino, permissions: 0o6755 })).toBe(0o6755);
  });

  test("moves ctime, and nothing else", async () => {
    const world = new World();
    const ino = await world.write("file", "text");
    world.lookup("file");
    await world.sealed("file");
    const before = await world.fs.getattr(ROOT, { ino });
    await world.pass(1000);
    const after = await world.fs.setattr(ROOT, { ino });
    expect(after).toStrictEqual({ ...before, ctime: world.clock.now() });
  });
});

describe("truncating", () => {
  test.each([0, 4])(
    "to the size that the file has moves mtime and ctime: %i bytes",
    async (size) => {
      const world = new World();
      const ino = await world.write("file", "text".slice(0, size));
      await world.sealed("file");
      world.lookup("file");
      const before = await world.fs.getattr(ROOT, { ino });
      await world.pass(1000);
      const now = world.clock.now();
      const after = await world.fs.setattr(ROOT, { ino, sizeBytes: size });
      expect(after).toStrictEqual({ ...before, mtime: now, ctime: now });
    },
  );

  test("to the size that the file has takes its capabilities", async () => {
    const world = new World();
    const ino = await world.write("file", "text");
    world.lookup("file");
    const attribute = { ino, name: "security.capability" };
    await world.fs.setxattr(ROOT, { ...attribute, value: Buffer.from("all"), mode: "any" });
    await world.fs.setattr(ROOT, { ino, sizeBytes: 4 });
    expect(await world.fs.getxattr(ROOT, attribute)).toBeUndefined();
  });

  test.each([true, false])("by name keeps no file open, sealed before: %s", async (isSealed) => {
    const world = new World();
    const ino = await world.write("file", bytesOfLength(200_000));
    world.lookup("file");
    if (isSealed) await world.sealed("file");
    expect(openBelow(world.dataDir, "staging")).toBe(0);
    await world.fs.setattr(ROOT, { ino, sizeBytes: 100_000 });
    expect(openBelow(world.dataDir, "staging")).toBe(0);
  });
});

/** How many descriptors of this process are of files with a directory's numbered names. */
function openBelow(dataDir: string, directory: string): number {
  return readdirSync("/proc/self/fd").filter((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`);
      return path.startsWith(`${join(dataDir, directory)}/`) && /^\d+$/.test(basename(path));
    } catch {
      return false; // the one that lists them
    }
  }).length;
}

test("an inode that is forgotten while a large content is copied to be cut is known no more after that", async () => {
  const world = new World();
  await world.write("large", bytesOfLength(300_000));
  await world.sealed("large");
  const before = world.nexus.figures().inodesKnown;
  const ino = world.lookup("large");
  const cut = world.fs.setattr(ROOT, { ino, sizeBytes: 200_000, permissions: 0o600 });
  expect(cut).toBeInstanceOf(Promise);
  world.forget(ino);
  expect(await cut).toMatchObject({ sizeBytes: 200_000 });
  expect(world.nexus.figures().inodesKnown).toBe(before);
});
