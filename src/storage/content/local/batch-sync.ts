import { closeSync, fdatasyncSync, fsyncSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { fsError } from "../../../libc/system-error.js";
import type { ContentHash, StagingId } from "../../../model/ids.js";
import { FileSystemSync } from "../../file-system-sync.js";
import { FailedSync } from "./failed-sync.js";
import { casPath, type Layout } from "./layout.js";

/** What has to be synced; with an id, if it is the staging file itself. */
export interface ToSync {
  readonly path: string;
  readonly id?: StagingId | undefined;
}

/** Makes files of a content store durable, a batch at a time. Blocks, but for syncfs(2). */
export class BatchSync {
  readonly #layout: Layout;
  readonly #fileSystem: FileSystemSync;

  constructor(layout: Layout) {
    this.#layout = layout;
    this.#fileSystem = new FileSystemSync(layout.casDirectory);
  }

  /** Errors: a `FailedSync`, when it isn't only that a file can't be opened. */
  async files(files: readonly ToSync[]): Promise<void> {
    if (this.#fileSystem.isBestFor(files.length)) {
      return await this.#all(files.flatMap(({ id }) => id ?? []));
    }
    for (const { path, id } of files) this.#one(path, id);
  }

  /**
   * Makes these contents of the CAS durable with their names, whoever put them there. Returns whether that goes for
   * all that is in the CAS.
   */
  async contents(hashes: readonly ContentHash[]): Promise<boolean> {
    if (this.#fileSystem.coversAll) {
      await this.#all([]);
      return true;
    }
    const paths = new Set(hashes.map((hash) => casPath(this.#layout, hash)));
    const leaves = new Set([...paths].map(dirname));
    const directories = new Set([...leaves, ...[...leaves].map(dirname)]);
    for (const path of [...paths, ...directories, this.#layout.casDirectory]) this.#one(path);
    return false;
  }

  /** Nothing of it is under way. */
  close(): void {
    this.#fileSystem.close();
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
  async #all(ids: readonly StagingId[]): Promise<void> {
    try {
      await this.#fileSystem.all();
    } catch (error) {
      throw new FailedSync(ids, fsError(error, { op: "sync", path: this.#layout.root }));
    }
  }
}
