/** A set of which the n-th can be had at once; what is taken away is replaced by the last. */
export class IndexedSet {
  readonly #items: bigint[] = [];
  readonly #places = new Map<bigint, number>();

  get size(): number {
    return this.#items.length;
  }

  get items(): readonly bigint[] {
    return this.#items;
  }

  add(item: bigint): void {
    if (this.#places.has(item)) return;
    this.#places.set(item, this.#items.length);
    this.#items.push(item);
  }

  delete(item: bigint): void {
    const place = this.#places.get(item);
    const last = this.#items.at(-1);
    if (place === undefined || last === undefined) return;
    this.#items[place] = last;
    this.#places.set(last, place);
    this.#items.pop();
    this.#places.delete(item);
  }

  /** Counted around; undefined when there is none. */
  at(index: number): bigint | undefined {
    return this.#items[index % this.#items.length];
  }
}
