import { closeSync, openSync, rmSync, statfsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { allocate, writeAt } from "../../../libc/files.js";
import { isKind } from "../../../model/errors.js";

/** Some thousand removals, with what their log and its index take. */
const SIZE_BYTES = 4 * 1024 * 1024;

/**
 * Room that is kept for the moment when the disk is full: removing a file, too, takes a commit, and
 * a commit takes room. A file that is there for its size; one that a crash left half-made is none.
 *
 * Nothing here throws: whoever takes the room or gives it back is in the middle of something that
 * matters more, and a store without a reserve is as good as any until its disk is full.
 */
export class SpaceReserve {
  readonly #path: string;
  #isHeld: boolean;

  constructor(path: string) {
    this.#path = path;
    this.#isHeld = this.#isWhole();
  }

  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Takes the room, if that leaves as much to others and nothing (a quota, say) is in the way. */
  hold(): void {
    if (this.#isHeld) return;
    try {
      const { bavail, bsize } = statfsSync(dirname(this.#path));
      if (bavail * bsize < 2 * SIZE_BYTES) return;
      this.#make();
      this.#isHeld = this.#isWhole();
    } catch {
      this.#remove();
    }
  }

  /** Gives the room back. False when none is held. */
  release(): boolean {
    if (!this.#isHeld || !this.#remove()) return false;
    this.#isHeld = false;
    return true;
  }

  #isWhole(): boolean {
    try {
      return statSync(this.#path).size === SIZE_BYTES;
    } catch {
      return false;
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

  #remove(): boolean {
    try {
      rmSync(this.#path, { force: true });
      return true;
    } catch {
      return false;
    }
  }
}
