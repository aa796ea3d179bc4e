import { NexusError } from "../../model/errors.js";
import type { Caller } from "../../model/identity.js";
import { type Ino, ROOT_INO } from "../../model/ids.js";
import type { FileSystem } from "../../vfs/file-system.js";

const FLAGS = { access: "write", truncate: false, noAtime: false, killSetId: false } as const;
const ETAG = "user.nexus.etag";

/**
 * Contents that are in the store before any file has them: each is that of a file without a name, sealed
 * as every other. When this is closed those files go, and with them what no import has used; after a
 * crash the next start removes them.
 */
export class UnnamedContents {
  readonly #fileSystem: FileSystem;
  readonly #caller: Caller;
  readonly #inos = new Map<string, Ino>();

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

  /** Takes a content in. Errors: `invalid-argument` when it isn't the one that it is said to be. */
  async add(hash: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
    const ino = await this.#write(bytes);
    try {
      const value = await this.#fileSystem.getxattr(this.#caller, { ino, name: ETAG });
      const actual = value === undefined ? "unknown" : Buffer.from(value).toString();
      if (actual !== hash) {
        throw new NexusError(
          "invalid-argument",
          `a content in the archive is damaged: it is called ${hash}, and its hash is ${actual}`,
          { op: "import" },
        );
      }
    } catch (error) {
      this.#fileSystem.forget({ ino, count: 1 });
      throw error;
    }
    this.#inos.set(hash, ino);
  }

  close(): void {
    for (const ino of this.#inos.values()) this.#fileSystem.forget({ ino, count: 1 });
    this.#inos.clear();
  }

  async #write(bytes: AsyncIterable<Uint8Array>): Promise<Ino> {
    const request = { ino: ROOT_INO, mode: 0o600, flags: FLAGS, exclusive: true };
    const { entry, opened } = await this.#fileSystem.tmpfile(this.#caller, request);
    const { handle } = opened;
    try {
      let offset = 0;
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
    return entry.ino;
  }
}
