import { closeSync, fstatSync, openSync, statfsSync, statSync } from "node:fs";
import { syncFileSystem } from "../libc/files.js";

/** Up to so many files are synced one by one; beyond that one syncfs(2) is cheaper. */
const SYNC_SINGLY = 8;

/**
 * statfs(2): FUSE. Its syncfs(2) never reaches the server, but for virtiofs and for block devices
 * (`fuse_sync_fs` in the kernel's fs/fuse/inode.c): it succeeds, and what the server has isn't durable.
 */
const FUSE_SUPER_MAGIC = 0x65735546;

/** The file system, as it is held. */
interface Held {
  readonly fd: number;
  readonly device: number;
  readonly coversAll: boolean;
}

/**
 * How many files of one file system are made durable: with one syncfs(2), where that does it.
 *
 * syncfs(2) tells of bytes that couldn't be written since its descriptor was opened or last told of such, once (Linux
 * 5.8; errseq_t in the kernel's lib/errseq.c). An error that somebody else's sync has heard of, on a descriptor of
 * theirs, is none to one that is opened afterwards. So one is opened before there is anything to be synced, and kept.
 * It hears of everybody's bytes on that file system, so a sync may fail for what isn't ours, too; and once it has
 * failed, the next one succeeds, whatever became of those bytes: who calls it writes them anew, or takes none of them
 * for durable.
 */
export class FileSystemSync {
  readonly #directory: string;
  #held: Held | undefined;

  /**
   * `directory`: one that it has, by the time that anything is asked. What is written there before that, or before
   * this, isn't covered if somebody else has heard of its error.
   */
  constructor(directory: string) {
    this.#directory = directory;
    if (statSync(directory, { throwIfNoEntry: false }) !== undefined) this.#here();
  }

  /**
   * Whether {@link all} makes what lies there durable; else each file, and each directory, has to be synced for
   * itself.
   */
  get coversAll(): boolean {
    return this.#here().coversAll;
  }

  /** Whether {@link all} is the way to sync so many files. */
  isBestFor(files: number): boolean {
    return files > SYNC_SINGLY && this.coversAll;
  }

  /** syncfs(2), on libuv's thread pool. Errors: those of open(2), as Node throws them, and of syncfs(2). */
  async all(): Promise<void> {
    await syncFileSystem(this.#here().fd);
  }

  /** Nothing of it is under way. */
  close(): void {
    if (this.#held !== undefined) closeSync(this.#held.fd);
    this.#held = undefined;
  }

  /**
   * The file system that the directory is on now: another one may have come to its place, or the directory may have
   * been moved there. No other one has its number for as long as it is held.
   */
  #here(): Held {
    const { dev } = statSync(this.#directory);
    if (this.#held?.device === dev) return this.#held;
    this.close();
    const fd = openSync(this.#directory, "r");
    const coversAll = statfsSync(this.#directory).type !== FUSE_SUPER_MAGIC;
    this.#held = { fd, device: fstatSync(fd).dev, coversAll };
    return this.#held;
  }
}
