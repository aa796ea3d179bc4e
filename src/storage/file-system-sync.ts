import { closeSync, openSync, statfsSync } from "node:fs";
import { syncFileSystem } from "../libc/files.js";

/** Up to so many files are synced one by one; beyond that one syncfs(2) is cheaper. */
const SYNC_SINGLY = 8;

/**
 * statfs(2): FUSE. Its syncfs(2) never reaches the server, but for virtiofs and for block devices
 * (`fuse_sync_fs` in the kernel's fs/fuse/inode.c): it succeeds, and what the server has isn't durable.
 */
const FUSE_SUPER_MAGIC = 0x65735546;

/** How many files of one file system are made durable: with one syncfs(2), where that does it. */
export class FileSystemSync {
  readonly #directory: string;
  #coversAll: boolean | undefined;

  /** `directory`: one that it has, by the time that anything is asked. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Whether {@link all} makes what lies there durable; else each file, and each directory, has to be synced for itself. */
  get coversAll(): boolean {
    this.#coversAll ??= statfsSync(this.#directory).type !== FUSE_SUPER_MAGIC;
    return this.#coversAll;
  }

  /** Whether {@link all} is the way to sync so many files. */
  isBestFor(files: number): boolean {
    return files > SYNC_SINGLY && this.coversAll;
  }

  /** syncfs(2), on libuv's thread pool. Errors: those of open(2), as Node throws them, and of syncfs(2). */
  async all(): Promise<void> {
    const fd = openSync(this.#directory, "r");
    try {
      await syncFileSystem(fd);
    } finally {
      closeSync(fd);
    }
  }
}
