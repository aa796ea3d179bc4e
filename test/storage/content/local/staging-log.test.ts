import { readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { StagingId } from "../../../../src/model/ids.js";
import type { SmallContent } from "../../../../src/storage/content/local/small-content.js";
import { SmallContents } from "../../../../src/storage/content/local/small-contents.js";
import { StagingLog } from "../../../../src/storage/content/local/staging-log.js";
import type { LogChange } from "../../../../src/storage/content/local/staging-log-records.js";
import { bytesOfLength } from "../../../support/bytes.js";
import { afterKill } from "../../../support/crash.js";
import { FakeClock } from "../../../support/fake-clock.js";
import { testDir } from "../../../support/temp-dir.js";

const [A, B, C] = [1, 2, 3] as StagingId[] as [StagingId, StagingId, StagingId];
const MTIME = { sec: 1_900_000_000, nsec: 123_456_789 };
const KIB_64 = 64 * 1024;
/** More than one segment holds. */
const MANY = 300;

function openLog(directory: string): { log: StagingLog; contents: Map<StagingId, SmallContent> } {
  const log = new StagingLog(directory);
  onTestFinished(() => log.close());
  return { log, contents: log.recover() };
}

/** What another process would read from the log now. */
function replayed(directory: string): Record<number, string> {
  const { contents } = openLog(afterKill(directory));
  return Object.fromEntries([...contents].map(([id, { bytes }]) => [id, bytes.toString()]));
}

function write(text: string, offset = 0): LogChange {
  return { kind: "write", offset, data: Buffer.from(text) };
}

function segments(directory: string): string[] {
  return readdirSync(directory).sort((a, b) => Number(a.slice(4)) - Number(b.slice(4)));
}

describe("the staging log", () => {
  test("gives back after a kill all changes, in their order", () => {
    const directory = testDir();
    const { log } = openLog(directory);
    const changes: [StagingId, LogChange][] = [
      [A, write("hello")],
      [B, write("world", 2)],
      [A, write("J")],
      [A, { kind: "truncate", sizeBytes: 3 }],
      [B, { kind: "snapshot", data: Buffer.from("anew") }],
      [A, { kind: "truncate", sizeBytes: 5 }],
      [C, { kind: "truncate", sizeBytes: 2 }],
    ];
    for (const [id, change] of changes) log.append(id, { change, mtime: MTIME });
    expect(replayed(directory)).toStrictEqual({ [A]: "Jel\0\0", [B]: "anew", [C]: "\0\0" });
  });

  test("gives back the last time of each content, to the nanosecond", () => {
    const directory = testDir();
    const { log } = openLog(directory);
    log.append(A, { change: write("a"), mtime: { sec: 5, nsec: 6 } });
    log.append(A, { change: { kind: "times", mtime: MTIME }, mtime: MTIME });
    log.append(B, { change: write("b"), mtime: { sec: -1, nsec: 7 } });
    const { contents } = openLog(afterKill(directory));
    expect(contents.get(A)?.mtime).toStrictEqual(MTIME);
    expect(contents.get(B)?.mtime).toStrictEqual({ sec: -1, nsec: 7 });
  });

  test("doesn't give back what became a file", () => {
    const directory = testDir();
    const { log } = openLog(directory);
    log.append(A, { change: write("a"), mtime: MTIME });
    log.append(B, { change: write("b"), mtime: MTIME });
    log.append(A, { change: { kind: "spilled" }, mtime: MTIME });
    expect(replayed(directory)).toStrictEqual({ [B]: "b" });
  });

  test("goes on where it was after each of several restarts", () => {
    const directory = testDir();
    for (const text of ["one", "two", "three"]) {
      const { log, contents } = openLog(directory);
      const offset = contents.get(A)?.sizeBytes ?? 0;
      log.append(A, { change: write(text, offset), mtime: MTIME });
      log.close();
    }
    expect(replayed(directory)).toStrictEqual({ [A]: "onetwothree" });
  });

  test("takes the largest small content in one record", () => {
    const directory = testDir();
    const { log } = openLog(directory);
    const data = bytesOfLength(KIB_64);
    log.append(A, { change: { kind: "write", offset: 0, data }, mtime: MTIME });
    const { contents } = openLog(afterKill(directory));
    expect(contents.get(A)?.bytes.equals(data)).toBe(true);
  });
});

describe("the end of the log", () => {
  const whole = "a change that was acknowledged";
  const torn = "a change that was being written";

  function logWithTwo(): { directory: string; path: string; sizeBytes: number } {
    const directory = testDir();
    const { log } = openLog(directory);
    const path = join(directory, "log-1");
    log.append(A, { change: write(whole), mtime: MTIME });
    const sizeBytes = readFileSync(path).length;
    log.append(B, { change: write(torn), mtime: MTIME });
    log.close();
    return { directory, path, sizeBytes };
  }

  test("may be torn anywhere, and what came before is there", () => {
    const { directory, path, sizeBytes } = logWithTwo();
    const bytes = readFileSync(path);
    for (const at of [0, 1, 20, 47, 48, 49, 70]) {
      writeFileSync(path, bytes);
      truncateSync(path, sizeBytes + at);
      expect(replayed(directory)).toStrictEqual({ [A]: whole });
    }
  });

  test("may be damaged anywhere, and what came before is there", () => {
    const { directory, path, sizeBytes } = logWithTwo();
    const bytes = readFileSync(path);
    for (let at = sizeBytes; at < bytes.length; at += 5) {
      const damaged = Buffer.from(bytes);
      damaged.writeUInt8(damaged.readUInt8(at) ^ 0x40, at);
      writeFileSync(path, damaged);
      expect(replayed(directory)).toStrictEqual({ [A]: whole });
    }
  });

  test("may be noise, or nothing at all", () => {
    const { directory, path, sizeBytes } = logWithTwo();
    const bytes = readFileSync(path).subarray(0, sizeBytes);
    writeFileSync(path, Buffer.concat([bytes, bytesOfLength(5000)]));
    expect(replayed(directory)).toStrictEqual({ [A]: whole });
    writeFileSync(path, "");
    expect(replayed(directory)).toStrictEqual({});
  });
});

describe("what a power failure takes from the middle of the log", () => {
  /** The end of the first process's segment is lost, and what the next process added is there. */
  function logWithHole({ keptRecords }: { keptRecords: number }): string {
    const directory = testDir();
    const dead = openLog(directory).log;
    const path = join(directory, "log-1");
    const sizes = [0];
    for (const [text, offset] of [
      ["first", 0],
      ["second", 5],
    ] as const) {
      dead.append(A, { change: write(text, offset), mtime: MTIME });
      sizes.push(readFileSync(path).length);
    }
    const { log } = openLog(directory);
    log.append(A, { change: write("third", 11), mtime: MTIME });
    log.append(B, { change: write("other"), mtime: MTIME });
    expect(replayed(directory)).toStrictEqual({ [A]: "firstsecondthird", [B]: "other" });
    truncateSync(path, sizes[keptRecords]);
    return directory;
  }

  test("takes all that came later of the same content, and makes no hole", () => {
    expect(replayed(logWithHole({ keptRecords: 1 }))).toStrictEqual({ [A]: "first", [B]: "other" });
    expect(replayed(logWithHole({ keptRecords: 0 }))).toStrictEqual({ [B]: "other" });
  });

  test("doesn't matter before a snapshot", () => {
    const directory = logWithHole({ keptRecords: 0 });
    const { log } = openLog(directory);
    log.append(A, { change: { kind: "snapshot", data: Buffer.from("whole") }, mtime: MTIME });
    log.append(A, { change: write("!", 5), mtime: MTIME });
    expect(replayed(directory)).toStrictEqual({ [A]: "whole!", [B]: "other" });
  });

  test("is told from what came before, also when a snapshot went with it", () => {
    const directory = testDir();
    const first = openLog(directory).log;
    for (const text of ["A", "B"]) {
      first.append(A, { change: write(text, text === "A" ? 0 : 1), mtime: MTIME });
    }
    const second = openLog(directory).log;
    const snapshot = { kind: "snapshot", data: Buffer.from("AB") } as const;
    second.append(A, { change: snapshot, mtime: MTIME });
    second.append(A, { change: write("C", 2), mtime: MTIME });
    const third = openLog(directory).log;
    third.append(A, { change: write("D", 3), mtime: MTIME });
    expect(replayed(directory)).toStrictEqual({ [A]: "ABCD" });
    truncateSync(join(directory, "log-2"), 0);
    expect(replayed(directory)).toStrictEqual({ [A]: "AB" });
  });

  test("is not in the way of what is written then", () => {
    const directory = logWithHole({ keptRecords: 1 });
    const { log } = openLog(directory);
    log.append(A, { change: write("anew", 5), mtime: MTIME });
    expect(replayed(directory)).toStrictEqual({ [A]: "firstanew", [B]: "other" });
  });
});

describe("a sync of the log", () => {
  test("ends after one that runs already", async () => {
    const { log } = openLog(testDir());
    log.append(A, { change: write("a"), mtime: MTIME });
    const ended: string[] = [];
    const first = log.sync().then(() => ended.push("first"));
    const second = log.sync().then(() => ended.push("second"));
    await Promise.all([first, second]);
    expect(ended).toStrictEqual(["first", "second"]);
  });
});

describe("the segments of the log", () => {
  function open(directory: string): SmallContents {
    const log = new StagingLog(directory);
    const contents = new SmallContents({ log, clock: new FakeClock() });
    onTestFinished(() => contents.close());
    return contents;
  }

  /** Fills segments with contents that are discarded again. */
  function pass(contents: SmallContents, { from, count }: { from: number; count: number }): void {
    for (let id = from; id < from + count; id++) {
      const content = contents.create(id as StagingId);
      contents.apply(content, { kind: "write", offset: 0, data: Buffer.alloc(KIB_64, id) });
      contents.discard(id as StagingId);
    }
  }

  test("follow one another, and go when nothing that began in them is staged", async () => {
    const directory = testDir();
    const contents = open(directory);
    const kept = contents.create(A);
    contents.apply(kept, { kind: "write", offset: 0, data: Buffer.from("kept") });
    pass(contents, { from: 10, count: MANY });
    expect(segments(directory)).toStrictEqual(["log-1", "log-2"]);
    expect(replayed(directory)[A]).toBe("kept");
    contents.discard(A);
    expect(segments(directory)).toStrictEqual(["log-2"]);
  });

  test("don't get many because of one content: it is written anew, and durable first", async () => {
    const directory = testDir();
    const contents = open(directory);
    const kept = contents.create(A);
    contents.apply(kept, { kind: "write", offset: 0, data: Buffer.from("kept") });
    pass(contents, { from: 10, count: 5 * MANY });
    // The old segments stay as long as only they are durable.
    expect(segments(directory)[0]).toBe("log-1");
    await contents.sync();
    await expect.poll(() => segments(directory)[0]).not.toBe("log-1");
    expect(segments(directory).length).toBeLessThanOrEqual(5);
    contents.apply(kept, { kind: "write", offset: 4, data: Buffer.from("!") });
    expect(replayed(directory)[A]).toBe("kept!");
  });

  test("of a dead process are taken over, and go in the same way", async () => {
    const directory = testDir();
    const dead = open(directory);
    for (const id of [A, B]) {
      const content = dead.create(id);
      dead.apply(content, { kind: "write", offset: 0, data: Buffer.from(`content ${id}`) });
    }
    const contents = open(directory);
    expect(contents.ids).toStrictEqual([A, B]);
    expect(segments(directory)).toStrictEqual(["log-1", "log-2"]);
    contents.discard(A);
    contents.discard(B);
    await contents.sync();
    await expect.poll(() => segments(directory)).toStrictEqual(["log-2"]);
  });

  test("of a dead process stay until it is durable that their contents moved", async () => {
    const directory = testDir();
    const { log: dead } = openLog(directory);
    dead.append(A, { change: write("promised"), mtime: MTIME });
    const snapshot: LogChange = { kind: "snapshot", data: Buffer.from("promised") };
    openLog(directory).log.append(A, { change: snapshot, mtime: MTIME });
    const { log } = openLog(directory);
    expect(segments(directory)).toStrictEqual(["log-1", "log-2", "log-3"]);
    await log.sync();
    await expect.poll(() => segments(directory)).toStrictEqual(["log-2", "log-3"]);
  });

  test("go with the process, if nothing is staged any more", () => {
    const directory = testDir();
    const contents = open(directory);
    const content = contents.create(A);
    contents.apply(content, { kind: "write", offset: 0, data: Buffer.from("text") });
    contents.close();
    expect(segments(directory)).toStrictEqual(["log-1"]);
    const next = open(directory);
    next.discard(A);
    next.close();
    expect(segments(directory)).toStrictEqual([]);
  });

  test("can go while a sync is under way", async () => {
    const directory = testDir();
    const contents = open(directory);
    const kept = contents.create(A);
    contents.apply(kept, { kind: "write", offset: 0, data: Buffer.from("kept") });
    pass(contents, { from: 10, count: MANY });
    const syncing = contents.sync();
    contents.discard(A);
    await expect(syncing).resolves.toBeUndefined();
    await expect.poll(() => segments(directory)).toStrictEqual(["log-2"]);
  });
});
