import { describe, expect, test } from "vitest";
import { isRegular, S_ISGID, S_ISUID } from "../../src/model/attributes.js";
import { NexusError } from "../../src/model/errors.js";
import type { Caller } from "../../src/model/identity.js";
import { ROOT_INO } from "../../src/model/ids.js";
import type { ContentStore } from "../../src/storage/content/content-store.js";
import { kindOfLater } from "../support/error-kind.js";
import { ANYBODY, flags, type OpenFile, World } from "./world.js";

describe("an open that fails while it truncates", () => {
  test("leaves no writer behind: the file is sealed and removed like any other", async () => {
    let fail: (error: Error) => void = () => undefined;
    const wrapContents = (store: ContentStore) =>
      Object.assign(store, {
        copyUp: () =>
          new Promise((_resolve, reject) => {
            fail = reject;
          }),
      });
    const world = new World({ wrapContents });
    const ino = await world.write("file", "text");
    await world.sealed("file");
    const first = await world.open("file");
    // The truncation has to wait for the copy that the first writer needs.
    const writing = first.write("TEXT");
    const request = { ino, flags: flags({ access: "write", truncate: true }) };
    const opening = Promise.resolve(world.fs.open(ANYBODY, request));
    const kinds = Promise.all([kindOfLater(writing), kindOfLater(opening)]);
    fail(new NexusError("io-failure", "broken"));
    expect(await kinds).toStrictEqual(["io-failure", "io-failure"]);
    first.close();
    await world.unlink("file");
    await world.pass(20);
    expect(world.metadata.getattr(ino)).toBeUndefined();
  });
});

describe("creating a file that is there", () => {
  test.each(["text", "x".repeat(100_000)])("tells the size that O_TRUNC left", async (text) => {
    const world = new World();
    await world.write("file", text);
    const request = { parent: ROOT_INO, name: "file", mode: 0o644, exclusive: false };
    const create = async (truncate: boolean) =>
      (await world.fs.create(ANYBODY, { ...request, flags: flags({ truncate }) })).entry;
    expect((await create(false)).attributes.sizeBytes).toBe(text.length);
    await world.pass(1000);
    const now = world.clock.now();
    expect((await create(true)).attributes).toMatchObject({ sizeBytes: 0, mtime: now, ctime: now });
  });
});

test("a file that create makes keeps its set-id bits, with O_TRUNC by whomever", async () => {
  const world = new World();
  const request = { parent: ROOT_INO, name: "file", mode: 0o6711, exclusive: false };
  const truncating = flags({ truncate: true, killSetId: true });
  const { entry } = await world.fs.create(ANYBODY, { ...request, flags: truncating });
  expect(entry.attributes.mode & 0o7777).toBe(0o6711);
  expect((await world.fs.getattr(ANYBODY, { ino: entry.ino })).mode & 0o7777).toBe(0o6711);
});

test("a program that runs isn't truncated by who opens it to read", async () => {
  const world = new World();
  await world.write("program", "text");
  const running = [
    await world.open("program", { access: "execute" }),
    await world.open("program", { access: "execute" }),
  ];
  const truncate = () => world.open("program", { access: "read", truncate: true });
  for (const program of running) {
    expect(await kindOfLater(truncate())).toBe("text-busy");
    expect(await program.read()).toBe("text");
    expect(await kindOfLater(program.write("other"))).toBe("bad-handle");
    program.release();
  }
  expect(await (await truncate()).read()).toBe("");
});

describe("set-id bits", () => {
  const ROOT = { ...ANYBODY, uid: 0 };
  const OWNER = { ...ANYBODY, uid: 1000, gid: 1000 };
  const CHANGES: Readonly<
    Record<string, (request: { world: World; caller: Caller; file: OpenFile }) => unknown>
  > = {
    fallocate: ({ world, caller, file }) =>
      world.fs.fallocate(caller, {
        handle: file.handle,
        offset: 0,
        length: 10,
        mode: "extend",
      }),
    "copy_file_range of bytes": async ({ world, caller, file }) => {
      await copyFrom({ world, caller, file, source: await world.create("from", "text") });
    },
    "copy_file_range by reference": async ({ world, caller, file }) => {
      await world.write("from", "text");
      await world.sealed("from");
      await copyFrom({ world, caller, file, source: await world.open("from") });
    },
  };

  async function copyFrom(options: {
    world: World;
    caller: Caller;
    file: OpenFile;
    source: OpenFile;
  }): Promise<void> {
    const { world, caller, file, source } = options;
    const ends = { handle: source.handle, offset: 0, toHandle: file.handle, toOffset: 0 };
    expect(await world.fs.copyFileRange(caller, { ...ends, length: 4 })).toBe(4);
  }

  test.each(Object.entries(CHANGES))("%s takes them, unless user 0 calls", async (_, change) => {
    for (const [caller, kept] of [
      [OWNER, 0],
      [ROOT, S_ISUID | S_ISGID],
    ] as const) {
      const world = new World();
      const file = await world.create("file");
      const permissions = S_ISUID | S_ISGID | 0o755;
      await world.fs.setattr(ANYBODY, { ino: file.ino, permissions });
      await change({ world, caller, file });
      const { mode } = await world.fs.getattr(ANYBODY, { ino: file.ino });
      expect(isRegular(mode)).toBe(true);
      expect(mode & 0o7777).toBe(kept | 0o755);
    }
  });
});
