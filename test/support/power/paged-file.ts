import type { Survival } from "./survival.js";

export const PAGE_BYTES = 4096;

/**
 * The bytes of one file on the disk that loses power, as a page cache has them: pages that were written, and beside
 * each of them what the disk is known to have. A page has what was last written or synced or, where it was written
 * more than once, what it had in between.
 */
export class PagedFile {
  #size = 0;
  readonly #pages = new Map<number, Buffer>();
  #syncedSize = 0;
  #synced = new Map<number, Buffer>();
  /** Pages that differ from the synced ones; nobody else has their buffers. */
  readonly #dirty = new Set<number>();
  /** Of pages that were written again: what they had before. */
  readonly #earlier = new Map<number, Buffer>();
  /** The smallest size that the file was cut to since the last sync. */
  #cutTo = Number.POSITIVE_INFINITY;

  get size(): number {
    return this.#size;
  }

  get usedBytes(): number {
    return this.#pages.size * PAGE_BYTES;
  }

  /** Returns how many bytes there were. */
  read({ into, offset }: { into: Uint8Array; offset: number }): number {
    const count = Math.max(0, Math.min(into.length, this.#size - offset));
    this.#eachPage({ offset, length: count }, ({ page, from, to, at }) => {
      const bytes = this.#pages.get(page);
      if (bytes === undefined) into.fill(0, at, at + to - from);
      else into.set(bytes.subarray(from, to), at);
    });
    return count;
  }

  write({ from: data, offset }: { from: Uint8Array; offset: number }): void {
    this.#eachPage({ offset, length: data.length }, ({ page, from, to, at }) => {
      this.#writable(page).set(data.subarray(at, at + to - from), from);
    });
    this.#size = Math.max(this.#size, offset + data.length);
  }

  truncate(size: number): void {
    if (size < this.#size) {
      this.#cutTo = Math.min(this.#cutTo, size);
      this.#cut(size);
    }
    this.#size = size;
  }

  /** What is written and cut so far survives from now on. */
  sync(): void {
    if (this.#cutTo < Number.POSITIVE_INFINITY) {
      this.#synced = new Map(this.#pages);
    } else {
      for (const page of this.#dirty) {
        const bytes = this.#pages.get(page);
        if (bytes !== undefined) this.#synced.set(page, bytes);
      }
    }
    this.#dirty.clear();
    this.#earlier.clear();
    this.#syncedSize = this.#size;
    this.#cutTo = Number.POSITIVE_INFINITY;
  }

  /** The file that the disk has when the power is back. */
  afterPowerLoss(survival: Survival): PagedFile {
    const file = new PagedFile();
    const isCut = this.#cutTo < Number.POSITIVE_INFINITY && survival.keeps();
    const keptSize = isCut ? Math.min(this.#cutTo, this.#syncedSize) : this.#syncedSize;
    // Where the cut itself was lost, so was what came behind it: the journal has one after the other.
    const mostSize =
      isCut || this.#cutTo === Number.POSITIVE_INFINITY ? this.#size : this.#syncedSize;
    file.#size = survival.between({ least: keptSize, most: mostSize, step: PAGE_BYTES });
    const behind = Math.ceil(this.#cutTo / PAGE_BYTES);
    for (const page of new Set([...this.#synced.keys(), ...this.#pages.keys()])) {
      if (page * PAGE_BYTES >= file.#size) continue;
      const synced = isCut && page >= behind ? undefined : this.#synced.get(page);
      const keptBytes = isCut ? this.#cutTo - page * PAGE_BYTES : PAGE_BYTES;
      const mayBeNew = isCut || page < behind;
      const isNew = this.#dirty.has(page) && mayBeNew && survival.keeps();
      const earlier = isNew && survival.prefersEarlier() ? this.#earlier.get(page) : undefined;
      const bytes = isNew ? (earlier ?? this.#pages.get(page)) : synced;
      if (bytes === undefined) continue;
      const copy = Buffer.from(bytes);
      if (!isNew && keptBytes < PAGE_BYTES) copy.fill(0, keptBytes);
      file.#pages.set(page, copy);
    }
    file.#cut(file.#size);
    // All of its pages, and not only those that were written just now.
    file.#cutTo = 0;
    file.sync();
    return file;
  }

  /** Takes away what lies behind this size. */
  #cut(size: number): void {
    const last = Math.floor(size / PAGE_BYTES);
    for (const page of [...this.#pages.keys()]) {
      if (page < last || (page === last && size % PAGE_BYTES > 0)) continue;
      this.#pages.delete(page);
      this.#dirty.delete(page);
      this.#earlier.delete(page);
    }
    if (this.#pages.has(last)) this.#writable(last).fill(0, size % PAGE_BYTES);
  }

  #writable(page: number): Buffer {
    const known = this.#pages.get(page);
    if (known !== undefined && this.#dirty.has(page)) {
      if (!this.#earlier.has(page)) this.#earlier.set(page, Buffer.from(known));
      return known;
    }
    const bytes = known === undefined ? Buffer.alloc(PAGE_BYTES) : Buffer.from(known);
    this.#pages.set(page, bytes);
    this.#dirty.add(page);
    return bytes;
  }

  #eachPage(
    { offset, length }: { offset: number; length: number },
    visit: (part: { page: number; from: number; to: number; at: number }) => void,
  ): void {
    for (let at = 0; at < length; ) {
      const page = Math.floor((offset + at) / PAGE_BYTES);
      const from = (offset + at) % PAGE_BYTES;
      const to = Math.min(PAGE_BYTES, from + length - at);
      visit({ page, from, to, at });
      at += to - from;
    }
  }
}
