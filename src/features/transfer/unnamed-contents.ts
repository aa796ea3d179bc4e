import { NexusError } from "../../model/errors.js";
import type { Caller } from "../../model/identity.js";
import { type Ino, ROOT_INO } from "../../model/ids.js";
import { runFew } from "../../model/run-few.js";
import type { FileSystem } from "../../vfs/file-system.js";

const FLAGS = { access: "write", truncate: false, noAtime: false, killSetId: false } as const;
const ETAG = "user.nexus.etag";
/** Sealing many together takes a few syncs, and each of them alone as many. */
const CHECKED_TOGETHER = 256;
const CHECKED_BYTES = 64 * 1024 * 1024;

interface Unchecked {
  readonly ino: Ino;
  /** Of a file that is going to have the content. */
  readonly path: string;
}

/**
 * Contents that are in the store before any file has them: each is that of a file without a name, sealed
 * as every other. When this is closed those files go, and with them what no import has used; after a
 * crash the next start removes them.
 */
export class UnnamedContents {
  readonly #fileSystem: FileSystem;
  readonly #caller: Caller;
  readonly #inos = new Map<string, Ino>();
  readonly #unchecked = new Map<string, Unchecked>();
  #uncheckedBytes = 0;

  constructor({ fileSystem, caller }: { fileSystem: FileSystem; caller: Caller }) {
    this.#fileSystem = fileSystem;
    this.#caller = caller;
  }

  get inos(): Ino[] {
    return [...this.#inos.values()];
  }

  has(hash: string): boolean {
    return this.#inos.has(hash);
  }

  /**
   * Takes a content in. Whether it is the one that it is said to be is checked for many at once, so an
   * error may be that of an earlier one; {@link check} checks the last ones. `path` is that of a file
   * which is going to have it. Errors: `invalid-argument`, with that path.
   */
  async add(
    hash: string,
    { path, bytes }: { path: string; bytes: AsyncIterable<Uint8Array> },
  ): Promise<void> {
    const { ino, sizeBytes } = await this.#write(bytes);
    this.#inos.set(hash, ino);
    this.#unchecked.set(hash, { ino, path });
    this.#uncheckedBytes += sizeBytes;
    if (this.#unchecked.size >= CHECKED_TOGETHER || this.#uncheckedBytes >= CHECKED_BYTES) {
      await this.check();
    }
  }

  /** Seals what was taken in, and compares. Errors: `invalid-argument`, those of sealing. */
  async check(): Promise<void> {
    const unchecked = [...this.#unchecked];
    this.#unchecked.clear();
    this.#uncheckedBytes = 0;
    const checks = unchecked.map(
      ([hash, one]) =>
        () =>
          this.#check(hash, one),
    );
    await runFew(checks, { atOnce: CHECKED_TOGETHER });
  }

  async #check(hash: string, { ino, path }: Unchecked): Promise<void> {
    const value = await this.#fileSystem.getxattr(this.#caller, { ino, name: ETAG });
    const actual = value === undefined ? "unknown" : Buffer.from(value).toString();
    if (actual === hash) return;
    throw new NexusError(
      "invalid-argument",
      `the content of ${path} is damaged in the archive: it is called ${hash}, and its hash is ${actual}`,
      { op: "import", path },
    );
  }

  close(): void {
    for (const ino of this.#inos.values()) this.#fileSystem.forget({ ino, count: 1 });
    this.#inos.clear();
  }

  async #write(bytes: AsyncIterable<Uint8Array>): Promise<{ ino: Ino; sizeBytes: number }> {
    const request = { ino: ROOT_INO, mode: 0o600, flags: FLAGS, exclusive: true };
    const { entry, opened } = await this.#fileSystem.tmpfile(this.#caller, request);
    const { handle } = opened;
    let offset = 0;
    try {
      for await (const data of bytes) {
        await this.#fileSystem.write(this.#caller, { handle, offset, data, killSetId: false });
        offset += data.length;
      }
    } catch (error) {
      this.#fileSystem.release({ handle });
      this.#fileSystem.forget({ ino: entry.ino, count: 1 });
      throw error;
    }
    this.#fileSystem.release({ handle });
    return { ino: entry.ino, sizeBytes: offset };
  }
}
