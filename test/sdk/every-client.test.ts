import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable, Writable } from "node:stream";
import { describe, expect, test } from "vitest";
import type { NexusClient } from "../../src/sdk/client.js";
import { AccessDeniedError, ClosedError, FileNotFoundError } from "../../src/sdk/errors.js";
import { collected } from "../features/search/collected.js";
import { kindOfLater } from "../support/error-kind.js";
import { testDir } from "../support/temp-dir.js";
import { caller, World } from "../vfs/world.js";
import { clientOf } from "./isolation/ground.js";

// What holds for a client wherever the work is done. Run for every kind.

function open(...identity: Parameters<typeof caller>): { world: World; nexus: NexusClient } {
  const world = new World();
  return { world, nexus: clientOf(world, caller(...identity).identity) };
}

async function* manyBytes(count: number): AsyncGenerator<Uint8Array> {
  for (let index = 0; index < count; index += 1) yield Buffer.alloc(100_000, index);
}

describe("contents", () => {
  test("are streamed in and out", async () => {
    const { nexus } = open();
    const told: number[] = [];
    const onProgress = (bytes: number) => told.push(bytes);
    const stat = await nexus.write("/big", manyBytes(50), { onProgress });
    expect(stat.size).toBe(5_000_000);
    expect(told.at(-1)).toBe(5_000_000);
    let at = 0;
    for await (const chunk of nexus.createReadStream("/big") as AsyncIterable<Buffer>) {
      for (const byte of [chunk[0], chunk.at(-1)]) expect(byte).toBeDefined();
      expect(chunk[0]).toBe(Math.floor(at / 100_000));
      at += chunk.length;
    }
    expect(at).toBe(5_000_000);
    expect(await nexus.read("/big", { start: 99_999, end: 100_001 })).toStrictEqual(
      Buffer.from([0, 1]),
    );
  });

  test("of several files go in one step", async () => {
    const { nexus } = open();
    const files = [
      { path: "/a", content: "" },
      { path: "/b", content: Buffer.alloc(300_000, 7) },
      { path: "/c", content: "ü" },
    ];
    await nexus.writeMany(new Set(files));
    for (const { path, content } of files) {
      expect((await nexus.read(path)).equals(Buffer.from(content))).toBe(true);
    }
    const broken = [{ path: "/d", content: "x" }, { path: "/e" } as never];
    expect(await kindOfLater(nexus.writeMany(broken))).toBe("invalid-argument");
    expect(await nexus.exists("/d")).toBe(false);
  });

  test("that fail halfway fail as they do, and change nothing", async () => {
    const { nexus } = open();
    const own = new Error("the source broke");
    const failing = Readable.from(
      (async function* () {
        yield "half";
        throw own;
      })(),
    );
    await expect(nexus.write("/a", failing)).rejects.toBe(own);
    expect(await nexus.exists("/a")).toBe(false);
  });

  test("of what may not be written aren't begun", async () => {
    const { nexus } = open("acme", "one");
    let isBegun = false;
    const content = {
      async *[Symbol.asyncIterator]() {
        isBegun = true;
        yield "x";
      },
    };
    const writing = nexus.write("/workspace/beta/x", content);
    await expect(writing).rejects.toBeInstanceOf(AccessDeniedError);
    expect(isBegun).toBe(false);
  });

  test("that are read no further leave nothing open", async () => {
    const { nexus } = open();
    await nexus.write("/big", manyBytes(50));
    for await (const chunk of nexus.createReadStream("/big")) {
      expect((chunk as Buffer).length).toBeGreaterThan(0);
      break;
    }
    await nexus.delete("/big");
    const missing = nexus.createReadStream("/big");
    await expect(missing.toArray()).rejects.toBeInstanceOf(FileNotFoundError);
    await nexus.close();
  });
});

describe("grep", () => {
  test("finds lines in order, and stops where it is told", async () => {
    const { nexus } = open();
    const names = Array.from({ length: 30 }, (_, index) => `/f${String(index).padStart(2, "0")}`);
    await nexus.writeMany(names.map((path) => ({ path, content: `one\nneedle of ${path}\n` })));
    const found = await collected(nexus.grep(/NEEDLE/i));
    expect(found.map(({ path, lineNumber }) => [path, lineNumber])).toStrictEqual(
      names.map((path) => [path, 2]),
    );
    expect(await collected(nexus.grep("needle", { limit: 2 }))).toHaveLength(2);
    const controller = new AbortController();
    const aborted = (async () => {
      for await (const _ of nexus.grep("needle", { signal: controller.signal })) controller.abort();
    })();
    expect(await kindOfLater(aborted)).toBe("interrupted");
    const missing = collected(nexus.grep("x", { path: "/none" }));
    await expect(missing).rejects.toMatchObject({ kind: "not-found", op: "grep", path: "/none" });
    await nexus.close();
  });
});

describe("export and import", () => {
  test("name files of the process that asks, complete or not at all", async () => {
    const { nexus } = open(undefined, undefined, { isAdmin: true });
    const directory = testDir();
    const target = join(directory, "export.tar");
    await nexus.write("/a", manyBytes(30));
    const result = await nexus.exportMetadata(target, { withContent: true });
    expect(result).toStrictEqual({ files: 1, bytes: 3_000_000 });
    expect(readdirSync(directory)).toStrictEqual(["export.tar"]);
    const other = open(undefined, undefined, { isAdmin: true });
    expect(await other.nexus.importMetadata(target)).toMatchObject({ created: 1 });
    expect((await other.nexus.read("/a")).length).toBe(3_000_000);
    const none = join(directory, "none");
    await expect(other.nexus.importMetadata(none)).rejects.toThrow(`${none} can't be read`);
    writeFileSync(target, "old");
    const failing = nexus.exportMetadata(target, { prefix: "/missing" });
    expect(await kindOfLater(failing)).toBe("not-found");
    expect(readdirSync(directory)).toStrictEqual(["export.tar"]);
    expect(existsSync(none)).toBe(false);
  });

  test("fail with what the target fails with", async () => {
    const { nexus } = open(undefined, undefined, { isAdmin: true });
    await nexus.write("/a", "x");
    const own = new Error("the target broke");
    const target = new Writable({ write: (_chunk, _encoding, done) => done(own) });
    await expect(nexus.exportMetadata(target)).rejects.toBe(own);
  });
});

describe("closing", () => {
  test("ends a claim that waits with 'closed', and whatever is asked afterwards", async () => {
    const { nexus } = open();
    const waiting = nexus.queue.claim({ worker: "w", wait: true });
    const held = nexus.walk()[Symbol.asyncIterator]();
    const writing = nexus.write("/a", "x");
    await nexus.exists("/");
    const closed = nexus.close();
    await expect(waiting).rejects.toBeInstanceOf(ClosedError);
    expect((await writing).size).toBe(1);
    await closed;
    await expect(nexus.stat("/")).rejects.toBeInstanceOf(ClosedError);
    await expect(held.next()).rejects.toBeInstanceOf(ClosedError);
    expect(() => nexus.createReadStream("/a")).toThrow(ClosedError);
  });
});
