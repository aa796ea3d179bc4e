import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { describe, expect, onTestFinished, test } from "vitest";
import { isKind } from "../../src/model/errors.js";
import { DataDirLock, type LockHolder, readHolder } from "../../src/storage/data-dir-lock.js";
import { kindOfLater } from "../support/error-kind.js";
import { SmallDisk, WHY_NO_SMALL_DISKS } from "../support/small-disk.js";
import { testDir } from "../support/temp-dir.js";

const HOLDER: LockHolder = { pid: 4711, mountPoint: "/home/me/nexus" };

async function acquire(
  dataDir: string,
  {
    holder = HOLDER,
    waitMs = 0,
    isFinishing = () => false,
    onWait = () => undefined,
  }: Partial<Wait> = {},
): Promise<DataDirLock> {
  const lock = await DataDirLock.acquire({ dataDir, holder, waitMs, isFinishing, onWait });
  onTestFinished(() => lock.release());
  return lock;
}

/** Reads a file again and again. */
const READER = `
  const { parentPort, workerData } = require("node:worker_threads");
  const { readFileSync } = require("node:fs");
  let [empty, last] = [0, undefined];
  const [IS_OVER, CHANGES] = [0, 1];
  parentPort.postMessage("reading");
  while (Atomics.load(workerData.shared, IS_OVER) === 0) {
    const read = readFileSync(workerData.path, "utf8");
    if (read.trim() === "") empty += 1;
    if (last !== undefined && read !== last) Atomics.add(workerData.shared, CHANGES, 1);
    last = read;
  }
  parentPort.postMessage(empty);
`;

type Wait = Omit<Parameters<typeof DataDirLock.acquire>[0], "dataDir">;

/** Another process that has the lock; returns when it has, with what ends it. */
async function holdElsewhere(dataDir: string): Promise<() => void> {
  const child = spawn("flock", [join(dataDir, "lock"), "sh", "-c", "echo held; read -r _"]);
  const end = () => child.stdin.end("\n");
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  await new Promise((resolve) => child.stdout.once("data", resolve));
  return end;
}

describe("the lock of a data directory", () => {
  test("makes the directory, for its owner only, and says who holds it", async () => {
    const dataDir = join(testDir(), "a/data");
    await acquire(dataDir);
    expect(statSync(dataDir).mode & 0o777).toBe(0o700);
    expect(statSync(join(dataDir, "lock")).mode & 0o777).toBe(0o600);
    expect(readHolder(dataDir)).toStrictEqual(HOLDER);
  });

  test("is refused in words when the directory can't be one", async () => {
    const file = join(testDir(), "file");
    writeFileSync(file, "");
    for (const dataDir of [file, join(file, "below")]) {
      await expect(acquire(dataDir)).rejects.toMatchObject({
        kind: "not-a-directory",
        message: `the data directory ${dataDir} is not a directory; choose another --data-dir`,
      });
    }
  });

  test("is held until it is released", async () => {
    const dataDir = testDir();
    expect(DataDirLock.isHeld(dataDir)).toBe(false);
    const lock = await DataDirLock.acquire({
      dataDir,
      holder: HOLDER,
      waitMs: 0,
      isFinishing: () => false,
      onWait: () => undefined,
    });
    expect(DataDirLock.isHeld(dataDir)).toBe(true);
    lock.release();
    expect(DataDirLock.isHeld(dataDir)).toBe(false);
    await acquire(dataDir);
    expect(DataDirLock.isHeld(dataDir)).toBe(true);
  });

  test("is refused while somebody holds it, who is named, and stays named", async () => {
    const dataDir = testDir();
    await acquire(dataDir);
    const error = await acquire(dataDir, { holder: { pid: 1, mountPoint: "/other" } }).catch(
      (refusal: unknown) => refusal,
    );
    expect(isKind(error, "in-use")).toBe(true);
    expect(String(error)).toContain(
      `${dataDir} is in use by process 4711, mounted at /home/me/nexus`,
    );
    expect(readHolder(dataDir)).toStrictEqual(HOLDER);
  });

  test("is held although somebody has removed its file, or put another one in its place", async () => {
    const dataDir = testDir();
    await acquire(dataDir);
    rmSync(join(dataDir, "lock"));
    expect(DataDirLock.isHeld(dataDir)).toBe(true);
    for (const attempt of ["first", "second"]) {
      // Nobody knows whether it is finishing, so nobody waits for it.
      const acquiring = acquire(dataDir, { waitMs: 60_000, isFinishing: () => true });
      const error = await acquiring.catch((refusal: unknown) => refusal);
      expect(String(error), attempt).toContain("is in use by another process");
    }
  });

  test("is refused while another program holds it, of whom nothing is known", async () => {
    const dataDir = testDir();
    await holdElsewhere(dataDir);
    const error = await acquire(dataDir).catch((refusal: unknown) => refusal);
    expect(String(error)).toContain("is in use by another process");
  });

  test("is waited for while the holder is finishing", async () => {
    const dataDir = testDir();
    const end = await holdElsewhere(dataDir);
    let asked = 0;
    const isFinishing = () => {
      asked += 1;
      if (asked === 2) end();
      return true;
    };
    await acquire(dataDir, { waitMs: 10_000, isFinishing });
    expect(asked).toBeGreaterThanOrEqual(2);
    expect(readHolder(dataDir)).toStrictEqual(HOLDER);
  });

  test("is waited for with a word about it, once, and with none when it is short", async () => {
    const dataDir = testDir();
    const end = await holdElsewhere(dataDir);
    writeFileSync(join(dataDir, "lock"), JSON.stringify(HOLDER));
    const heard: string[] = [];
    const waiting = acquire(dataDir, {
      waitMs: 10_000,
      isFinishing: () => true,
      onWait: (message) => {
        heard.push(message);
        end();
      },
    });
    expect(heard).toStrictEqual([]);
    await waiting;
    expect(heard).toStrictEqual([`waiting for process 4711, which has ${dataDir} and no mount`]);
  });

  test("is refused with the other mount namespace that the holder is in", async () => {
    const dataDir = testDir();
    const theirs = { ...HOLDER, namespace: "mnt:[2]" };
    await acquire(dataDir, { holder: theirs });
    const ours = { ...HOLDER, namespace: "mnt:[1]" };
    await expect(acquire(dataDir, { holder: ours })).rejects.toThrow(
      `${dataDir} is in use by process 4711, mounted at /home/me/nexus in another mount namespace (a container?); unmount it there, or choose another --data-dir`,
    );
    expect(readHolder(dataDir)).toStrictEqual(theirs);
  });

  test("is not waited for any longer when the holder turns out to stay", async () => {
    const dataDir = testDir();
    await holdElsewhere(dataDir);
    const answers = [true, false];
    const isFinishing = () => answers.shift() ?? true;
    expect(await kindOfLater(acquire(dataDir, { waitMs: 10_000, isFinishing }))).toBe("in-use");
    expect(answers).toStrictEqual([]);
  });

  test("is waited for only so long", async () => {
    const dataDir = testDir();
    await holdElsewhere(dataDir);
    const patient = { waitMs: 60, isFinishing: () => true };
    const error = await acquire(dataDir, patient).catch((refusal: unknown) => refusal);
    expect(isKind(error, "in-use")).toBe(true);
    expect(String(error)).toMatch(/is still in use by .* which was unmounted/);
  });

  test("keeps, for whoever waits for the end, why it didn't end well", async () => {
    const dataDir = testDir();
    const lock = await acquire(dataDir);
    lock.note({ ...HOLDER, failure: "the disk is gone" });
    expect(readHolder(dataDir)).toStrictEqual({ ...HOLDER, failure: "the disk is gone" });
    lock.note(HOLDER);
    expect(readHolder(dataDir)).toStrictEqual(HOLDER);
  });

  test("forgets a longer text of the holder before", async () => {
    const dataDir = testDir();
    writeFileSync(join(dataDir, "lock"), `${JSON.stringify(HOLDER)}${" ".repeat(500)}rest`);
    await acquire(dataDir);
    expect(readFileSync(join(dataDir, "lock"), "utf8")).toBe(`${JSON.stringify(HOLDER)}\n`);
  });

  test("can't be had where no directory can be", async () => {
    const base = testDir();
    writeFileSync(join(base, "file"), "");
    expect(await kindOfLater(acquire(join(base, "file/data")))).toBe("not-a-directory");
  });
});

describe("who holds it", () => {
  test("is known with everything that was noted", async () => {
    const dataDir = testDir();
    const holder = { ...HOLDER, dataDir: "/link", namespace: "mnt:[1]", hasEnded: true };
    await acquire(dataDir, { holder });
    expect(readHolder(dataDir)).toStrictEqual(holder);
  });

  test("is known with all of its mounts, and with none yet when it is starting", async () => {
    const dataDir = testDir();
    const starting = { pid: 12, isStarting: true };
    const lock = await acquire(dataDir, { holder: starting });
    expect(readHolder(dataDir)).toStrictEqual(starting);
    for (const mounts of [[{ id: 3, mountPoint: "/a" }], []]) {
      lock.note({ pid: 12, mounts });
      expect(readHolder(dataDir)).toStrictEqual({ pid: 12, mounts });
    }
  });

  test("counts as there when the file can't be opened, but not when there is none", () => {
    const dataDir = testDir();
    expect(DataDirLock.isHeld(dataDir)).toBe(false);
    symlinkSync("lock", join(dataDir, "lock"));
    expect(DataDirLock.isHeld(dataDir)).toBe(true);
  });

  test("is never nobody to who reads it while it changes", async () => {
    const dataDir = testDir();
    const lock = await acquire(dataDir);
    const shared = new Int32Array(new SharedArrayBuffer(8));
    const [IS_OVER, CHANGES] = [0, 1];
    const reader = new Worker(READER, {
      eval: true,
      workerData: { path: join(dataDir, "lock"), shared },
    });
    const [began] = (await once(reader, "message")) as [unknown];
    expect(began).toBe("reading");
    // Until it has read between many of the changes, however the threads take turns.
    const deadline = performance.now() + 10_000;
    for (let time = 0; time < 2000 || Atomics.load(shared, CHANGES) < 100; time++) {
      if (performance.now() > deadline) throw new Error("the other thread reads no changes");
      lock.note(time % 2 === 0 ? { pid: 4711 } : HOLDER);
    }
    Atomics.store(shared, IS_OVER, 1);
    const [empty] = (await once(reader, "message")) as [unknown];
    expect(empty).toBe(0);
  });

  test("has no mount when it is a program that uses the library, and is named all the same", async () => {
    const dataDir = testDir();
    await acquire(dataDir, { holder: { pid: 12 } });
    expect(readHolder(dataDir)).toStrictEqual({ pid: 12 });
    await expect(acquire(dataDir)).rejects.toThrow(
      `${dataDir} is in use by process 12; end that first, or choose another --data-dir`,
    );
  });

  test.each([
    ["no file", undefined],
    ["an empty file", ""],
    ["a torn line", '{"pid":12'],
    ["something else", '"text"'],
    ["a list", "[1]"],
    ["nothing", "null"],
    ["half of it", '{"mountPoint":"/mnt"}'],
  ])("is unknown from %s", (_, text) => {
    const dataDir = testDir();
    if (text !== undefined) writeFileSync(join(dataDir, "lock"), text);
    expect(readHolder(dataDir)).toBeUndefined();
  });
});

describe.skipIf(WHY_NO_SMALL_DISKS !== undefined)("a disk that is full", () => {
  test("leaves nobody with the lock, and is named; with room it can be had", async () => {
    const disk = new SmallDisk({ sizeBytes: 1024 * 1024 });
    disk.fill();
    const full = acquire(disk.path);
    await expect(full).rejects.toMatchObject({
      kind: "no-space",
      message: expect.stringContaining("its disk is full"),
    });
    expect(DataDirLock.isHeld(disk.path)).toBe(false);
    disk.free();
    await acquire(disk.path);
    expect(readHolder(disk.path)).toStrictEqual(HOLDER);
  });
});
