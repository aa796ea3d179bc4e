import { closeSync, fdatasyncSync, fsyncSync, openSync, statfsSync } from "node:fs";
import { dirname } from "node:path";
import { syncFileSystem } from "../../../libc/files.js";
import { fsError } from "../../../libc/system-error.js";
import type { ContentHash, StagingId } from "../../../model/ids.js";
import { FailedSync } from "./failed-sync.js";
import { casPath, type Layout } from "./layout.js";

/** Up to so many files are synced one by one; beyond that one syncfs(2) is cheaper. */
const SYNC_SINGLY = 8;

/**
 * statfs(2): FUSE. Its syncfs(2) never reaches the server, but for virtiofs and for block devices
 * (`fuse_sync_fs` in the kernel's fs/fuse/inode.c): it succeeds, and what the server has isn't durable.
 */
const FUSE_SUPER_MAGIC = 0x65735546;

/** What has to be synced; with an id, if it is the staging file itself. */
export interface ToSync {
  readonly path: string;
  readonly id?: StagingId | undefined;
}

/** Makes files of a content store durable, a batch at a time. Blocks, but for syncfs(2). */
export class BatchSync {
  readonly #layout: Layout;
  #isOneByOne: boolean | undefined;

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  /** Errors: a `FailedSync`, when it isn't only that a file can't be opened. */
  async files(files: readonly ToSync[]): Promise<void> {
    if (files.length > SYNC_SINGLY && !this.#mustSyncOneByOne()) {
      return await this.#fileSystem(files.flatMap(({ id }) => id ?? []));
    }
    for (const { path, id } of files) this.#one(path, id);
  }

  /**
   * Makes these contents of the CAS durable with their names, whoever put them there. Returns whether that goes for
   * all that is in the CAS.
   */
  async contents(hashes: readonly ContentHash[]): Promise<boolean> {
    if (!this.#mustSyncOneByOne()) {
      await this.#fileSystem([]);
      return true;
    }
    const paths = new Set(hashes.map((hash) => casPath(this.#layout, hash)));
    const leaves = new Set([...paths].map(dirname));
    const directories = new Set([...leaves, ...[...leaves].map(dirname)]);
    for (const path of [...paths, ...directories, this.#layout.casDirectory]) this.#one(path);
    return false;
  }

  #mustSyncOneByOne(): boolean {
    this.#isOneByOne ??= statfsSync(this.#layout.casDirectory).type === FUSE_SUPER_MAGIC;
    return this.#isOneByOne;
  }

  #one(path: string, id?: StagingId): void {
    const fd = openSync(path, "r");
    try {
      if (path.startsWith(this.#layout.stagingDirectory)) fdatasyncSync(fd);
      else fsyncSync(fd);
    } catch (error) {
      const failure = fsError(error, { op: "sync", path });
      throw id === undefined ? failure : new FailedSync([id], failure);
    } finally {
      closeSync(fd);
    }
  }

  /** `ids` are the staging files that this is for. */
  async #fileSystem(ids: readonly StagingId[]): Promise<void> {
    const fd = openSync(this.#layout.casDirectory, "r");
    try {
      await syncFileSystem(fd);
    } catch (error) {
      throw new FailedSync(ids, fsError(error, { op: "sync", path: this.#layout.root }));
    } finally {
      closeSync(fd);
    }
  }
}
