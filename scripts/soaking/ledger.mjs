/** What each thing may be, by what its writers have said; kept outside of the store. */
export class Ledger {
  /** By key (`file:/mnt/a`): the states that are right; undefined while any is. */
  #states = new Map();
  /** Bytes, rows or commits that are there at least, by key. */
  #least = new Map();
  /** Work items by path: how far they have come at least, and at most; and how often they were claimed. */
  #items = new Map();
  #problems = [];
  /** Things that were done. */
  steps = 0;

  get size() {
    return this.#states.size + this.#least.size + this.#items.size;
  }

  /** One line of a writer; see the loads. */
  hear(event) {
    if ("begun" in event) {
      const before = this.#states.has(event.begun) ? this.#states.get(event.begun) : ["absent"];
      const may =
        event.may === null || before === undefined ? undefined : [...before, ...event.may];
      this.#states.set(event.begun, may);
    } else if ("seen" in event) {
      this.check(event.seen, event.is);
    } else if ("done" in event) {
      this.steps += 1;
      this.#states.set(event.done, [event.is]);
    } else if ("least" in event) {
      this.steps += 1;
      this.#least.set(event.least, event.is);
    } else if ("item" in event) {
      this.#hearOfItem(event);
    }
  }

  /** What was found: a problem, if it isn't one of what it may be. From now on it is the truth. */
  check(key, found) {
    const allowed = this.#states.get(key);
    if (allowed !== undefined && !allowed.includes(found)) {
      this.#problems.push(`${key} is ${found}, not ${allowed.join(" or ")}`);
    }
    this.#states.set(key, [found]);
  }

  /** What was wrong since it was asked for last. */
  takeProblems() {
    return this.#problems.splice(0);
  }

  get states() {
    return [...this.#states.keys()];
  }

  get least() {
    return [...this.#least];
  }

  get items() {
    return [...this.#items];
  }

  /** `at` is how far the item is: 1 ready, 2 in progress, 3 completed. */
  #hearOfItem({ item, at, isBegun = false, isClaim = false }) {
    const known = this.#items.get(item) ?? { least: 0, most: 0, claims: 0 };
    const claims = known.claims + (isClaim ? 1 : 0);
    if (claims > 1) this.#problems.push(`${item} was claimed ${claims} times`);
    const least = isBegun ? known.least : Math.max(known.least, at);
    // What is ready, anybody may have claimed.
    const most = Math.max(known.most, at, 2);
    if (!isBegun) this.steps += 1;
    this.#items.set(item, { least, most, claims });
  }
}
