import type { ContentReader } from "../../storage/content/content-store.js";
import type { Inode } from "../inode.js";

/**
 * The sealed contents that stay open while somebody has their files open. A reader costs a descriptor, of which a
 * process has few, and a program may have a hundred thousand files open. So there are never more than so many: the
 * one that was opened longest ago is closed for the next, and opened again when its file is read again.
 *
 * That is possible because a file's row keeps its content, also of a file without a name that is still open.
 */
export class SealedReaders {
  readonly #most: number;
  /** The inodes that have one, in the order in which they were opened. */
  readonly #holders = new Set<Inode>();

  constructor({ most }: { readonly most: number }) {
    this.#most = most;
  }

  /** The inode's reader, made by `open` if it has none: undefined, where that finds nothing to read. */
  of(inode: Inode, open: () => ContentReader | undefined): ContentReader | undefined {
    if (inode.reader !== undefined) return inode.reader;
    const reader = open();
    if (reader === undefined) return undefined;
    if (this.#holders.size >= this.#most) this.#closeOldest();
    inode.reader = reader;
    this.#holders.add(inode);
    return reader;
  }

  /** Nobody reads it any more, or the inode has another content now. */
  close(inode: Inode): void {
    if (inode.reader === undefined) return;
    this.#holders.delete(inode);
    inode.reader.close();
    inode.reader = undefined;
  }

  #closeOldest(): void {
    const [oldest] = this.#holders;
    if (oldest !== undefined) this.close(oldest);
  }
}
