import type { NoParamCallback, PathLike } from "node:fs";
import { basename, dirname, join } from "node:path";
import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { EMPTY_HASH } from "../../../../src/model/ids.js";
import type { StagingFile } from "../../../../src/storage/content/content-store.js";
import { bytesOfLength } from "../../../support/bytes.js";
import { openContentStore } from "../../../support/stores.js";
import { testDir } from "../../../support/temp-dir.js";
import { Contents, hashOf } from "../fixture.js";

// The calls that decide what a power failure leaves, in their order, by what they are called on.

const trace = vi.hoisted(() => {
  const calls: string[] = [];
  const paths = new Map<number, string>();
  const flags = { noLinks: false, syncFails: false, isOnFuse: false };
  return { calls, paths, flags };
});

vi.mock("node:fs", async (importOriginal) => {
  const fs = await importOriginal<typeof import("node:fs")>();
  const { calls, paths, flags } = trace;
  const sync = (fd: number) => {
    calls.push(`sync ${nameOf(paths.get(fd) ?? "")}`);
    if (flags.syncFails) throw Object.assign(new Error("bad disk"), { code: "EIO" });
    fs.fsyncSync(fd);
  };
  return {
    ...fs,
    openSync: (path: string, ...rest: [string, number?]) => {
      const fd = fs.openSync(path, ...rest);
      paths.set(fd, path);
      return fd;
    },
    statfsSync: (path: PathLike) => {
      const stat = fs.statfsSync(path);
      return flags.isOnFuse ? { ...stat, type: 0x65735546 } : stat;
    },
    fsyncSync: sync,
    fdatasyncSync: sync,
    fsync: (fd: number, done: NoParamCallback) => {
      calls.push(`sync with size ${nameOf(paths.get(fd) ?? "")}`);
      fs.fsync(fd, done);
    },
    fdatasync: (fd: number, done: NoParamCallback) => {
      calls.push(`sync data ${nameOf(paths.get(fd) ?? "")}`);
      fs.fdatasync(fd, done);
    },
    linkSync: (from: PathLike, to: PathLike) => {
      if (flags.noLinks) throw Object.assign(new Error("no links"), { code: "EPERM" });
      fs.linkSync(from, to);
    },
    renameSync: (from: PathLike, to: PathLike) => {
      calls.push(`name ${nameOf(String(to))}`);
      fs.renameSync(from, to);
    },
    unlinkSync: (path: PathLike) => {
      calls.push(`unlink ${nameOf(String(path))}`);
      fs.unlinkSync(path);
    },
  };
});

vi.mock("node:fs/promises", async (importOriginal) => {
  const fs = await importOriginal<typeof import("node:fs/promises")>();
  const open = async (path: string, flags: string) => {
    const handle = await fs.open(path, flags);
    const sync = handle.sync.bind(handle);
    return Object.assign(handle, {
      sync: async () => {
        trace.calls.push(`sync ${nameOf(path)}`);
        await sync();
      },
    });
  };
  return { ...fs, open };
});

vi.mock("../../../../src/libc/files.js", async (importOriginal) => {
  const files = await importOriginal<typeof import("../../../../src/libc/files.js")>();
  const syncFileSystem = async () => {
    trace.calls.push("sync everything");
  };
  return { ...files, syncFileSystem };
});

/** Names that are the same in each run: hashes and numbers are not. */
function nameOf(path: string): string {
  const name = basename(path);
  if (/^[0-9a-f]{64}$/.test(name)) return "blob";
  if (/^[0-9a-f]{64}\.new$/.test(name) || /^\d+\.new$/.test(name)) return "copy";
  if (/^[0-9a-f]{2}$/.test(name)) return basename(dirname(path)) === "cas" ? "cas/ab" : "cas/ab/cd";
  return /^\d+$/.test(name) ? "staging file" : name;
}

const SMALL = bytesOfLength(100);
const LARGE = bytesOfLength(100_000);

async function open(): Promise<Contents> {
  const store = openContentStore(join(testDir(), "data"));
  onTestFinished(() => store.close());
  const contents = new Contents(store);
  // The first seal of a process syncs everything, whatever it seals.
  await store.seal([{ id: undefined, hash: EMPTY_HASH, sizeBytes: 0 }]);
  trace.calls.length = 0;
  return contents;
}

beforeEach(() => {
  trace.flags.noLinks = false;
  trace.flags.syncFails = false;
  trace.flags.isOnFuse = false;
});

describe("sealing", () => {
  const DIRECTORIES = ["sync cas/ab", "sync cas", "sync cas/ab/cd"];

  test("syncs the bytes of a file before they get a name, and then the directories", async () => {
    const contents = await open();
    await contents.seal(contents.stage(LARGE));
    expect(trace.calls).toStrictEqual(["sync staging file", "name blob", ...DIRECTORIES]);
  });

  test("writes and syncs a small content before it gets its name", async () => {
    const contents = await open();
    await contents.seal(contents.stage(SMALL));
    expect(trace.calls).toStrictEqual(["sync copy", "name blob", ...DIRECTORIES]);
  });

  test("copies and syncs the bytes where a file can have no second name", async () => {
    const contents = await open();
    trace.flags.noLinks = true;
    const [content] = await contents.seal(contents.stage(LARGE));
    const order = ["sync staging file", "sync copy", "name blob", ...DIRECTORIES];
    expect(trace.calls).toStrictEqual(order);
    if (content === undefined) throw new Error("nothing was sealed");
    expect(contents.bytesOf(content).equals(LARGE)).toBe(true);
  });

  test("syncs everything at once, twice, when there are many", async () => {
    const contents = await open();
    const ids = Array.from({ length: 20 }, (_, index) =>
      contents.stage(bytesOfLength(99, index + 1)),
    );
    await contents.seal(...ids);
    const names = Array.from({ length: 20 }, () => "name blob");
    expect(trace.calls).toStrictEqual(["sync everything", ...names, "sync everything"]);
  });

  test("syncs nothing for what is there and durable", async () => {
    const contents = await open();
    await contents.seal(contents.stage(LARGE));
    trace.calls.length = 0;
    await contents.seal(contents.stage(LARGE));
    expect(trace.calls).toStrictEqual([]);
  });

  test("syncs what a dead process may have put there without coming to sync it", async () => {
    const dataDir = testDir();
    const dead = new Contents(openContentStore(dataDir));
    const content = await dead.sealed(LARGE);
    const contents = new Contents(openContentStore(dataDir));
    trace.calls.length = 0;
    const id = contents.nextId();
    await contents.store.seal([{ ...content, id }]);
    expect(trace.calls).toStrictEqual(["sync everything"]);
  });

  test("syncs each file of many where syncfs(2) reaches no server: on FUSE", async () => {
    trace.flags.isOnFuse = true;
    const contents = await open();
    const seeds = Array.from({ length: 20 }, (_, index) => index + 1);
    await contents.seal(...seeds.map((seed) => contents.stage(bytesOfLength(99, seed))));
    const count = (call: string) => trace.calls.filter((each) => each === call).length;
    expect(count("sync everything")).toBe(0);
    expect(count("sync copy")).toBe(20);
    expect(trace.calls.lastIndexOf("sync copy")).toBeLessThan(trace.calls.indexOf("name blob"));
    // Each blob is one that somebody may have placed before.
    expect(count("sync blob")).toBe(20);
    expect(trace.calls.lastIndexOf("name blob")).toBeLessThan(trace.calls.indexOf("sync blob"));
    expect(trace.calls.slice(-1)).toStrictEqual(["sync cas"]);
  });

  test("syncs what is there already with its directories, each time, on FUSE", async () => {
    trace.flags.isOnFuse = true;
    const contents = await open();
    const content = await contents.sealed(LARGE);
    trace.calls.length = 0;
    await contents.store.seal([{ ...content, id: contents.nextId() }]);
    expect(trace.calls).toStrictEqual(["sync blob", "sync cas/ab/cd", "sync cas/ab", "sync cas"]);
  });

  test("fails when a sync does, and the next try syncs a copy and what may have been placed", async () => {
    const contents = await open();
    const id = contents.stage(LARGE);
    trace.flags.syncFails = true;
    await expect(contents.seal(id)).rejects.toMatchObject({ kind: "io-failure" });
    trace.flags.syncFails = false;
    trace.calls.length = 0;
    await contents.seal(id);
    expect(trace.calls).toStrictEqual(["sync copy", "name blob", "sync everything"]);
    expect(hashOf(contents.stagedBytes(id))).toBe(hashOf(LARGE));
  });
});

describe("a small content that becomes a file", () => {
  test("is synced before the log says so, if it was promised to be durable", async () => {
    const contents = await open();
    const file = contents.staged(SMALL);
    await file.sync();
    trace.calls.length = 0;
    file.truncate(100_000);
    expect(trace.calls).toStrictEqual(["sync staging file", "sync staging"]);
  });

  test("is synced also if the promise was made by a process that died", async () => {
    const dataDir = testDir();
    const dead = new Contents(openContentStore(dataDir));
    const promised = dead.staged(SMALL);
    await promised.sync();
    const contents = new Contents(openContentStore(dataDir));
    const file = contents.store.openStaging(promised.id);
    trace.calls.length = 0;
    file.truncate(100_000);
    // What follows is for the segments of the log.
    expect(trace.calls.slice(0, 2)).toStrictEqual(["sync staging file", "sync staging"]);
  });

  test("costs no sync if nobody was promised anything", async () => {
    const contents = await open();
    const file = contents.staged(SMALL);
    trace.calls.length = 0;
    file.truncate(100_000);
    expect(trace.calls).toStrictEqual([]);
  });

  const SYNCED = ["sync with size staging file", "sync staging", "sync data log-1", "sync staging"];

  test("is durable with the record that says so, also if it was closed since", async () => {
    const contents = await open();
    const file = contents.staged(SMALL);
    file.truncate(100_000);
    file.close();
    const again = contents.store.openStaging(file.id);
    trace.calls.length = 0;
    await again.sync();
    expect(trace.calls).toStrictEqual(SYNCED);
    trace.calls.length = 0;
    await again.sync();
    expect(trace.calls).toStrictEqual(["sync data staging file"]);
  });

  test("is durable with that record also if a process wrote it that died", async () => {
    const dataDir = testDir();
    const file = new Contents(openContentStore(dataDir)).staged(SMALL);
    file.truncate(100_000);
    trace.calls.length = 0;
    const again = openContentStore(dataDir).openStaging(file.id);
    await again.sync();
    expect(trace.calls).toContain("sync data log-1");
  });

  test("leaves no record where the log never knew of it", async () => {
    const contents = await open();
    const file = contents.staged(LARGE);
    trace.calls.length = 0;
    await file.sync();
    expect(trace.calls).toStrictEqual(["sync with size staging file", "sync staging"]);
  });
});

describe("a copy for writing", () => {
  async function copied(
    contents: Contents,
    { bytes, lengthBytes = bytes.length }: { bytes: Buffer; lengthBytes?: number },
  ): Promise<StagingFile> {
    const source = contents.store.open(await contents.sealed(bytes));
    trace.calls.length = 0;
    const file = await contents.store.copyUp({ source, id: contents.nextId(), lengthBytes });
    source.close();
    return file;
  }

  test.each([100_000, 3_000_000])(
    "is durable when it is there, if it has %i bytes",
    async (size) => {
      await copied(await open(), { bytes: bytesOfLength(size) });
      expect(trace.calls).toStrictEqual(["sync with size staging file", "sync staging"]);
    },
  );

  test("of a small content costs no sync", async () => {
    const contents = await open();
    await copied(contents, { bytes: SMALL });
    await copied(contents, { bytes: LARGE, lengthBytes: 100 });
    expect(trace.calls).toStrictEqual([]);
  });

  test("of a small content is synced when it becomes a file", async () => {
    const file = await copied(await open(), { bytes: SMALL });
    file.truncate(100_000);
    expect(trace.calls).toStrictEqual(["sync staging file", "sync staging"]);
  });
});

describe("a staging file that is synced", () => {
  const ALL = ["sync with size staging file", "sync staging"];
  const DATA = ["sync data staging file"];

  async function synced(file: StagingFile): Promise<string[]> {
    trace.calls.length = 0;
    file.write({ from: SMALL, offset: 0 });
    await file.sync();
    return [...trace.calls];
  }

  test("takes its name along the first time, also if it was closed before", async () => {
    const contents = await open();
    const file = contents.store.openStaging(contents.stage(LARGE));
    expect(await synced(file)).toStrictEqual(ALL);
    expect(await synced(file)).toStrictEqual(DATA);
    file.close();
    const again = contents.store.openStaging(file.id);
    expect(await synced(again)).toStrictEqual(DATA);
  });

  test("takes its name along again in the next process, which doesn't know", async () => {
    const dataDir = testDir();
    const dead = new Contents(openContentStore(dataDir));
    const file = dead.store.openStaging(dead.stage(LARGE));
    expect(await synced(file)).toStrictEqual(ALL);
    const contents = new Contents(openContentStore(dataDir));
    const again = contents.store.openStaging(file.id);
    expect(await synced(again)).toStrictEqual(expect.arrayContaining(ALL));
  });
});
