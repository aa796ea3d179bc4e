import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { makeDirectories } from "../libc/directories.js";
import { tryLock } from "../libc/files.js";
import { fsError } from "../libc/system-error.js";
import { NexusError } from "../model/errors.js";

/** Who holds a data directory, for messages to people. */
export interface LockHolder {
  readonly pid: number;
  readonly mountPoint: string;
  /** Why it ended, if it didn't end well. */
  readonly failure?: string;
}

const POLL_MS = 50;

/**
 * The right to use a data directory: flock(2) on `{data_dir}/lock`, held by one process at a time
 * and gone with it, however it ends.
 */
export class DataDirLock {
  readonly #fd: number;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * Waits up to `waitMs` for a holder that is finishing, as long as `isFinishing` says so of it.
   * Errors: `in-use` naming the holder, `access-denied`, `io-failure`.
   */
  static async acquire({
    dataDir,
    holder,
    waitMs,
    isFinishing,
  }: {
    dataDir: string;
    holder: LockHolder;
    waitMs: number;
    isFinishing: (holder: LockHolder | undefined) => boolean;
  }): Promise<DataDirLock> {
    const path = join(dataDir, "lock");
    const fd = open(dataDir, path);
    const deadline = performance.now() + waitMs;
    while (!tryLock(fd)) {
      const other = readHolder(dataDir);
      const finishing = isFinishing(other);
      if (!finishing || performance.now() > deadline) {
        closeSync(fd);
        const message = finishing ? stillFinishing(dataDir, other) : inUse(dataDir, other);
        throw new NexusError("in-use", message, { path: dataDir });
      }
      await setTimeout(POLL_MS);
    }
    const lock = new DataDirLock(fd);
    lock.note(holder);
    return lock;
  }

  /** Writes down who holds it, for others to read. */
  note(holder: LockHolder): void {
    ftruncateSync(this.#fd, 0);
    writeSync(this.#fd, `${JSON.stringify(holder)}\n`, 0);
  }

  /** Whether somebody holds it now. */
  static isHeld(dataDir: string): boolean {
    let fd: number;
    try {
      fd = openSync(join(dataDir, "lock"), "r+");
    } catch {
      return false; // no lock file, nobody ever held it
    }
    try {
      return !tryLock(fd);
    } finally {
      closeSync(fd);
    }
  }

  release(): void {
    closeSync(this.#fd);
  }
}

/** Who wrote last that it holds the directory; undefined when the file doesn't say. */
export function readHolder(dataDir: string): LockHolder | undefined {
  try {
    const text = readFileSync(join(dataDir, "lock"), "utf8");
    const { pid, mountPoint, failure } = JSON.parse(text) as Partial<LockHolder>;
    if (typeof pid !== "number" || typeof mountPoint !== "string") return undefined;
    return { pid, mountPoint, ...(typeof failure === "string" ? { failure } : {}) };
  } catch {
    return undefined; // it only serves messages
  }
}

function open(dataDir: string, path: string): number {
  try {
    makeDirectories(dataDir, { mode: 0o700 });
  } catch (error) {
    const failure = fsError(error, { op: "make the data directory", path: dataDir });
    if (failure.kind !== "already-exists" && failure.kind !== "not-a-directory") throw failure;
    throw new NexusError(
      "not-a-directory",
      `the data directory ${dataDir} is not a directory; choose another --data-dir`,
      { path: dataDir, cause: error },
    );
  }
  try {
    return openSync(path, "a+", 0o600);
  } catch (error) {
    throw fsError(error, { op: "open", path });
  }
}

function inUse(dataDir: string, holder: LockHolder | undefined): string {
  const who =
    holder === undefined
      ? "another process"
      : `process ${holder.pid}, mounted at ${holder.mountPoint}`;
  return `the data directory ${dataDir} is in use by ${who}; unmount that first, or choose another --data-dir`;
}

function stillFinishing(dataDir: string, holder: LockHolder | undefined): string {
  const who = holder === undefined ? "a process" : `process ${holder.pid}`;
  return `the data directory ${dataDir} is still in use by ${who}, which was unmounted and serves files that are open, or writes down what is left; close them, or choose another --data-dir`;
}
