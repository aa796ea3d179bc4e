import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { makeDirectoriesDurably } from "../libc/durability.js";
import { tryLock, trySharedLock } from "../libc/files.js";
import { otherOwnerOf } from "../libc/other-owner.js";
import { refusal } from "../libc/refusal.js";
import { isKind, NexusError } from "../model/errors.js";

/** Who holds a data directory, for messages to people. */
export interface LockHolder {
  readonly pid: number;
  /** Where its first mount is, or is going to be; a program that uses the library has none. */
  readonly mountPoint?: string;
  /** The mounts of a daemon, by its own numbers for them; one that stays without any has none. */
  readonly mounts?: readonly HeldMount[];
  /** A daemon that has made no mount yet. */
  readonly isStarting?: boolean;
  /** The data directory as the holder calls it, which is the source of its mount. */
  readonly dataDir?: string;
  /** The holder's mount namespace. */
  readonly namespace?: string;
  /** Its mount has ended; it writes down what is left. */
  readonly hasEnded?: boolean;
  /** Why it ended, if it didn't end well. */
  readonly failure?: string;
}

/** A mount of the daemon that holds a data directory. */
export interface HeldMount {
  readonly id: number;
  readonly mountPoint: string;
}

const POLL_MS = 50;
/** Most holders that are finishing are gone before anybody wonders. */
const SILENT_MS = 500;

/** How to wait for a holder; not at all, if it isn't said. */
export interface Patience {
  readonly waitMs?: number;
  /** Whether it is worth it. */
  readonly isFinishing?: (holder: LockHolder | undefined) => boolean;
  /** What the directory is called in messages: "the data directory" if this isn't given. */
  readonly called?: string;
  /** Who may hold it meanwhile, if they say so, too; nobody if this isn't given. */
  readonly beside?: "nobody" | "readers";
  /**
   * What becomes of it where there is no room to write down who holds it, which only serves messages: it is given back
   * if this isn't given.
   */
  readonly withoutNote?: "give-back" | "hold";
  /** What else one can do, as the end of a message. */
  readonly advice?: string;
  /** Told once, in words for people, when it takes a while. */
  readonly onWait?: (message: string) => void;
}

/**
 * The right to use a data directory: flock(2) on `{data_dir}/lock`, held by one process at a time
 * and gone with it, however it ends. And on the directory itself: people remove a lock that looks stale to
 * them, and a second one in its place would let two processes write one store.
 */
export class DataDirLock {
  readonly #fd: number;
  readonly #directoryFd: number;

  private constructor({ fd, directoryFd }: LockFiles) {
    this.#fd = fd;
    this.#directoryFd = directoryFd;
  }

  /**
   * Waits up to `waitMs` for a holder that is finishing, as long as `isFinishing` says so of it.
   * Errors: `in-use` naming the holder, `access-denied`, `no-space`, `io-failure`.
   */
  static async acquire({
    dataDir,
    holder,
    waitMs = 0,
    isFinishing = () => false,
    onWait,
    called = "the data directory",
    beside = "nobody",
    withoutNote = "give-back",
    advice = ADVICE,
  }: Patience & { dataDir: string; holder: LockHolder }): Promise<DataDirLock> {
    const path = join(dataDir, "lock");
    const what = `${called} ${dataDir}`;
    const lock = beside === "readers" ? trySharedLock : tryLock;
    const files = open({ dataDir, path, what, advice });
    const start = performance.now();
    let isSilent = true;
    while (!tryBoth(files, lock)) {
      const other = readHolder(dataDir);
      // With the file ours, it isn't the holder's: somebody has removed that, and it says nothing of them.
      const hasLostFile = lock(files.fd);
      const finishing = !hasLostFile && isFinishing(other);
      const waitedMs = performance.now() - start;
      if (!finishing || waitedMs > waitMs) {
        // It may have gone while it was looked at.
        if (tryBoth(files, lock)) break;
        close(files);
        const message = finishing
          ? stillFinishing(what, { holder: other, advice })
          : inUse(what, { holder: other, namespace: holder.namespace, advice });
        throw new NexusError("in-use", message, { path: dataDir });
      }
      if (isSilent && waitedMs > SILENT_MS) {
        isSilent = false;
        onWait?.(`waiting for ${nameOf(other)}, which has ${dataDir} and no mount`);
      }
      await setTimeout(POLL_MS);
    }
    const held = new DataDirLock(files);
    try {
      held.note(holder);
      return held;
    } catch (error) {
      const failure = unusable(error, { dataDir, what, advice });
      const isFull = isKind(failure, "no-space") || isKind(failure, "quota-exceeded");
      if (withoutNote === "hold" && isFull) return held;
      // What names nobody is of no use, and a full disk is left as it was. Others may be reading by the same file.
      if (files.isNew && beside === "nobody") rmSync(path, { force: true });
      // Else this process would have it, and nobody to give it back.
      held.release();
      throw failure;
    }
  }

  /** Writes down who holds it, for others to read. Never empty meanwhile: that would say that nobody does. */
  note(holder: LockHolder): void {
    const text = Buffer.from(`${JSON.stringify(holder)}\n`);
    const covering = Buffer.alloc(Math.max(text.length, fstatSync(this.#fd).size), " ");
    text.copy(covering);
    writeSync(this.#fd, covering, 0, covering.length, 0);
    ftruncateSync(this.#fd, text.length);
  }

  /** Whether somebody holds it now. */
  static isHeld(dataDir: string): boolean {
    return (
      isLocked(join(dataDir, "lock"), tryLock) ||
      isLocked(dataDir, (fd) => tryDirectory(fd, tryLock))
    );
  }

  /** Whether nobody holds it, or who does is done and about to give it back. */
  static isLeft(dataDir: string): boolean {
    return readHolder(dataDir)?.hasEnded === true || !DataDirLock.isHeld(dataDir);
  }

  release(): void {
    close({ fd: this.#fd, directoryFd: this.#directoryFd });
  }
}

/** What the lock is on. */
interface LockFiles {
  readonly fd: number;
  readonly directoryFd: number;
  /** Whether there was no lock file. */
  readonly isNew: boolean;
}

function close({ fd, directoryFd }: Pick<LockFiles, "fd" | "directoryFd">): void {
  closeSync(directoryFd);
  closeSync(fd);
}

/** The file first: whoever finds it free knows what the directory says. */
function tryBoth({ fd, directoryFd }: LockFiles, lock: (fd: number) => boolean): boolean {
  return lock(fd) && tryDirectory(directoryFd, lock);
}

/** Not every file system locks directories (NFS wants them open for writing): there the file alone counts. */
function tryDirectory(fd: number, lock: (fd: number) => boolean): boolean {
  try {
    return lock(fd);
  } catch {
    return true;
  }
}

function isLocked(path: string, lock: (fd: number) => boolean): boolean {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    // No lock file: nobody ever held it. One that isn't ours to read: nobody whom we could ask.
    return !["ENOENT", "ENOTDIR", "EACCES"].includes(code);
  }
  try {
    return !lock(fd);
  } finally {
    closeSync(fd);
  }
}

/** Who wrote last that it holds the directory; undefined when the file doesn't say. */
export function readHolder(dataDir: string): LockHolder | undefined {
  try {
    const text = readFileSync(join(dataDir, "lock"), "utf8");
    const said = JSON.parse(text) as Partial<LockHolder>;
    const { pid, mountPoint, mounts, dataDir: source, namespace } = said;
    const { isStarting, hasEnded, failure } = said;
    if (typeof pid !== "number") return undefined;
    return {
      pid,
      ...(typeof mountPoint === "string" ? { mountPoint } : {}),
      ...(Array.isArray(mounts) ? { mounts: mounts as readonly HeldMount[] } : {}),
      ...(isStarting === true ? { isStarting } : {}),
      ...(typeof source === "string" ? { dataDir: source } : {}),
      ...(typeof namespace === "string" ? { namespace } : {}),
      ...(hasEnded === true ? { hasEnded } : {}),
      ...(typeof failure === "string" ? { failure } : {}),
    };
  } catch {
    return undefined; // it only serves messages
  }
}

const ADVICE = "choose another --data-dir";

function open({
  dataDir,
  path,
  what,
  advice,
}: {
  dataDir: string;
  path: string;
  what: string;
  advice: string;
}): LockFiles {
  try {
    makeDirectoriesDurably(dataDir);
    const directoryFd = openSync(dataDir, constants.O_RDONLY | constants.O_DIRECTORY);
    const isNew = !existsSync(path);
    try {
      const fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
      return { fd, directoryFd, isNew };
    } catch (error) {
      closeSync(directoryFd);
      throw error;
    }
  } catch (error) {
    const failure = unusable(error, { dataDir, what, advice });
    if (!isKind(failure, "already-exists") && !isKind(failure, "not-a-directory")) throw failure;
    throw new NexusError("not-a-directory", `${what} is not a directory; ${advice}`, {
      path: dataDir,
      cause: error,
    });
  }
}

function unusable(
  error: unknown,
  { dataDir, what, advice }: { dataDir: string; what: string; advice: string },
): NexusError {
  const isDenied = (error as NodeJS.ErrnoException).code === "EACCES";
  const path = join(dataDir, "lock");
  const owner = isDenied ? otherOwnerOf(path) : undefined;
  // Whose the directory above is, says nothing of what isn't there yet.
  const isTheirs = owner !== undefined && [path, dataDir].includes(owner.path);
  const whose = isTheirs ? `, as it belongs to another user (uid ${owner.uid})` : "";
  return refusal(error, { what: `${what} can't be used${whose}`, advice, path: dataDir });
}

function nameOf(holder: LockHolder | undefined): string {
  return holder === undefined ? "another process" : `process ${holder.pid}`;
}

function inUse(
  what: string,
  {
    holder,
    namespace,
    advice,
  }: { holder: LockHolder | undefined; namespace: string | undefined; advice: string },
): string {
  if (holder === undefined) {
    return `${what} is in use by another process; end that first, or ${advice}`;
  }
  if (holder.mountPoint === undefined) {
    return `${what} is in use by process ${holder.pid}; end that first, or ${advice}`;
  }
  const who = `${what} is in use by process ${holder.pid}, mounted at ${holder.mountPoint}`;
  // A program that uses the library doesn't look which namespace it is in.
  const isElsewhere = namespace !== undefined && holder.namespace !== namespace;
  return holder.namespace === undefined || !isElsewhere
    ? `${who}; unmount that first, or ${advice}`
    : `${who} in another mount namespace (a container?); unmount it there, or ${advice}`;
}

function stillFinishing(
  what: string,
  { holder, advice }: { holder: LockHolder | undefined; advice: string },
): string {
  return `${what} is still in use by ${nameOf(holder)}, which was unmounted and serves files that are open, or writes down what is left; close them, or ${advice}`;
}
