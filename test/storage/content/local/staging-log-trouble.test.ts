import {
  copyFileSync,
  mkdirSync,
  type NoParamCallback,
  type PathLike,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { NexusError } from "../../../../src/model/errors.js";
import type { StagingId } from "../../../../src/model/ids.js";
import { SmallContents } from "../../../../src/storage/content/local/small-contents.js";
import { StagingLog } from "../../../../src/storage/content/local/staging-log.js";
import { afterKill } from "../../../support/crash.js";
import { kindOf, kindOfLater } from "../../../support/error-kind.js";
import { FakeClock } from "../../../support/fake-clock.js";
import { testDir } from "../../../support/temp-dir.js";

// What the log makes of a host that fails it.

const trouble = vi.hoisted(() => ({
  /** A write ends after so many bytes: the disk is full. */
  writesUpTo: Number.POSITIVE_INFINITY,
  cannotCut: false,
  cannotUnlink: false,
  /** So many syncs fail. */
  failingSyncs: 0,
  /** How much of each segment is durable. */
  durable: new Map<string, number>(),
  /** The segments that a failed sync left with a hole, which the next one doesn't fill. */
  withHole: new Set<string>(),
}));

vi.mock("node:fs", async (importOriginal) => {
  const fs = await importOriginal<typeof import("node:fs")>();
  const fail = () => {
    throw Object.assign(new Error("bad disk"), { code: "EIO" });
  };
  return {
    ...fs,
    ftruncateSync: (fd: number, length: number) => {
      if (trouble.cannotCut) fail();
      fs.ftruncateSync(fd, length);
    },
    fdatasync: (fd: number, done: NoParamCallback) => {
      const path = fs.readlinkSync(`/proc/self/fd/${fd}`);
      if (trouble.failingSyncs > 0) {
        trouble.failingSyncs -= 1;
        trouble.withHole.add(path);
        return done(Object.assign(new Error("bad disk"), { code: "EIO" }));
      }
      if (!trouble.withHole.has(path)) trouble.durable.set(path, fs.fstatSync(fd).size);
      fs.fdatasync(fd, done);
    },
    unlinkSync: (path: PathLike) => {
      if (trouble.cannotUnlink) fail();
      fs.unlinkSync(path);
    },
  };
});

vi.mock("../../../../src/libc/files.js", async (importOriginal) => {
  const files = await importOriginal<typeof import("../../../../src/libc/files.js")>();
  const writeAt: typeof files.writeAt = (fd, { from, offset }) => {
    if (from.length <= trouble.writesUpTo) return files.writeAt(fd, { from, offset });
    writeSync(fd, from, 0, trouble.writesUpTo, offset);
    throw new NexusError("no-space", "pwrite: ENOSPC");
  };
  return { ...files, writeAt };
});

const [VICTIM, OTHER] = [5, 7] as StagingId[] as [StagingId, StagingId];
const KIB_64 = 64 * 1024;

class Opened {
  readonly directory: string;
  readonly contents: SmallContents;

  constructor(directory = testDir()) {
    this.directory = directory;
    this.contents = new SmallContents({
      log: new StagingLog(directory),
      clock: new FakeClock(),
    });
    onTestFinished(() => this.contents.close());
  }

  get segments(): string[] {
    return readdirSync(this.directory).sort((a, b) => Number(a.slice(4)) - Number(b.slice(4)));
  }

  write(id: StagingId, data: string | Buffer, offset = 0): void {
    const content = this.contents.get(id) ?? this.contents.create(id);
    this.contents.apply(content, { kind: "write", offset, data: Buffer.from(data) });
  }

  /** Fills more than a segment with contents that are discarded again. */
  pass(from: number): void {
    for (let id = from; id < from + 300; id++) {
      this.write(id as StagingId, Buffer.alloc(KIB_64, id));
      this.contents.discard(id as StagingId);
    }
  }

  /** What another process would find here now. */
  found(id: StagingId): string | undefined {
    return textOf(new Opened(afterKill(this.directory)), id);
  }

  /** The log as a power failure would leave it that takes all that it can. */
  afterPowerFailure(): string {
    const copy = afterKill(this.directory);
    for (const name of this.segments) {
      truncateSync(join(copy, name), trouble.durable.get(join(this.directory, name)) ?? 0);
    }
    return copy;
  }

  foundAfterPowerFailure(id: StagingId): string | undefined {
    return textOf(new Opened(this.afterPowerFailure()), id);
  }
}

function textOf({ contents }: Opened, id: StagingId): string | undefined {
  return contents.get(id)?.bytes.toString();
}

beforeEach(() => {
  trouble.writesUpTo = Number.POSITIVE_INFINITY;
  trouble.cannotCut = false;
  trouble.cannotUnlink = false;
  trouble.failingSyncs = 0;
  trouble.durable.clear();
  trouble.withHole.clear();
});

describe("what a write leaves in the log that failed in the middle", () => {
  /** A record of a log, which says that the victim's content is something else. */
  function forgedRecord(): Buffer {
    const other = new Opened();
    const path = join(other.directory, "log-1");
    const snapshot = () => {
      const content = other.contents.create(VICTIM);
      other.contents.apply(content, { kind: "snapshot", data: Buffer.from("forged!!") });
      return statSync(path).size;
    };
    const sizeBytes = snapshot();
    snapshot();
    return readFileSync(path).subarray(sizeBytes);
  }

  test("is cut off", () => {
    const log = new Opened();
    log.write(VICTIM, "victim's");
    const path = join(log.directory, "log-1");
    const { size } = statSync(path);
    trouble.writesUpTo = 4096;
    expect(kindOf(() => log.write(OTHER, Buffer.alloc(8000)))).toBe("no-space");
    expect(statSync(path).size).toBe(size);
  });

  test.each([
    ["the first", []],
    ["a later", ["something"]],
  ])("is never taken for records, whatever it is, behind %s record", (_, before) => {
    const log = new Opened();
    log.write(VICTIM, "victim's");
    for (const text of before) log.write(OTHER, text);
    trouble.cannotCut = true;
    trouble.writesUpTo = 4096;
    const data = Buffer.concat([forgedRecord(), Buffer.alloc(8000)]);
    expect(kindOf(() => log.write(OTHER, data))).toBe("no-space");
    trouble.writesUpTo = Number.POSITIVE_INFINITY;
    // A record without data ends where those of the failed one began.
    const other = log.contents.get(OTHER);
    if (other === undefined) throw new Error("there is no such content");
    log.contents.apply(other, { kind: "truncate", sizeBytes: 1 });
    expect(log.found(VICTIM)).toBe("victim's");
  });
});

describe("a log in another format", () => {
  test.each(["NXS1", "NXS3"])("(%s) is refused, and stays as it is", (magic) => {
    const directory = testDir();
    mkdirSync(directory, { recursive: true });
    const path = join(directory, "log-1");
    writeFileSync(path, `${magic} and what was not lost yet`);
    expect(kindOf(() => new Opened(directory))).toBe("not-supported");
    expect(readdirSync(directory)).toStrictEqual(["log-1"]);
    expect(readFileSync(path).toString()).toContain("not lost yet");
  });
});

describe("an old segment that can't be removed", () => {
  test("is in nobody's way, and goes with the next one", () => {
    const log = new Opened();
    log.write(VICTIM, "kept");
    log.pass(100);
    expect(log.segments).toStrictEqual(["log-1", "log-2"]);
    trouble.cannotUnlink = true;
    expect(log.contents.discard(VICTIM)).toBe(true);
    expect(log.contents.get(VICTIM)).toBeUndefined();
    expect(log.segments).toStrictEqual(["log-1", "log-2"]);
    trouble.cannotUnlink = false;
    log.write(OTHER, "more");
    log.contents.discard(OTHER);
    log.pass(500);
    expect(log.segments[0]).not.toBe("log-1");
  });
});

describe("after a sync of the log that failed", () => {
  test("another one vouches only for what it wrote itself", async () => {
    const log = new Opened();
    log.write(VICTIM, "promised");
    await log.contents.sync();
    log.write(VICTIM, ", and more", 8);
    log.write(OTHER, "other");
    trouble.failingSyncs = 1;
    expect(await kindOfLater(log.contents.sync())).toBe("io-failure");
    expect(log.foundAfterPowerFailure(VICTIM)).toBe("promised");
    // Somebody else's, who never heard of the failure.
    await log.contents.sync();
    expect(log.foundAfterPowerFailure(VICTIM)).toBe("promised, and more");
    expect(log.foundAfterPowerFailure(OTHER)).toBe("other");
    expect(log.segments).toStrictEqual(["log-2"]);
  });

  test("changes go on, and are kept by a kill and by the next sync", async () => {
    const log = new Opened();
    log.write(VICTIM, "before");
    trouble.failingSyncs = 1;
    expect(await kindOfLater(log.contents.sync())).toBe("io-failure");
    log.write(VICTIM, ", after", 6);
    const syncing = log.contents.sync();
    log.write(VICTIM, ", meanwhile", 13);
    log.write(OTHER, "other");
    await syncing;
    log.write(OTHER, "!", 5);
    expect(log.found(VICTIM)).toBe("before, after, meanwhile");
    expect(log.found(OTHER)).toBe("other!");
    await log.contents.sync();
    expect(log.foundAfterPowerFailure(VICTIM)).toBe("before, after, meanwhile");
    expect(log.foundAfterPowerFailure(OTHER)).toBe("other!");
  });

  test("what became a file is said anew to be one", async () => {
    const log = new Opened();
    log.write(VICTIM, "in the log");
    await log.contents.sync();
    const old = log.afterPowerFailure();
    const content = log.contents.get(VICTIM);
    if (content === undefined) throw new Error("there is no such content");
    log.contents.noteSpilled(content);
    trouble.failingSyncs = 1;
    expect(await kindOfLater(log.contents.syncSpill(VICTIM))).toBe("io-failure");
    await log.contents.syncSpill(VICTIM);
    // The power failure undoes also the removal of the old segment, which nobody synced.
    const copy = log.afterPowerFailure();
    copyFileSync(join(old, "log-1"), join(copy, "log-1"));
    expect(textOf(new Opened(old), VICTIM)).toBe("in the log");
    expect(textOf(new Opened(copy), VICTIM)).toBeUndefined();
  });

  test("all others fail while the disk does, nothing is lost, and the log doesn't grow", async () => {
    const log = new Opened();
    log.write(VICTIM, "promised");
    await log.contents.sync();
    trouble.failingSyncs = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 10; round++) {
      log.write(VICTIM, `round ${round}`);
      log.write((100 + round) as StagingId, "new");
      expect(await kindOfLater(log.contents.sync())).toBe("io-failure");
      expect(log.found(VICTIM)).toContain(`round ${round}`);
      expect(log.found(100 as StagingId)).toBe("new");
      expect(log.foundAfterPowerFailure(VICTIM)).toBe("promised");
    }
    expect(log.segments.length).toBeLessThanOrEqual(3);
    trouble.failingSyncs = 0;
    await log.contents.sync();
    expect(log.foundAfterPowerFailure(VICTIM)).toContain("round 9");
    expect(log.foundAfterPowerFailure(109 as StagingId)).toBe("new");
    expect(log.segments).toHaveLength(1);
  });

  test("one that can't write all of it anew fails, and a later one goes on from there", async () => {
    const log = new Opened();
    log.write(VICTIM, "small");
    log.write(OTHER, Buffer.alloc(10_000, "x"));
    trouble.failingSyncs = 1;
    expect(await kindOfLater(log.contents.sync())).toBe("io-failure");
    trouble.writesUpTo = 4096;
    expect(await kindOfLater(log.contents.sync())).toBe("no-space");
    expect(log.foundAfterPowerFailure(VICTIM)).toBeUndefined();
    expect(log.found(OTHER)).toHaveLength(10_000);
    trouble.writesUpTo = Number.POSITIVE_INFINITY;
    await log.contents.sync();
    expect(log.foundAfterPowerFailure(VICTIM)).toBe("small");
    expect(log.foundAfterPowerFailure(OTHER)).toHaveLength(10_000);
    expect(log.segments).toHaveLength(1);
  });

  test("a process that takes over keeps what the dead one had", async () => {
    const directory = testDir();
    new Opened(directory).write(VICTIM, "of the dead process");
    const log = new Opened(directory);
    log.write(OTHER, "other");
    trouble.failingSyncs = 1;
    expect(await kindOfLater(log.contents.sync())).toBe("io-failure");
    expect(log.found(VICTIM)).toBe("of the dead process");
    await log.contents.sync();
    expect(log.foundAfterPowerFailure(VICTIM)).toBe("of the dead process");
    expect(log.foundAfterPowerFailure(OTHER)).toBe("other");
    expect(log.segments).toStrictEqual(["log-3"]);
  });
});
