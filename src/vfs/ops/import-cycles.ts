import { NexusError } from "../../model/errors.js";
import type { Ino } from "../../model/ids.js";
import { parseDependencies } from "../../model/work.js";
import type { ImportedReference, ImportedWork } from "../../storage/metadata/import-store.js";
import type { Volume } from "../volume.js";

/** A file of an import by its place in the list, or one that is there already. */
type Item = number | { readonly ino: Ino };

/** What an item waits for, and by which words. */
interface Edge {
  readonly text: string;
  readonly to: Item;
}

interface Imported {
  readonly path: string;
  /** Of the file, if it is there already. */
  readonly ino: Ino | undefined;
}

/**
 * Refuses files that would wait for themselves, also by way of items that are there. The store would
 * refuse them too, but only in the transaction, which a dry run never comes to. Errors: `invalid-argument`.
 */
export function requireNoCycle(
  volume: Volume,
  { files, works }: { files: readonly Imported[]; works: readonly ImportedWork[] },
): void {
  const graph = new Graph(volume, { files, works });
  const done = new Set<Item>();
  for (const start of works.keys()) {
    const cycle = graph.findCycle(start, done);
    if (cycle === undefined) continue;
    const [index, text] = cycle;
    const path = files[index]?.path ?? "";
    const message = `${path}: '${text}' waits for this item: a cycle of dependencies would never be ready`;
    throw new NexusError("invalid-argument", message, { op: "import", path });
  }
}

class Graph {
  readonly #volume: Volume;
  readonly #works: readonly ImportedWork[];
  readonly #byPath: ReadonlyMap<string, number>;
  readonly #byIno: ReadonlyMap<Ino, number>;
  /** So an item is the same object wherever it is met. */
  readonly #existing = new Map<Ino, { readonly ino: Ino }>();

  constructor(
    volume: Volume,
    { files, works }: { files: readonly Imported[]; works: readonly ImportedWork[] },
  ) {
    this.#volume = volume;
    this.#works = works;
    this.#byPath = new Map(files.map(({ path }, index) => [path, index]));
    this.#byIno = new Map(
      files.flatMap(({ ino }, index): [Ino, number][] => (ino === undefined ? [] : [[ino, index]])),
    );
  }

  /**
   * Looks for a cycle among what `start` leads to, by a list instead of recursion: chains can be as long
   * as an import. Returns a file of the import that is on it, and by which words it waits.
   */
  findCycle(start: Item, done: Set<Item>): [index: number, text: string] | undefined {
    if (done.has(start)) return undefined;
    const way: { item: Item; edges: Edge[]; text: string }[] = [];
    const onWay = new Map<Item, number>();
    const enter = (item: Item) => {
      onWay.set(item, way.length);
      way.push({ item, edges: this.#edges(item), text: "" });
    };
    enter(start);
    for (let last = way.at(-1); last !== undefined; last = way.at(-1)) {
      const edge = last.edges.shift();
      if (edge === undefined) {
        done.add(last.item);
        onWay.delete(last.item);
        way.pop();
        continue;
      }
      last.text = edge.text;
      const from = onWay.get(edge.to);
      if (from !== undefined) {
        for (const { item, text } of way.slice(from)) {
          if (typeof item === "number") return [item, text];
        }
      } else if (!done.has(edge.to)) enter(edge.to);
    }
    return undefined;
  }

  #edges(item: Item): Edge[] {
    if (typeof item === "number") {
      const dependencies = this.#works[item]?.dependencies ?? [];
      return dependencies.flatMap((dependency) => this.#edge(dependency));
    }
    const dependencies = this.#volume.metadata.work.dependenciesOf(item.ino);
    return dependencies.flatMap(({ reference: text, ino }) =>
      parseDependencies(text).flatMap((reference) => {
        // It may wait for a path that the import is going to give to a file.
        const file = reference.by === "path" ? this.#byPath.get(reference.path) : undefined;
        return this.#edge({ reference, ino, file });
      }),
    );
  }

  #edge({ reference: { text }, ino, file }: ImportedReference): Edge[] {
    if (ino === undefined) return file === undefined ? [] : [{ text, to: file }];
    const index = this.#byIno.get(ino);
    if (index !== undefined) return [{ text, to: index }];
    const known = this.#existing.get(ino) ?? { ino };
    this.#existing.set(ino, known);
    return [{ text, to: known }];
  }
}
