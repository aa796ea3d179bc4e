import type { Ino } from "../../model/ids.js";

/** Of the files that a kernel knows: whether what it has of their bytes may be wrong. */
export class KernelPages {
  readonly #changedByOthers = new Set<Ino>();
  readonly #kept = new Set<Ino>();

  /** Others have changed bytes, or how many there are. */
  noteChangedByOthers(ino: Ino): void {
    this.#changedByOthers.add(ino);
  }

  /**
   * The kernel has a page whole, as far as the file goes, which may become longer. It gets one by reading, and by
   * truncating what it has written.
   */
  noteKept(ino: Ino): void {
    this.#kept.add(ino);
  }

  /** The kernel knows an inode no more. */
  noteForgotten(ino: Ino): void {
    this.#changedByOthers.delete(ino);
    this.#kept.delete(ino);
  }

  /** Whether others may have given the file another size than the kernel goes by. */
  mayMistakeSize(ino: Ino): boolean {
    return this.#changedByOthers.has(ino);
  }

  /** Whether there may be pages that a write past them makes wrong. */
  mayKeep(ino: Ino): boolean {
    return this.#kept.has(ino) || this.#changedByOthers.has(ino);
  }
}
