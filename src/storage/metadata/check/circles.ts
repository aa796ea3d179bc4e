/** From one number to another: a directory to the one that it is in, an item to one that it waits for. */
export type Edge = readonly [from: number, to: number];

/**
 * What lies on a circle of edges, or between two of them: all that is left when what leads nowhere, and what nothing leads
 * to, is taken away again and again. Linear in the number of edges, which a chain of thousands takes.
 */
export class Circles {
  readonly #to = new Map<number, Set<number>>();
  readonly #from = new Map<number, Set<number>>();

  constructor(edges: Iterable<Edge>) {
    for (const [from, to] of edges) {
      setIn(this.#to, from).add(to);
      setIn(this.#from, to).add(from);
    }
    this.#peel([...this.#to.keys(), ...this.#from.keys()]);
  }

  /** In order. */
  members(): number[] {
    return [...this.#to.keys()].sort((a, b) => a - b);
  }

  /** The smallest of each circle: without what leads on from them, there is none. Takes them all away. */
  *takeOneOfEach(): Generator<number> {
    for (const member of this.members()) {
      if (!this.#to.has(member)) continue;
      yield member;
      this.#peel(this.#take(member));
    }
  }

  #peel(candidates: number[]): void {
    for (let next = candidates.pop(); next !== undefined; next = candidates.pop()) {
      const isOver = !this.#to.has(next) || !this.#from.has(next);
      if (isOver) for (const neighbour of this.#take(next)) candidates.push(neighbour);
    }
  }

  /** Returns what was beside it. */
  #take(member: number): number[] {
    const after = [...(this.#to.get(member) ?? [])];
    const before = [...(this.#from.get(member) ?? [])];
    for (const to of after) remove(this.#from, { key: to, value: member });
    for (const from of before) remove(this.#to, { key: from, value: member });
    this.#to.delete(member);
    this.#from.delete(member);
    return [...after, ...before];
  }
}

function setIn(map: Map<number, Set<number>>, key: number): Set<number> {
  let set = map.get(key);
  if (set === undefined) {
    set = new Set();
    map.set(key, set);
  }
  return set;
}

function remove(
  map: Map<number, Set<number>>,
  { key, value }: { readonly key: number; readonly value: number },
): void {
  const set = map.get(key);
  if (set?.delete(value) === true && set.size === 0) map.delete(key);
}
