import { closeSync, existsSync, openSync, rmSync, statfsSync } from "node:fs";
import { dirname } from "node:path";
import { allocate, writeAt } from "../../../libc/files.js";
import { isKind } from "../../../model/errors.js";

/** Some thousand removals, with what their log and its index take. */
const SIZE_BYTES = 4 * 1024 * 1024;

/**
 * Room that is kept for the moment when the disk is full: removing a file, too, takes a commit, and
 * a commit takes room. A file that is there for its size.
 */
export class SpaceReserve {
  readonly #path: string;
  #isHeld: boolean;

  constructor(path: string) {
    this.#path = path;
    this.#isHeld = existsSync(path);
  }

  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Takes the room, if that leaves as much to others. */
  hold(): void {
    if (this.#isHeld) return;
    const { bavail, bsize } = statfsSync(dirname(this.#path));
    if (bavail * bsize < 2 * SIZE_BYTES) return;
    try {
      this.#make();
      this.#isHeld = true;
    } catch (error) {
      rmSync(this.#path, { force: true });
      // Somebody else was quicker.
      if (!isKind(error, "no-space")) throw error;
    }
  }

  /** Gives the room back. False when none is held. */
  release(): boolean {
    if (!this.#isHeld) return false;
    rmSync(this.#path, { force: true });
    this.#isHeld = false;
    return true;
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
}
