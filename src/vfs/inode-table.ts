import type { Place } from "../core/place.js";
import { NexusError } from "../model/errors.js";
import type { Ino } from "../model/ids.js";
import { Inode } from "./inode.js";

/** All inodes that somebody knows of. Its size is what the kernels remember, not what the store has. */
export class InodeTable {
  readonly #inodes = new Map<Ino, Inode>();

  get size(): number {
    return this.#inodes.size;
  }

  /** Errors: `stale` for a number that nobody looked up. */
  get(ino: Ino): Inode {
    const inode = this.#inodes.get(ino);
    if (inode === undefined) throw new NexusError("stale", `inode ${ino} is not known here`);
    return inode;
  }

  peek(ino: Ino): Inode | undefined {
    return this.#inodes.get(ino);
  }

  /** The inode, made known if it wasn't. The caller counts its look-up or handle. */
  admit({ ino, mode, place }: { ino: Ino; mode: number; place: Place }): Inode {
    let inode = this.#inodes.get(ino);
    if (inode === undefined) {
      inode = new Inode({ ino, place, mode });
      this.#inodes.set(ino, inode);
    }
    inode.mode = mode;
    return inode;
  }

  delete(inode: Inode): void {
    this.#inodes.delete(inode.ino);
  }
}
