import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { tryLock } from "../libc/files.js";
import { fsError } from "../libc/system-error.js";
import { NexusError } from "../model/errors.js";

/** Who holds a data directory, for messages to people. */
export interface LockHolder {
  readonly pid: number;
  readonly mountPoint: string;
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
      if (!isFinishing(other) || performance.now() > deadline) {
        closeSync(fd);
        throw new NexusError("in-use", inUse(dataDir, other), { path: dataDir });
      }
      await setTimeout(POLL_MS);
    }
    ftruncateSync(fd, 0);
    writeSync(fd, `${JSON.stringify(holder)}\n`, 0);
    return new DataDirLock(fd);
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
    const { pid, mountPoint } = JSON.parse(text) as Partial<LockHolder>;
    if (typeof pid !== "number" || typeof mountPoint !== "string") return undefined;
    return { pid, mountPoint };
  } catch {
    return undefined; // it only serves messages
  }
}

function open(dataDir: string, path: string): number {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
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
