import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { NexusError } from "../../../../src/model/errors.js";
import { EMPTY_HASH, type StagingId } from "../../../../src/model/ids.js";
import { bytesOfLength } from "../../../support/bytes.js";
import { kindOf, kindOfLater } from "../../../support/error-kind.js";
import { openContentStore } from "../../../support/stores.js";
import { testDir } from "../../../support/temp-dir.js";
import { setUmask } from "../../../support/umask.js";
import { Contents, hashOf } from "../fixture.js";

// A sync fails once, and the next one succeeds, because the kernel takes the pages for clean.

const trouble = vi.hoisted(() => ({ files: 0, directories: 0, everything: 0 }));

vi.mock("node:fs", async (importOriginal) => {
  const fs = await importOriginal<typeof import("node:fs")>();
  type Done = (error: Error | null) => void;
  const failure = (fd: number): Error | undefined => {
    const kind = fs.fstatSync(fd).isDirectory() ? "directories" : "files";
    if (trouble[kind] <= 0) return undefined;
    trouble[kind] -= 1;
    return Object.assign(new Error("bad disk"), { code: "EIO" });
  };
  const now = (sync: (fd: number) => void) => (fd: number) => {
    const error = failure(fd);
    if (error !== undefined) throw error;
    sync(fd);
  };
  const later = (sync: (fd: number, done: Done) => void) => (fd: number, done: Done) => {
    const error = failure(fd);
    if (error === undefined) sync(fd, done);
    else setImmediate(() => done(error));
  };
  return {
    ...fs,
    fsyncSync: now(fs.fsyncSync),
    fdatasyncSync: now(fs.fdatasyncSync),
    fsync: later(fs.fsync),
    fdatasync: later(fs.fdatasync),
  };
});

vi.mock("node:fs/promises", async (importOriginal) => {
  const fs = await importOriginal<typeof import("node:fs/promises")>();
  const open = async (path: string, flags: string) => {
    const handle = await fs.open(path, flags);
    const sync = handle.sync.bind(handle);
    return Object.assign(handle, {
      sync: async () => {
        if (trouble.directories <= 0) return await sync();
        trouble.directories -= 1;
        throw Object.assign(new Error("bad disk"), { code: "EIO" });
      },
    });
  };
  return { ...fs, open };
});

vi.mock("../../../../src/libc/files.js", async (importOriginal) => {
  const files = await importOriginal<typeof import("../../../../src/libc/files.js")>();
  const syncFileSystem: typeof files.syncFileSystem = async (fd) => {
    if (trouble.everything <= 0) return await files.syncFileSystem(fd);
    trouble.everything -= 1;
    throw new NexusError("io-failure", "syncfs: EIO");
  };
  return { ...files, syncFileSystem };
});

const LARGE = bytesOfLength(100_000);
const MIB = 1024 * 1024;

class Opened extends Contents {
  readonly dataDir: string;

  constructor(dataDir = testDir()) {
    super(openContentStore(dataDir));
    this.dataDir = dataDir;
    onTestFinished(() => this.store.close());
  }

  stagingPath(id: StagingId): string {
    return join(this.dataDir, "staging", String(id));
  }

  blobPath(bytes: Uint8Array): string {
    const hash = hashOf(bytes);
    return join(this.dataDir, "cas", hash.slice(0, 2), hash.slice(2, 4), hash);
  }

  /** Whether the sealed bytes and the staged ones are the same file. */
  isLinked(id: StagingId, bytes: Uint8Array): boolean {
    return statSync(this.stagingPath(id)).ino === statSync(this.blobPath(bytes)).ino;
  }
}

/** The first seal of a process syncs everything, whatever it seals. */
async function open(): Promise<Opened> {
  const contents = new Opened();
  await contents.store.seal([{ id: undefined, hash: EMPTY_HASH, sizeBytes: 0 }]);
  return contents;
}

beforeEach(() => {
  Object.assign(trouble, { files: 0, directories: 0, everything: 0 });
});

describe("a staging file of which a sync failed", () => {
  test.each(["files", "directories"] as const)(
    "(of %s) is never vouched for again, whoever opens it",
    async (kind) => {
      const contents = new Opened();
      const file = contents.staged(LARGE);
      trouble[kind] = 1;
      expect(await kindOfLater(file.sync())).toBe("io-failure");
      expect(await kindOfLater(file.sync())).toBe("io-failure");
      file.write({ from: Buffer.from("more"), offset: 0 });
      file.close();
      const again = contents.store.openStaging(file.id);
      expect(await kindOfLater(again.sync())).toBe("io-failure");
      await expect(contents.staged(LARGE).sync()).resolves.toBeUndefined();
    },
  );

  test("fails all who asked at the same time: only one of them is told by the host", async () => {
    const file = new Opened().staged(LARGE);
    await file.sync();
    trouble.files = 1;
    const kinds = [file.sync(), file.sync(), file.sync()].map(kindOfLater);
    file.close();
    expect(await Promise.all(kinds)).toStrictEqual(["io-failure", "io-failure", "io-failure"]);
  });

  test("gives its number back when it is gone", async () => {
    const contents = new Opened();
    const file = contents.staged(LARGE);
    trouble.files = 1;
    expect(await kindOfLater(file.sync())).toBe("io-failure");
    await contents.store.discardStaging([file.id]);
    const next = contents.store.createStaging(file.id);
    next.write({ from: LARGE, offset: 0 });
    await expect(next.sync()).resolves.toBeUndefined();
  });

  test("and which was to take the place of a small content is gone: that one stays", async () => {
    const contents = new Opened();
    const file = contents.staged(Buffer.from("small"));
    await file.sync();
    trouble.files = 1;
    expect(kindOf(() => file.truncate(100_000))).toBe("io-failure");
    await expect(file.sync()).resolves.toBeUndefined();
    file.truncate(100_000);
    await expect(file.sync()).resolves.toBeUndefined();
  });

  test("is sealed from a copy", async () => {
    const contents = await open();
    const file = contents.staged(LARGE);
    trouble.files = 1;
    expect(await kindOfLater(file.sync())).toBe("io-failure");
    const [content] = await contents.seal(file.id);
    expect(content).toMatchObject({ hash: hashOf(LARGE), sizeBytes: LARGE.length });
    expect(contents.isLinked(file.id, LARGE)).toBe(false);
    expect(contents.bytesOf({ hash: hashOf(LARGE), sizeBytes: LARGE.length })).toStrictEqual(LARGE);
    expect(statSync(contents.blobPath(LARGE)).mode & 0o777).toBe(0o444);
  });

  test("is sealed with its mode under any umask", async () => {
    const contents = await open();
    const file = contents.staged(LARGE);
    trouble.files = 1;
    expect(await kindOfLater(file.sync())).toBe("io-failure");
    file.close();
    setUmask(0o077);
    await contents.seal(file.id);
    expect(statSync(contents.blobPath(LARGE)).mode & 0o777).toBe(0o444);
  });
});

describe("a seal whose sync failed", () => {
  test("is done from a copy the next time, and the staging file is never vouched for", async () => {
    const contents = await open();
    const file = contents.staged(LARGE);
    trouble.files = 1;
    expect(await kindOfLater(contents.seal(file.id))).toBe("io-failure");
    expect(await kindOfLater(contents.store.openStaging(file.id).sync())).toBe("io-failure");
    await contents.seal(file.id);
    expect(contents.isLinked(file.id, LARGE)).toBe(false);
    expect(contents.stagedBytes(file.id)).toStrictEqual(LARGE);
  });

  test("is done from another copy when that one can't be synced either", async () => {
    const contents = await open();
    const id = contents.stage(LARGE);
    trouble.files = 3;
    for (let round = 0; round < 3; round++) {
      expect(await kindOfLater(contents.seal(id))).toBe("io-failure");
      expect(contents.store.statSealed(hashOf(LARGE))).toBeUndefined();
    }
    await contents.seal(id);
    expect(contents.isLinked(id, LARGE)).toBe(false);
  });

  test("blames only the file that it failed on", async () => {
    const contents = await open();
    const [bad, good] = [1, 2].map((seed) => bytesOfLength(100_000, seed)) as [Buffer, Buffer];
    const ids = [contents.stage(bad), contents.stage(good)] as [StagingId, StagingId];
    trouble.files = 1;
    expect(await kindOfLater(contents.seal(...ids))).toBe("io-failure");
    await contents.seal(...ids);
    expect(contents.isLinked(ids[0], bad)).toBe(false);
    expect(contents.isLinked(ids[1], good)).toBe(true);
  });

  test("blames all files when they were synced all at once", async () => {
    const contents = await open();
    const all = Array.from({ length: 10 }, (_, index) => bytesOfLength(70_000, index + 1));
    const ids = all.map((bytes) => contents.stage(bytes));
    trouble.everything = 1;
    expect(await kindOfLater(contents.seal(...ids))).toBe("io-failure");
    await contents.seal(...ids);
    const linked = all.filter((bytes, index) => contents.isLinked(ids[index] as StagingId, bytes));
    expect(linked).toStrictEqual([]);
  });

  test("blames no file when it was that of a directory", async () => {
    const contents = await open();
    const file = contents.staged(LARGE);
    trouble.directories = 1;
    expect(await kindOfLater(contents.seal(file.id))).toBe("io-failure");
    await contents.seal(file.id);
    expect(contents.isLinked(file.id, LARGE)).toBe(true);
  });

  test("fails for good when the bytes can't be read back, and damages nobody's blob", async () => {
    const contents = await open();
    const id = contents.stage(LARGE);
    const hash = (await contents.store.hash([id])).get(id) ?? EMPTY_HASH;
    const request = { id, hash, sizeBytes: LARGE.length };
    trouble.files = 1;
    expect(await kindOfLater(contents.store.seal([request]))).toBe("io-failure");
    // The page was dropped, and the disk has something else.
    writeFileSync(contents.stagingPath(id), bytesOfLength(LARGE.length, 9));
    expect(await kindOfLater(contents.store.seal([request]))).toBe("io-failure");
    expect(contents.store.statSealed(hash)).toBeUndefined();
    await contents.sealed(LARGE);
    expect(contents.bytesOf(request)).toStrictEqual(LARGE);
  });

  test("fails for good also when what can be read back is hashed anew", async () => {
    const contents = await open();
    const id = contents.stage(LARGE);
    trouble.files = 1;
    expect(await kindOfLater(contents.seal(id))).toBe("io-failure");
    const found = bytesOfLength(LARGE.length, 9);
    writeFileSync(contents.stagingPath(id), found);
    for (let tries = 0; tries < 2; tries++) {
      expect(await kindOfLater(contents.seal(id))).toBe("io-failure");
    }
    expect(contents.store.statSealed(hashOf(found))).toBeUndefined();
    // As it was, it can be sealed.
    writeFileSync(contents.stagingPath(id), LARGE);
    await contents.seal(id);
  });

  test("copies no holes", async () => {
    const contents = await open();
    const file = contents.staged();
    file.truncate(40 * MIB);
    file.write({ from: Buffer.from("in the middle"), offset: 20 * MIB });
    trouble.files = 1;
    expect(await kindOfLater(contents.seal(file.id))).toBe("io-failure");
    const [content] = await contents.seal(file.id);
    if (content === undefined) throw new Error("nothing was sealed");
    expect(content.sizeBytes).toBe(40 * MIB);
    expect(content.blocks * 512).toBeLessThan(4 * MIB);
    expect(hashOf(contents.bytesOf(content))).toBe(content.hash);
  });
});
