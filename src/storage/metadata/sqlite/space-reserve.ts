import { closeSync, openSync, rmSync, statfsSync, statSync, truncateSync } from "node:fs";
import { dirname } from "node:path";
import { allocate, writeAt } from "../../../libc/files.js";
import { isKind } from "../../../model/errors.js";

/**
 * What the database may have to grow by to take up its log (4 MiB and a bit), with the log's own index
 * and as much again for what is committed on the way there; see `LogKeeper`.
 */
const SIZE_BYTES = 8 * 1024 * 1024;

/**
 * Room that is kept for the moment when the disk is full: removing a file, too, takes a commit, and
 * a commit takes room. It is a file of that size. Once given back it stays as an empty one, so that
 * the next start knows; so does what a crash left half-made.
 *
 * Nothing here throws: whoever takes the room or gives it back is in the middle of something that
 * matters more, and a store that never had a reserve is as good as any until its disk is full.
 */
export class SpaceReserve {
  readonly #path: string;
  #state: "none" | "held" | "given back";

  constructor(path: string) {
    this.#path = path;
    this.#state = this.#found();
  }

  get isHeld(): boolean {
    return this.#state === "held";
  }

  /** It was needed, and the disk has had no room for another one since. */
  get isGivenBack(): boolean {
    return this.#state === "given back";
  }

  /** Takes the room, if that leaves as much to others and nothing (a quota, say) is in the way. */
  hold(): void {
    if (this.isHeld) return;
    try {
      const { bfree, bavail, bsize } = statfsSync(dirname(this.#path));
      // Some file systems keep blocks that only root can have.
      const blocks = process.geteuid?.() === 0 ? bfree : bavail;
      if (blocks * bsize < 2 * SIZE_BYTES) return;
      this.#make();
      this.#state = "held";
    } catch {
      if (this.isGivenBack) this.#empty();
      else this.#remove();
    }
  }

  /** Gives the room back. False when none is held. */
  release(): boolean {
    if (!this.isHeld || !this.#empty()) return false;
    this.#state = "given back";
    return true;
  }

  #found(): "none" | "held" | "given back" {
    try {
      return statSync(this.#path).size === SIZE_BYTES ? "held" : "given back";
    } catch {
      return "none";
    }
  }

  #make(): void {
    const fd = openSync(this.#path, "w", 0o600);
    try {
      allocate(fd, { mode: 0, offset: 0, length: SIZE_BYTES });
    } catch (error) {
      if (!isKind(error, "not-supported")) throw error;
      writeAt(fd, { from: Buffer.alloc(SIZE_BYTES), offset: 0 });
    } finally {
      closeSync(fd);
    }
  }

  #empty(): boolean {
    try {
      truncateSync(this.#path);
      return true;
    } catch {
      return false;
    }
  }

  #remove(): void {
    try {
      rmSync(this.#path, { force: true });
    } catch {
      // It counts as given back at the next start, which tries again.
    }
  }
}
