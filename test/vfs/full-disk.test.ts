import { describe, expect, test } from "vitest";
import { S_IFREG } from "../../src/model/attributes.js";
import { type Ino, ROOT_INO } from "../../src/model/ids.js";
import type { FileSystem } from "../../src/vfs/file-system.js";
import { kindOfLater } from "../support/error-kind.js";
import { SmallDisk, WHY_NO_SMALL_DISKS } from "../support/small-disk.js";
import { ANYBODY, flags, type OpenFile, World } from "./world.js";

const MIB = 1024 * 1024;
const WHY = WHY_NO_SMALL_DISKS === undefined ? "" : ` (skipped: ${WHY_NO_SMALL_DISKS})`;

const OLD = { name: "user.old", value: Buffer.from("value") };
const NEW = { parent: ROOT_INO, name: "new" };
const MOVE = { parent: ROOT_INO, name: "sealed", newParent: NEW.parent, newName: NEW.name };

interface Subjects {
  readonly fs: FileSystem;
  /** An open file whose content is staged. */
  readonly file: OpenFile;
  /** A file whose content is sealed. */
  readonly sealed: Ino;
}

/** What takes room. */
const ADDITIONS: Readonly<Record<string, (subjects: Subjects) => unknown>> = {
  write: ({ file }) => file.write("more"),
  fallocate: ({ fs, file: { handle } }) =>
    fs.fallocate(ANYBODY, { handle, offset: 0, length: 100_000, mode: "extend" }),
  "truncate of a sealed content": ({ fs, sealed: ino }) =>
    fs.setattr(ANYBODY, { ino, sizeBytes: 10 }),
  "truncate that makes a file longer": ({ fs, file: { ino } }) =>
    fs.setattr(ANYBODY, { ino, sizeBytes: 70_000 }),
  "punching a hole": ({ fs, file: { handle } }) =>
    fs.fallocate(ANYBODY, { handle, offset: 0, length: 5, mode: "punch-hole" }),
  copy_file_range: ({ fs, file: { handle } }) =>
    fs.copyFileRange(ANYBODY, { handle, offset: 0, toHandle: handle, toOffset: 10, length: 1 }),
  setxattr: ({ fs, file: { ino } }) =>
    fs.setxattr(ANYBODY, { ino, name: "user.a", value: Buffer.from("b"), mode: "any" }),
  create: ({ fs }) => fs.create(ANYBODY, { ...NEW, mode: 0o644, flags: flags(), exclusive: false }),
  "rename with a whiteout": ({ fs }) =>
    fs.rename(ANYBODY, { ...MOVE, mode: "replace", whiteout: true }),
  mkdir: ({ fs }) => fs.mkdir(ANYBODY, { ...NEW, mode: 0o755 }),
  mknod: ({ fs }) => fs.mknod(ANYBODY, { ...NEW, mode: S_IFREG | 0o644, rdev: 0 }),
  symlink: ({ fs }) => fs.symlink(ANYBODY, { ...NEW, target: Buffer.from("target") }),
  link: ({ fs, sealed: ino }) =>
    fs.link(ANYBODY, { ino, newParent: NEW.parent, newName: NEW.name }),
  tmpfile: ({ fs }) =>
    fs.tmpfile(ANYBODY, { ino: ROOT_INO, mode: 0o600, flags: flags(), exclusive: false }),
};

/** What frees room or takes none. */
const OTHERS: Readonly<Record<string, (subjects: Subjects) => unknown>> = {
  "truncate to nothing": ({ fs, sealed: ino }) => fs.setattr(ANYBODY, { ino, sizeBytes: 0 }),
  "truncate of a staged content": ({ fs, file: { ino } }) =>
    fs.setattr(ANYBODY, { ino, sizeBytes: 5 }),
  chmod: ({ fs, sealed: ino }) => fs.setattr(ANYBODY, { ino, permissions: 0o600 }),
  removexattr: ({ fs, sealed: ino }) => fs.removexattr(ANYBODY, { ino, name: "user.old" }),
  rename: ({ fs }) => fs.rename(ANYBODY, { ...MOVE, mode: "replace", whiteout: false }),
  "opening what is there": ({ fs }) =>
    fs.create(ANYBODY, {
      ...{ parent: ROOT_INO, name: "sealed" },
      ...{ mode: 0o644, flags: flags(), exclusive: false },
    }),
  unlink: ({ fs }) => fs.unlink(ANYBODY, { parent: ROOT_INO, name: "sealed" }),
};

describe.skipIf(WHY_NO_SMALL_DISKS !== undefined)(`a disk that is full${WHY}`, () => {
  /** Makes file after file, also when that fails; returns those that were made. */
  async function writeOn(
    world: World,
    { sizeBytes, failures }: { sizeBytes: number; failures: number },
  ) {
    const whole: string[] = [];
    const made: string[] = [];
    let left = failures;
    const attempt = async (name: string) => {
      const file = await world.create(name);
      made.push(name);
      try {
        await file.write(name.padEnd(sizeBytes));
        whole.push(name);
      } finally {
        file.close();
      }
    };
    for (let number = 0; left > 0; number++) {
      if ((await kindOfLater(attempt(`file ${number}`))) !== undefined) left -= 1;
      if (number % 50 === 0) await world.pass(1100);
    }
    return { whole, made };
  }

  test.each([100, 3000, 200_000])(
    "can be emptied, however long %d bytes at a time were written to it",
    async (sizeBytes) => {
      const disk = new SmallDisk({ sizeBytes: 32 * MIB });
      const world = new World({ dataDir: disk.path });
      const { whole, made } = await writeOn(world, { sizeBytes, failures: 3000 });
      await world.close();
      const next = new World({ dataDir: disk.path, clock: world.clock });
      expect(await next.read(whole.at(-1) ?? "")).toHaveLength(sizeBytes);
      for (const name of made) await next.unlink(name);
      await next.swept();
      expect(next.metadata.countInodes()).toBeLessThan(20);
      await expect(next.write("again", "there is room")).resolves.toBeDefined();
    },
  );

  /** A file system that has given back what it kept for removing. */
  async function full(): Promise<{ world: World; disk: SmallDisk; subjects: Subjects }> {
    const disk = new SmallDisk({ sizeBytes: 32 * MIB });
    const world = new World({ dataDir: disk.path });
    const { fs } = world;
    const sealed = await world.write("sealed", "x".repeat(100_000));
    await fs.setxattr(ANYBODY, { ino: world.lookup("sealed"), ...OLD, mode: "any" });
    await world.sealed("sealed");
    const file = await world.create("staged", "some text");
    await world.pass(100);
    disk.fill();
    for (let number = 0; world.metadata.hasRoom(); number++) {
      await kindOfLater(world.write(`file ${number}`, ""));
      world.metadata.commit();
    }
    return { world, disk, subjects: { fs, file, sealed } };
  }

  test.each(Object.entries(ADDITIONS))("has no room for %s", async (_, add) => {
    const { world, disk, subjects } = await full();
    expect(await kindOfLater(attempt(add, subjects))).toBe("no-space");
    expect(world.fs.statfs(ANYBODY, { ino: ROOT_INO })).toMatchObject({ blocksAvailable: 0 });
    disk.free();
    expect(await kindOfLater(attempt(add, subjects))).toBeUndefined();
    const { blocksAvailable } = await world.fs.statfs(ANYBODY, { ino: ROOT_INO });
    expect(blocksAvailable).toBeGreaterThan(0);
  });

  test.each(Object.entries(OTHERS))("is no obstacle to %s", async (_, change) => {
    const { subjects } = await full();
    expect(await kindOfLater(attempt(change, subjects))).toBeUndefined();
  });

  test("says first what is wrong whether it is full or not", async () => {
    const { world, subjects } = await full();
    const attribute = { ino: subjects.file.ino, value: Buffer.from("value") };
    const set = async (name: string, mode: "create" | "replace") =>
      world.fs.setxattr(ANYBODY, { ...attribute, name, mode });
    expect(await kindOfLater(set("user.none", "replace"))).toBe("no-attribute");
    expect(await kindOfLater(set("user.old", "replace"))).toBe("no-attribute");
    const mkdir = async () =>
      world.fs.mkdir(ANYBODY, { parent: ROOT_INO, name: "sealed", mode: 0o755 });
    expect(await kindOfLater(mkdir())).toBe("already-exists");
  });

  test("seals nothing until there is room again", async () => {
    const { world, disk, subjects } = await full();
    subjects.file.close();
    await world.pass(3000);
    await world.until(() => world.trouble.some(({ msg }) => msg.includes("can't be sealed now")));
    expect(world.hash("staged")).toBeUndefined();
    expect(await world.read("staged")).toBe("some text");
    disk.free();
    // However long the last failure takes to be told, time goes on past its next try.
    const isSealed = async () => {
      await world.pass(11_000);
      return world.hash("staged") !== undefined;
    };
    await expect.poll(isSealed, { interval: 20, timeout: 10_000 }).toBe(true);
    expect(await world.read("staged")).toBe("some text");
  });
});

async function attempt(action: (subjects: Subjects) => unknown, subjects: Subjects) {
  await action(subjects);
}
