import { createHash } from "node:crypto";
import {
  chmodSync,
  closeSync,
  copyFileSync,
  fdatasyncSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname } from "node:path";
import { setImmediate } from "node:timers/promises";
import { syncFileSystem } from "../../../libc/files.js";
import { fsError } from "../../../libc/system-error.js";
import type { ContentHash, StagingId } from "../../../model/ids.js";
import type { SealedContent } from "../../metadata/metadata-store.js";
import type { SealRequest } from "../content-store.js";
import type { ContentJobs } from "./content-jobs.js";
import { casPath, type Layout, stagingPath } from "./layout.js";

const CHUNK_BYTES = 1024 * 1024;
/** How many chunks are hashed before the thread looks at its messages (some 10 ms). */
const CHUNKS_A_TURN = 16;
/** Up to so many files are synced one by one; beyond that one syncfs(2) is cheaper. */
const SYNC_SINGLY = 8;
const SEALED_MODE = 0o444;

/**
 * Does the jobs on the thread that it runs on.
 *
 * The order of sealing, so that a crash or a power failure at any point leaves either the old or the
 * new: the bytes of the staging file are synced; it is linked into the CAS; the directories are
 * synced; only then the caller commits the row that names the hash. The staging file goes last, by
 * `discardStaging`, when that row is durable.
 */
export class LocalContentJobs implements ContentJobs {
  readonly #layout: Layout;
  readonly #hashing = new Set<StagingId>();
  readonly #buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  async hash(ids: readonly StagingId[]): Promise<[StagingId, ContentHash][]> {
    for (const id of ids) this.#hashing.add(id);
    const hashes: [StagingId, ContentHash][] = [];
    for (const id of ids) {
      const hash = await this.#hashOne(id);
      if (hash !== undefined) hashes.push([id, hash]);
      this.#hashing.delete(id);
    }
    return hashes;
  }

  cancelHash(id: StagingId): void {
    this.#hashing.delete(id);
  }

  async seal(requests: readonly SealRequest[]): Promise<SealedContent[]> {
    try {
      const paths = requests.flatMap(({ id }) => (id === undefined ? [] : [this.#stagingPath(id)]));
      for (const path of paths) chmodSync(path, SEALED_MODE);
      await this.#sync(paths);
      const changed = new Set<string>();
      for (const request of requests) this.#place(request, changed);
      await this.#sync([...changed]);
      return requests.map(({ hash, sizeBytes }) => {
        const { blocks } = statSync(casPath(this.#layout, hash));
        return { hash, sizeBytes, blocks };
      });
    } catch (error) {
      throw fsError(error, { op: "seal contents" });
    }
  }

  async discardStaging(ids: readonly StagingId[]): Promise<void> {
    for (const id of ids) rmSync(this.#stagingPath(id), { force: true });
  }

  async remove(hashes: readonly ContentHash[]): Promise<void> {
    for (const hash of hashes) {
      const path = casPath(this.#layout, hash);
      rmSync(path, { force: true });
      const leaf = dirname(path);
      if (removeIfEmpty(leaf)) removeIfEmpty(dirname(leaf));
    }
  }

  async close(): Promise<void> {
    this.#hashing.clear();
  }

  #stagingPath(id: StagingId): string {
    return stagingPath(this.#layout, id);
  }

  async #hashOne(id: StagingId): Promise<ContentHash | undefined> {
    let fd: number;
    try {
      fd = openSync(this.#stagingPath(id), "r");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw fsError(error, { op: "hash", path: this.#stagingPath(id) });
    }
    try {
      const hash = createHash("sha256");
      for (let chunk = 1; this.#hashing.has(id); chunk++) {
        const count = readSync(fd, this.#buffer, 0, CHUNK_BYTES, null);
        if (count === 0) return hash.digest("hex") as ContentHash;
        hash.update(this.#buffer.subarray(0, count));
        if (chunk % CHUNKS_A_TURN === 0) await setImmediate();
      }
      return undefined;
    } catch (error) {
      throw fsError(error, { op: "hash", path: this.#stagingPath(id) });
    } finally {
      closeSync(fd);
    }
  }

  /** Puts one content to where its hash says; notes the directories that changed by it. */
  #place({ id, hash, sizeBytes }: SealRequest, changed: Set<string>): void {
    const target = casPath(this.#layout, hash);
    const present = statSync(target, { throwIfNoEntry: false });
    if (present?.size === sizeBytes) return;
    // Of another size it is damaged, and here are the right bytes.
    const place = present === undefined ? target : `${target}.repair`;
    const leaf = dirname(target);
    const made = mkdirSync(leaf, { recursive: true, mode: 0o700 });
    if (made !== undefined) changed.add(dirname(leaf)).add(this.#layout.casDirectory);
    changed.add(leaf);
    if (id === undefined) closeSync(openSync(place, "w", SEALED_MODE));
    else linkOrCopy(this.#stagingPath(id), place);
    if (place !== target) renameSync(place, target);
  }

  async #sync(paths: readonly string[]): Promise<void> {
    if (paths.length > SYNC_SINGLY) {
      const fd = openSync(this.#layout.root, "r");
      try {
        await syncFileSystem(fd);
      } finally {
        closeSync(fd);
      }
      return;
    }
    for (const path of paths) {
      const fd = openSync(path, "r");
      try {
        if (path.startsWith(this.#layout.stagingDirectory)) fdatasyncSync(fd);
        else fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
    }
  }
}

/** Not every file system has hard links; then the bytes are copied, and synced here. */
function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "EPERM" && code !== "ENOTSUP" && code !== "EMLINK") throw error;
    const copy = `${to}.copy`;
    copyFileSync(from, copy);
    const fd = openSync(copy, "r");
    fsyncSync(fd);
    closeSync(fd);
    renameSync(copy, to);
  }
}

function removeIfEmpty(directory: string): boolean {
  try {
    rmdirSync(directory);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOTEMPTY" || code === "EEXIST" || code === "ENOENT") return false;
    throw fsError(error, { op: "rmdir", path: directory });
  }
}
