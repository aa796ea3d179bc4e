import { type Ino, ROOT_INO } from "../model/ids.js";
import type { Logger } from "../telemetry/logger.js";
import type { FileSystem } from "../vfs/file-system.js";
import type { Granted } from "./operations/context.js";

/** So many are let go of before others have their turn: each takes a microsecond or two. */
const PIECE = 512;

export interface HoldingsOptions {
  readonly fs: FileSystem;
  readonly logger: Logger;
  /** The kernel knows an inode no more. */
  readonly onForgotten: (ino: Ino) => void;
}

/**
 * What one kernel holds of the file system: look-ups and open handles. It takes them back one by one while
 * the mount lives, and all at once when it ends.
 */
export class Holdings {
  readonly #fs: FileSystem;
  readonly #logger: Logger;
  readonly #onForgotten: HoldingsOptions["onForgotten"];
  readonly #lookups = new Map<Ino, number>();
  readonly #handles = new Set<number>();
  readonly #pastCache = new Set<number>();

  constructor({ fs, logger, onForgotten }: HoldingsOptions) {
    this.#fs = fs;
    this.#logger = logger;
    this.#onForgotten = onForgotten;
  }

  /** Whether the kernel may know an inode. It knows the root without a look-up. */
  knows(ino: Ino): boolean {
    return ino === ROOT_INO || this.#lookups.has(ino);
  }

  /** How many look-ups are held: each entry that the kernel was told of, as often as it was. */
  get lookups(): number {
    let count = 0;
    for (const held of this.#lookups.values()) count += held;
    return count;
  }

  /** How many files and directories are open. */
  get handles(): number {
    return this.#handles.size;
  }

  /** Whether what is written through a handle goes past the kernel's pages. */
  goesPastCache(handle: number): boolean {
    return this.#pastCache.has(handle);
  }

  hold({ inos, handle, goesPastCache }: Granted): void {
    for (const ino of inos) this.#lookups.set(ino, (this.#lookups.get(ino) ?? 0) + 1);
    if (handle === undefined) return;
    this.#handles.add(handle);
    if (goesPastCache) this.#pastCache.add(handle);
  }

  /** What was held for a kernel that never got the answer: it won't forget or release it. */
  takeBack({ inos, handle }: Granted): void {
    if (handle !== undefined) this.noteReleased(handle);
    this.release({ inos: [], handle });
    for (const ino of inos) this.forget(ino, 1);
  }

  /** The same for what wasn't held yet. */
  release({ inos, handle }: Pick<Granted, "inos" | "handle">): void {
    if (handle !== undefined) this.#letGo(() => this.#fs.release({ handle }));
    for (const ino of inos) this.#letGo(() => this.#fs.forget({ ino, count: 1 }));
  }

  /** The kernel has asked for a handle's release, once, whatever comes of it. */
  noteReleased(handle: number): void {
    this.#handles.delete(handle);
    this.#pastCache.delete(handle);
  }

  /** Never more than is held: the kernel's count is not to be trusted with that of others. */
  forget(ino: Ino, count: number): void {
    const held = this.#lookups.get(ino) ?? 0;
    const forgotten = Math.min(held, count);
    if (forgotten === held) {
      this.#lookups.delete(ino);
      this.#onForgotten(ino);
    } else {
      this.#lookups.set(ino, held - forgotten);
    }
    if (forgotten > 0) this.#letGo(() => this.#fs.forget({ ino, count: forgotten }));
  }

  /**
   * The same for many, in pieces of a millisecond or so: `pairs` has an inode and a count after the other. A kernel
   * that is short of memory forgets tens of thousands at once.
   */
  *forgetMany(pairs: Float64Array): Generator<void> {
    for (let at = 0; at < pairs.length; at += 2) {
      this.forget(pairs[at] as Ino, pairs[at + 1] ?? 0);
      if (at % (2 * PIECE) === 2 * PIECE - 2) yield;
    }
  }

  /** The mount has ended. In pieces, as above: there may be others. */
  *letGoOfAll(): Generator<void> {
    let done = 0;
    for (const handle of this.#handles) {
      this.#letGo(() => this.#fs.release({ handle }));
      if (++done % PIECE === 0) yield;
    }
    this.#handles.clear();
    this.#pastCache.clear();
    for (const [ino, count] of this.#lookups) {
      this.#letGo(() => this.#fs.forget({ ino, count }));
      if (++done % PIECE === 0) yield;
    }
    this.#lookups.clear();
  }

  /** No request stands behind it that could fail; and the rest must be let go all the same. */
  #letGo(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#logger.error({ err: error }, "what the kernel held can't be let go");
    }
  }
}
