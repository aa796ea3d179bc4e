import { S_IFDIR } from "../../../src/model/attributes.js";
import { type Ino, ROOT_INO } from "../../../src/model/ids.js";
import type { Timestamp } from "../../../src/model/timestamp.js";
import { PagedFile } from "./paged-file.js";
import type { Survival } from "./survival.js";

export interface Owned {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** A file, a directory or a socket. */
export interface Node {
  readonly ino: Ino;
  /** With the type bits. */
  owned: Owned;
  atime: Timestamp;
  mtime: Timestamp;
  readonly file: PagedFile | undefined;
  readonly entries: Map<string, Node> | undefined;
  nlink: number;
}

/** What happens to a name; to nothing, when it is taken away. */
interface EntryChange {
  readonly directory: Node;
  readonly name: string;
  readonly node: Node | undefined;
}

/** One step of the disk's journal: there whole or not at all. */
interface JournalStep {
  readonly entries: readonly EntryChange[];
  readonly owned?: { readonly node: Node; readonly owned: Owned };
  isDurable: boolean;
}

/**
 * A tree of files that knows what of it would survive a power failure: what a sync covered. Of the rest some may, as
 * on a journaling file system (the technique of LazyFS): each page of a file for itself, and changes of names and
 * modes up to some moment, in their order. It is stricter than ext4 where POSIX is: to sync a file makes its bytes
 * durable, and not its name; to sync a directory, the names in it alone.
 */
export class LosingDisk {
  readonly root: Node;
  #lastIno = ROOT_INO as number;
  /** What isn't durable yet, and what became so beside it. */
  #journal: JournalStep[] = [];
  /** What the journal begins on. */
  readonly #durableEntries = new Map<Node, Map<string, Node>>();
  readonly #durableOwned = new Map<Node, Owned>();

  constructor() {
    this.root = this.#node({ mode: S_IFDIR | 0o755, uid: 0, gid: 0 }, ROOT_INO);
  }

  /** A new node, which has no name yet. */
  make(owned: Owned): Node {
    this.#lastIno += 1;
    return this.#node(owned, this.#lastIno as Ino);
  }

  /** Gives names, and takes them away: one step. */
  change(...entries: readonly EntryChange[]): void {
    this.#journal.push({ entries, isDurable: false });
    for (const { directory, name, node } of entries) {
      const before = directory.entries?.get(name);
      if (before !== undefined) before.nlink -= 1;
      if (node !== undefined) node.nlink += 1;
    }
    apply(entries, ({ entries: names }) => names);
  }

  changeOwned(node: Node, owned: Owned): void {
    this.#journal.push({ entries: [], owned: { node, owned }, isDurable: false });
    node.owned = owned;
  }

  sync(node: Node): void {
    node.file?.sync();
    for (const step of this.#journal) {
      const isOfIt =
        step.owned?.node === node || step.entries.some(({ directory }) => directory === node);
      if (isOfIt) step.isDurable = true;
    }
    const open = this.#journal.findIndex(({ isDurable }) => !isDurable);
    const settled = this.#journal.splice(0, open < 0 ? this.#journal.length : open);
    for (const step of settled) this.#settle(step);
  }

  /** The disk as it is when the power is back. All that it has then is durable. */
  afterPowerLoss(survival: Survival): LosingDisk {
    const kept = survival.prefix(this.#journal.length);
    const steps = this.#journal.filter(({ isDurable }, index) => isDurable || index < kept);
    for (const step of steps) this.#settle(step);
    const disk = new LosingDisk();
    const copies = new Map<Node, Node>([[this.root, disk.root]]);
    const copy = (node: Node): Node => {
      const known = copies.get(node);
      if (known !== undefined) return known;
      const owned = this.#durableOwned.get(node) ?? node.owned;
      const file = node.file?.afterPowerLoss(survival);
      const made = disk.#node(owned, disk.#nextIno(), { like: node, file });
      copies.set(node, made);
      return made;
    };
    const fill = (directory: Node) => {
      for (const [name, node] of this.#durableEntries.get(directory) ?? []) {
        const isNew = !copies.has(node);
        const made = copy(node);
        copies.get(directory)?.entries?.set(name, made);
        if (isNew && node.entries !== undefined) fill(node);
      }
    };
    fill(this.root);
    // The kernel has one set of pages for each number.
    disk.#lastIno = this.#lastIno;
    disk.#countNames(copies.values());
    return disk;
  }

  #nextIno(): Ino {
    this.#lastIno += 1;
    return this.#lastIno as Ino;
  }

  #node(
    owned: Owned,
    ino: Ino,
    { like, file }: { like?: Node; file?: PagedFile | undefined } = {},
  ): Node {
    const isDirectory = (owned.mode & 0o170000) === S_IFDIR;
    const now = { sec: Math.floor(Date.now() / 1000), nsec: (Date.now() % 1000) * 1_000_000 };
    const { atime = now, mtime = now } = like ?? {};
    const entries = isDirectory ? new Map<string, Node>() : undefined;
    const bytes = isDirectory ? undefined : (file ?? new PagedFile());
    return { ino, owned, atime, mtime, file: bytes, entries, nlink: 0 };
  }

  #settle({ entries, owned }: JournalStep): void {
    apply(entries, (directory) => {
      const known = this.#durableEntries.get(directory) ?? new Map<string, Node>();
      this.#durableEntries.set(directory, known);
      return known;
    });
    if (owned !== undefined) this.#durableOwned.set(owned.node, owned.owned);
  }

  /** Of files with several names; and takes all names of this disk for durable. */
  #countNames(nodes: Iterable<Node>): void {
    const all = [...nodes];
    for (const node of all) node.nlink = 0;
    for (const node of all) {
      if (node.entries === undefined) continue;
      this.#durableEntries.set(node, new Map(node.entries));
      for (const named of node.entries.values()) named.nlink += 1;
    }
  }
}

function apply(
  changes: readonly EntryChange[],
  namesOf: (directory: Node) => Map<string, Node> | undefined,
): void {
  for (const { directory, name, node } of changes) {
    const names = namesOf(directory);
    // At the end, so that a listing that is under way doesn't meet it twice.
    names?.delete(name);
    if (node !== undefined) names?.set(name, node);
  }
}
