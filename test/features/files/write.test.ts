import { describe, expect, test } from "vitest";
import { ROOT_INO } from "../../../src/model/ids.js";
import { kindOfLater } from "../../support/error-kind.js";
import { ANYBODY, caller } from "../../vfs/world.js";
import { FilesWorld } from "./files-world.js";

async function* failing(): AsyncGenerator<string> {
  yield "half of it";
  throw new Error("the source broke");
}

async function outcome(action: Promise<unknown>): Promise<string> {
  return await action.then(
    () => "done",
    () => "failed",
  );
}

describe("write", () => {
  test("makes the file and the directories on the way, and tells its etag", async () => {
    const world = new FilesWorld();
    const stat = await world.files.write("documents//a/b.txt", "hello");
    expect(stat).toMatchObject({ path: "/documents/a/b.txt", type: "file", size: 5, mode: 0o644 });
    expect(stat.etag).toBe("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    expect(stat.mimeType).toBe("text/plain");
    expect(await world.text("/documents/a/b.txt")).toBe("hello");
    expect((await world.files.stat("/documents/a/b.txt")).etag).toBe(stat.etag);
    world.expectNothingHeld();
  });

  test("without parents is refused where a directory is missing", async () => {
    const world = new FilesWorld();
    const writing = world.files.write("/a/b/c", "x", { parents: false });
    expect(await kindOfLater(writing)).toBe("not-found");
    expect(await world.files.exists("/a")).toBe(false);
    world.expectNothingHeld();
  });

  test("over a file keeps its inode, path_id, mode and metadata, and counts a version", async () => {
    const world = new FilesWorld();
    const before = await world.files.write("/f", "old", { mode: 0o600 });
    await world.sealed("f");
    await world.metadataOf.set("/f", "project", "apollo");
    await world.files.write("/f", "new and longer");
    await world.sealed("f");
    const after = await world.files.stat("/f");
    expect(after).toMatchObject({ ino: before.ino, pathId: before.pathId, mode: 0o600, size: 14 });
    expect(after.version).toBe(2);
    expect(await world.metadataOf.get("/f", "project")).toBe("apollo");
    expect(await world.text("/f")).toBe("new and longer");
    world.expectNothingHeld();
    await world.swept();
    expect(world.blobs).toStrictEqual([after.etag]);
    expect(world.metadata.orphans()).toStrictEqual([]);
  });

  test("over a file that is still staged leaves one staged content", async () => {
    const world = new FilesWorld();
    await world.files.write("/f", "one");
    await world.files.write("/f", "two");
    await world.pass(50);
    expect(world.metadata.stagedContents()).toHaveLength(1);
    await world.sealed("f");
    expect(await world.text("/f")).toBe("two");
    await world.swept();
    expect(world.blobs).toHaveLength(1);
  });

  test.each(["sealed", "staged"])("goes on for who has the %s file open", async (state) => {
    const world = new FilesWorld();
    await world.files.write("/f", "the old content");
    if (state === "sealed") await world.sealed("f");
    const reader = await world.open("f", { access: "read" });
    const writer = await world.open("f", { access: "write" });
    expect(await reader.read()).toBe("the old content");
    await world.files.write("/f", "the new content");
    expect(await reader.read()).toBe("the new content");
    await writer.write("THE", 0);
    expect(await reader.read()).toBe("THE new content");
    reader.close();
    writer.close();
    await world.sealed("f");
    expect(await world.text("/f")).toBe("THE new content");
  });

  test("leaves the old content when the source fails, and nothing else", async () => {
    const world = new FilesWorld();
    await world.files.write("/f", "old");
    await expect(world.files.write("/f", failing())).rejects.toThrow("the source broke");
    await expect(world.files.write("/g", failing())).rejects.toThrow("the source broke");
    expect(await world.text("/f")).toBe("old");
    expect(await world.files.exists("/g")).toBe(false);
    world.expectNothingHeld();
    await world.pass(50);
    expect(world.metadata.orphans()).toStrictEqual([]);
  });

  test("is interrupted by its signal, also while the source says nothing", async () => {
    const world = new FilesWorld();
    await world.files.write("/f", "old");
    const controller = new AbortController();
    async function* silent(): AsyncGenerator<string> {
      yield "a";
      setImmediate(() => controller.abort());
      await new Promise(() => undefined);
    }
    const writing = world.files.write("/f", silent(), { signal: controller.signal });
    expect(await kindOfLater(writing)).toBe("interrupted");
    expect(await world.text("/f")).toBe("old");
    world.expectNothingHeld();
  });

  test("takes streams piece by piece and tells how far it is", async () => {
    const world = new FilesWorld();
    const told: number[] = [];
    const piece = Buffer.alloc(300 * 1024, "x");
    const content = [piece, "tail"];
    const stat = await world.files.write("/f", content, {
      onProgress: (bytes) => told.push(bytes),
    });
    expect(stat.size).toBe(piece.length + 4);
    expect(told).toStrictEqual([256 * 1024, 300 * 1024, piece.length + 4]);
    expect((await world.files.read("/f", { start: piece.length })).toString()).toBe("tail");
  });

  test("follows a symlink, also to where nothing is yet", async () => {
    const world = new FilesWorld();
    await world.files.mkdir("/real");
    const target = Buffer.from("real/file");
    await world.fs.symlink(ANYBODY, { parent: ROOT_INO, name: "link", target });
    await world.files.write("/link", "one");
    await world.files.write("/link", "two");
    expect(await world.text("/real/file")).toBe("two");
    expect((await world.files.stat("/link", { followSymlinks: false })).type).toBe("symlink");
  });

  test("is refused on a directory", async () => {
    const world = new FilesWorld();
    await world.files.mkdir("/d");
    expect(await kindOfLater(world.files.write("/d", "x"))).toBe("is-a-directory");
    expect(await kindOfLater(world.files.write("/", "x"))).toBe("is-a-directory");
    world.expectNothingHeld();
  });

  test("takes the set-id bits unless the writer is root", async () => {
    const world = new FilesWorld();
    const { ino } = await world.files.write("/program", "old", { mode: 0o4755 });
    const user = { ...caller(), uid: 1000, gid: 1000 };
    await world.as(user).write("/program", "new");
    expect((await world.files.stat("/program")).mode).toBe(0o755);
    expect((await world.files.stat("/program")).ino).toBe(ino);
  });
});

/** What an untyped program may pass. */
function untyped<T>(value: unknown): T {
  return value as T;
}

describe("what makes no sense", () => {
  test.each([5, null, undefined, true, {}, [5]])("%j is no content", async (value) => {
    const world = new FilesWorld();
    const content = untyped<string>(value);
    const refusal = { kind: "invalid-argument", message: expect.stringContaining("a content is") };
    await expect(world.files.write("/d/f", content)).rejects.toMatchObject(refusal);
    await expect(world.files.writeMany([{ path: "/d/f", content }])).rejects.toMatchObject(refusal);
    await expect(world.files.append("/d/f", content)).rejects.toMatchObject(refusal);
    world.expectNothingHeld();
  });

  test.each([5, null, undefined, true])("%j makes no file by appending", async (value) => {
    const world = new FilesWorld();
    const content = untyped<string>(value);
    expect(await kindOfLater(world.files.append("/d/f", content))).toBe("invalid-argument");
    expect(await world.files.exists("/d")).toBe(false);
  });

  test.each([undefined, null, "/f"])("%j is no file for writeMany", async (value) => {
    const world = new FilesWorld();
    const files = [{ path: "/a", content: "x" }, untyped<{ path: string; content: string }>(value)];
    await expect(world.files.writeMany(files)).rejects.toMatchObject({
      kind: "invalid-argument",
      message: expect.stringContaining("an object with a path and a content"),
    });
    expect(await world.files.exists("/a")).toBe(false);
  });

  test.each([-1, 0o10000, 0o100000, 1.5, Number.NaN])("%d is no mode", async (mode) => {
    const world = new FilesWorld();
    const refusal = { kind: "invalid-argument", message: expect.stringContaining("0 to 0o7777") };
    await expect(world.files.write("/f", "x", { mode })).rejects.toMatchObject(refusal);
    await expect(world.files.mkdir("/d", { mode })).rejects.toMatchObject(refusal);
    expect(await world.files.exists("/f")).toBe(false);
    expect(await world.files.exists("/d")).toBe(false);
  });

  test.each([0, 0o7777])("%d is the mode that a file gets", async (mode) => {
    const world = new FilesWorld();
    expect((await world.files.write("/f", "x", { mode })).mode).toBe(mode);
  });

  test.each([5, null, undefined, {}])("%j is no path", async (value) => {
    const { files } = new FilesWorld();
    const path = untyped<string>(value);
    const actions = [
      () => files.read(path),
      () => files.write(path, "x"),
      () => files.writeMany([{ path, content: "x" }]),
      () => files.stat(path),
      () => files.exists(path),
      () => files.copy("/", path),
      () => files.list({ prefix: value === undefined ? untyped<string>(1) : path }),
    ];
    for (const action of actions) {
      await expect(action()).rejects.toMatchObject({
        kind: "invalid-path",
        message: expect.stringContaining("a path must be a text"),
      });
    }
  });
});

describe("what fails", () => {
  test.each([
    ["a condition", (world: FilesWorld) => world.files.write("/g/h/i", "x", { ifMatch: "0" })],
    ["its source", (world: FilesWorld) => world.files.write("/g/h/i", failing())],
    [
      "one file of many",
      (world: FilesWorld) =>
        world.files.writeMany([
          { path: "/g/h/i", content: "x" },
          { path: "/g/h/i/j", content: "y" },
        ]),
    ],
    ["a copy", (world: FilesWorld) => world.files.copy("/old/directory", "/g/h/i")],
  ])("by %s leaves no directory that it made on the way", async (_, action) => {
    const world = new FilesWorld();
    await world.files.mkdir("/old/directory", { parents: true });
    expect(await outcome(action(world))).toBe("failed");
    expect(await world.files.exists("/g")).toBe(false);
    expect(await world.files.exists("/old/directory")).toBe(true);
    world.expectNothingHeld();
    await world.pass(50);
    expect(world.metadata.orphans()).toStrictEqual([]);
  });

  test("leaves directories that were there, empty or not", async () => {
    const world = new FilesWorld();
    await world.files.mkdir("/g");
    await expect(world.files.write("/g/h/i", failing())).rejects.toThrow("the source broke");
    expect(await world.files.exists("/g/h")).toBe(false);
    expect(await world.files.exists("/g")).toBe(true);
  });

  test("leaves directories that somebody has filled meanwhile", async () => {
    const world = new FilesWorld();
    async function* filling(): AsyncGenerator<string> {
      yield "half of it";
      await world.files.write("/g/theirs", "kept");
      throw new Error("the source broke");
    }
    await expect(world.files.write("/g/h/i", filling())).rejects.toThrow("the source broke");
    expect(await world.text("/g/theirs")).toBe("kept");
    expect(await world.files.exists("/g/h")).toBe(false);
    world.expectNothingHeld();
  });

  test("leaves a directory that somebody has made in the place of its own", async () => {
    const world = new FilesWorld();
    async function* replacing(): AsyncGenerator<string> {
      yield "half of it";
      await world.files.rmdir("/g");
      await world.files.mkdir("/g");
      throw new Error("the source broke");
    }
    await expect(world.files.write("/g/i", replacing())).rejects.toThrow("the source broke");
    expect(await world.files.exists("/g")).toBe(true);
    world.expectNothingHeld();
  });

  test("takes no directory from another write that goes on there", async () => {
    const world = new FilesWorld();
    let start: () => void = () => undefined;
    const started = new Promise<void>((resolve) => {
      start = resolve;
    });
    async function* failingLater(): AsyncGenerator<string> {
      yield "half of it";
      await started;
      throw new Error("the source broke");
    }
    const first = outcome(world.files.write("/g/h/first", failingLater()));
    async function* waiting(): AsyncGenerator<string> {
      start();
      yield await first;
    }
    const stat = await world.files.write("/g/h/second", waiting());
    expect(stat.path).toBe("/g/h/second");
    expect(await world.text("/g/h/second")).toBe("failed");
    world.expectNothingHeld();
  });
});

describe("conditions of a write", () => {
  test("ifNoneMatch '*' makes a file, and never replaces one", async () => {
    const world = new FilesWorld();
    await world.files.write("/f", "first", { ifNoneMatch: "*" });
    const writing = world.files.write("/f", "second", { ifNoneMatch: "*" });
    expect(await kindOfLater(writing)).toBe("precondition-failed");
    expect(await world.text("/f")).toBe("first");
    world.expectNothingHeld();
  });

  test.each(["ifMatch", "ifNoneMatch"])(
    "an %s that isn't known is refused, and writes nothing",
    async (name) => {
      const world = new FilesWorld();
      await world.files.write("/f", "one");
      const written = world.files.write("/f", "two", { [name]: undefined });
      expect(await kindOfLater(written)).toBe("invalid-argument");
      expect((await world.files.read("/f")).toString()).toBe("one");
    },
  );

  test("ifMatch holds for the content that is there, sealed or not", async () => {
    const world = new FilesWorld();
    const { etag = "" } = await world.files.write("/f", "one");
    const second = await world.files.write("/f", "two", { ifMatch: etag });
    const late = world.files.write("/f", "three", { ifMatch: etag });
    expect(await kindOfLater(late)).toBe("precondition-failed");
    await world.sealed("f");
    await world.files.write("/f", "three", { ifMatch: second.etag ?? "" });
    expect(await world.text("/f")).toBe("three");
    expect(await kindOfLater(world.files.write("/none", "x", { ifMatch: etag }))).toBe(
      "precondition-failed",
    );
  });

  test("of many writers with the same ifMatch exactly one wins", async () => {
    const world = new FilesWorld();
    const { etag = "" } = await world.files.write("/f", "start");
    const writers = Array.from({ length: 8 }, (_, n) =>
      kindOfLater(world.files.write("/f", `writer ${n}`, { ifMatch: etag })),
    );
    const kinds = await Promise.all(writers);
    expect(kinds.filter((kind) => kind === undefined)).toHaveLength(1);
    expect(kinds.filter((kind) => kind === "precondition-failed")).toHaveLength(7);
    world.expectNothingHeld();
  });

  test("no condition on an etag holds while somebody writes", async () => {
    const world = new FilesWorld();
    const { etag = "" } = await world.files.write("/f", "one");
    const writer = await world.open("f", { access: "write" });
    for (const condition of [{ ifMatch: etag }, { ifNoneMatch: etag }]) {
      const writing = world.files.write("/f", "two", condition);
      expect(await kindOfLater(writing)).toBe("precondition-failed");
    }
    writer.close();
  });
});

describe("writeMany", () => {
  test("writes all files, new ones and others", async () => {
    const world = new FilesWorld();
    const before = await world.files.write("/a", "old");
    const stats = await world.files.writeMany([
      { path: "/a", content: "new" },
      { path: "/b/c", content: "fresh" },
    ]);
    expect(stats.map(({ path }) => path)).toStrictEqual(["/a", "/b/c"]);
    expect(stats[0]?.ino).toBe(before.ino);
    expect(await world.text("/a")).toBe("new");
    expect(await world.text("/b/c")).toBe("fresh");
    world.expectNothingHeld();
  });

  test("writes none when one of them can't be", async () => {
    const world = new FilesWorld();
    await world.files.write("/a", "old");
    await world.files.mkdir("/d");
    const writing = world.files.writeMany([
      { path: "/a", content: "new" },
      { path: "/b", content: "fresh" },
      { path: "/d", content: "a directory" },
    ]);
    expect(await kindOfLater(writing)).toBe("is-a-directory");
    const twice = world.files.writeMany([
      { path: "/a", content: "new" },
      { path: "//a", content: "newer" },
    ]);
    expect(await kindOfLater(twice)).toBe("invalid-argument");
    expect(await world.text("/a")).toBe("old");
    expect(await world.files.exists("/b")).toBe(false);
    world.expectNothingHeld();
  });
});

describe("a process that is killed", () => {
  test("has all that write acknowledged, and nothing of what it didn't", async () => {
    const world = new FilesWorld();
    await world.files.write("/small", "old");
    await world.files.write("/sealed", "old");
    await world.sealed("small", "sealed");
    const big = Buffer.alloc(3 * 1024 * 1024, "b");
    await world.files.write("/small", "new");
    await world.files.write("/sealed", big);
    await world.files.write("/fresh", "fresh");
    const half = await world.fs.tmpfile(ANYBODY, {
      ino: ROOT_INO,
      name: "never",
      mode: 0o644,
      flags: { access: "write", truncate: false, noAtime: false, killSetId: false },
      exclusive: false,
    });
    const { handle } = half.opened;
    const request = { handle, offset: 0, data: Buffer.from("half"), killSetId: false };
    await world.fs.write(ANYBODY, request);

    const next = world.killed();
    expect(await next.read("small")).toBe("new");
    expect(await next.read("fresh")).toBe("fresh");
    const file = await next.open("sealed", { access: "read" });
    expect(await file.read({ length: 4 * 1024 * 1024 })).toBe(big.toString());
    file.close();
    expect(next.metadata.lookup({ parent: ROOT_INO, name: "never" })).toBeUndefined();
    await next.pass(50);
    expect(next.metadata.orphans()).toStrictEqual([]);
    await next.sealed("small", "sealed", "fresh");
    await next.swept();
    expect(next.blobs).toHaveLength(3);
  });

  test("syncs the bytes that replace others before the row names them", async () => {
    const order: string[] = [];
    const world = new FilesWorld({
      wrapMetadata: (store) =>
        new Proxy(store, {
          get: (_, key) => {
            const method: unknown = Reflect.get(store, key, store);
            if (typeof method !== "function") return method;
            return (...args: unknown[]) => {
              if (key === "placeFiles") {
                const staged = store.stagedContents().length;
                order.push(`place with ${staged} staged`);
              }
              return Reflect.apply(method, store, args) as unknown;
            };
          },
        }),
      wrapContents: (store) =>
        new Proxy(store, {
          get: (_, key) => {
            const method: unknown = Reflect.get(store, key, store);
            if (typeof method !== "function") return method;
            return (...args: unknown[]) => {
              const result: unknown = Reflect.apply(method, store, args);
              if (key !== "createStaging" && key !== "openStaging") return result;
              const file = result as { sync(): Promise<void> };
              const sync = file.sync.bind(file);
              file.sync = async () => {
                await sync();
                order.push("synced");
              };
              return file;
            };
          },
        }),
    });
    await world.files.write("/f", "old");
    expect(order).toStrictEqual(["place with 1 staged"]);
    order.splice(0);
    await world.files.write("/f", "new");
    expect(order).toStrictEqual(["synced", "place with 2 staged"]);
  });
});

describe("many files at once", () => {
  test("are made durable a few at a time: each has its file open", async () => {
    let syncing = 0;
    let most = 0;
    const world = new FilesWorld({
      wrapContents: (store) =>
        new Proxy(store, {
          get: (_, key) => {
            const method: unknown = Reflect.get(store, key, store);
            if (typeof method !== "function") return method;
            return (...args: unknown[]) => {
              const result: unknown = Reflect.apply(method, store, args);
              if (key !== "createStaging" && key !== "openStaging") return result;
              const file = result as { sync(): Promise<void> };
              const sync = file.sync.bind(file);
              file.sync = async () => {
                syncing += 1;
                most = Math.max(most, syncing);
                await sync().finally(() => {
                  syncing -= 1;
                });
              };
              return file;
            };
          },
        }),
    });
    const files = (text: string) =>
      Array.from({ length: 100 }, (_, index) => ({ path: `/f${index}`, content: text + index }));
    await world.files.writeMany(files("old"), { durable: true });
    await world.files.writeMany(files("new"));
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(32);
    expect((await world.files.read("/f99")).toString()).toBe("new99");
  });
});
