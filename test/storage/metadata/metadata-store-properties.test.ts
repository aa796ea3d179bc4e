import fc from "fast-check";
import { expect, test } from "vitest";
import { S_IFMT } from "../../../src/model/attributes.js";
import type { Ino } from "../../../src/model/ids.js";
import type { MetadataStore } from "../../../src/storage/metadata/metadata-store.js";
import { afterKill } from "../../support/crash.js";
import { kindOf } from "../../support/error-kind.js";
import { FakeClock } from "../../support/fake-clock.js";
import { openMetadataStore } from "../../support/stores.js";
import { testDir } from "../../support/temp-dir.js";
import { at, contentOf, hashOf, Namespace, TYPE_OF } from "./fixture.js";
import { brokenInvariants } from "./invariants.js";
import { MetadataModel, type ModelType } from "./metadata-model.js";

// Random operations, on the real store and on a model of a hundred lines: both give the same answers,
// the same errors, and the same tree in the end; then once more in a store that was killed.

const name = fc.constantFrom("a", "b", "c");
/** Which of the directories, or of the inodes, that there are or were. */
const which = fc.nat({ max: 7 });
const entry = fc.record({ directory: which, name });
const key = fc.constantFrom("k1", "k2");
const digit = fc.constantFrom("a", "b", "c");

const operation = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant("create" as const),
      entry,
      type: fc.constantFrom("file" as const, "directory" as const, "symlink" as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("link" as const), inode: which, entry }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("unlink" as const), entry }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("rmdir" as const), entry }) },
  {
    weight: 5,
    arbitrary: fc.record({
      op: fc.constant("rename" as const),
      from: entry,
      to: entry,
      mode: fc.constantFrom("replace" as const, "no-replace" as const, "exchange" as const),
      whiteout: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ op: fc.constant("seal" as const), inode: which, digit }) },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant("reference" as const), inode: which, other: which }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constant("set" as const), inode: which, key, value: digit }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("remove" as const), inode: which, key }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("reap" as const) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("commit" as const) }) },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

/** One store and its model, going through the same. */
class Pair {
  readonly store: MetadataStore;
  readonly namespace: Namespace;
  readonly model = new MetadataModel();
  readonly #directories: Ino[] = [1 as Ino];
  readonly #files: Ino[] = [];

  constructor(store: MetadataStore) {
    this.store = store;
    this.namespace = new Namespace(store);
  }

  apply(operation: Operation): void {
    const now = at(1);
    switch (operation.op) {
      case "create": {
        const { parent, name } = this.#place(operation.entry);
        let made: Ino | undefined;
        const real = kindOf(() => {
          made = this.namespace.node(operation.type, name, { parent, target: Buffer.from("x") });
        });
        const ino = made ?? 0;
        const model = () => this.model.create(parent, { name, ino, type: operation.type });
        expect(kindOf(model)).toBe(real);
        if (made !== undefined) {
          (operation.type === "directory" ? this.#directories : this.#files).push(made);
        }
        return;
      }
      case "link": {
        const ino = this.#inode(operation.inode);
        const place = this.#place(operation.entry);
        this.#both(
          () => this.store.link({ ino, ...place, now }),
          () => this.model.link(ino, place),
        );
        return;
      }
      case "unlink": {
        const { parent, name } = this.#place(operation.entry);
        this.#both(
          () => this.store.unlink({ parent, name, now }),
          () => this.model.unlink(parent, name),
        );
        return;
      }
      case "rmdir": {
        const { parent, name } = this.#place(operation.entry);
        this.#both(
          () => this.store.rmdir({ parent, name, now }),
          () => this.model.rmdir(parent, name),
        );
        return;
      }
      case "rename": {
        this.#rename(operation);
        return;
      }
      case "seal": {
        const ino = this.#file(operation.inode);
        if (ino === undefined) return;
        this.namespace.seal(ino, contentOf(operation.digit));
        this.model.seal(ino, hashOf(operation.digit));
        return;
      }
      case "reference": {
        const from = this.#file(operation.inode);
        const to = this.#file(operation.other);
        if (from === undefined || to === undefined) return;
        this.#both(
          () => this.store.referenceContent({ from, to, now }),
          () => this.model.reference(from, to),
        );
        return;
      }
      case "set": {
        const ino = this.#inode(operation.inode);
        const { key } = operation;
        const value = Buffer.from(operation.value);
        const attribute = { ino, family: "custom", key, mode: "any", now } as const;
        this.#both(
          () => this.store.setAttribute({ ...attribute, value }),
          () => this.model.setAttribute(ino, key, operation.value),
        );
        return;
      }
      case "remove": {
        const ino = this.#inode(operation.inode);
        const { key } = operation;
        const removed = this.store.removeAttribute({ ino, family: "custom", key, now });
        expect(this.model.removeAttribute(ino, key)).toBe(removed);
        return;
      }
      case "reap": {
        expect(this.store.reap(this.store.orphans()).count).toBe(this.model.reap());
        return;
      }
      case "commit": {
        this.store.commit();
        return;
      }
    }
  }

  /** The whole tree, and all that is known of each inode, as this store tells it. */
  snapshotOf(store: MetadataStore): unknown {
    const content = (ino: Ino) => {
      const description = store.describe(ino);
      return [description?.contentHash, description?.refCount, description?.version];
    };
    return [...this.model.inodes.keys()].sort().map((number) => {
      const ino = number as Ino;
      const row = store.getattr(ino);
      const attributes = store.listAttributes({ ino, family: "custom" }).map((key) => {
        const value = store.getAttribute({ ino, family: "custom", key });
        return [key, value && Buffer.from(value).toString()];
      });
      const entries = store.readdir({ ino, after: 0, limit: 100 });
      const names = entries.map((entry) => [entry.name, entry.ino]).sort();
      const type = row && row.mode & S_IFMT;
      return { ino, type, nlink: row?.nlink, names, attributes, content: content(ino) };
    });
  }

  /** The same, as the model has it. */
  get expected(): unknown {
    return [...this.model.inodes.keys()].sort().map((ino) => {
      const inode = this.model.inodes.get(ino);
      if (inode === undefined) return undefined;
      const { content, version } = inode;
      return {
        ino,
        type: typeOf(inode.type),
        nlink: this.model.linksOf(inode),
        names: [...inode.entries].sort(),
        attributes: [...inode.attributes].sort(),
        content: [content, content === undefined ? 0 : this.model.references(content), version],
      };
    });
  }

  #rename({ from, to, mode, whiteout }: Operation & { op: "rename" }): void {
    const source = this.#place(from);
    const target = this.#place(to);
    const leaves = whiteout && mode !== "exchange";
    const real = kindOf(() =>
      this.namespace.rename(source.name, target.name, {
        parent: source.parent,
        newParent: target.parent,
        mode,
        ...(leaves ? { whiteout: { uid: 0, gid: 0 } } : {}),
      }),
    );
    const left = leaves ? this.store.lookup(source) : undefined;
    const isNew = left !== undefined && !this.model.inodes.has(left.ino);
    const options = { mode, ...(isNew ? { whiteout: left.ino } : {}) };
    expect(kindOf(() => this.model.rename(source, target, options))).toBe(real);
  }

  #both(real: () => unknown, model: () => unknown): void {
    expect(kindOf(model)).toBe(kindOf(real));
  }

  #place({ directory, name }: { directory: number; name: string }): { parent: Ino; name: string } {
    const parent = this.#directories[directory % this.#directories.length] ?? (1 as Ino);
    return { parent, name };
  }

  #inode(index: number): Ino {
    const all = [...this.#directories, ...this.#files];
    return all[index % all.length] ?? (1 as Ino);
  }

  /** A regular file that is there. */
  #file(index: number): Ino | undefined {
    const files = this.#files.filter((ino) => this.model.inodes.get(ino)?.type === "file");
    return files[index % Math.max(1, files.length)];
  }
}

function typeOf(type: ModelType): number {
  return type === "whiteout" ? TYPE_OF["character device"] : TYPE_OF[type];
}

test("random operations do what the model says, keep the invariants, and survive a kill", async () => {
  const sequences = fc.array(operation, { minLength: 1, maxLength: 60, size: "max" });
  const property = fc.asyncProperty(sequences, async (operations) => {
    const dataDir = testDir();
    const clock = new FakeClock();
    const store = openMetadataStore(dataDir, { clock, scheduler: clock });
    const pair = new Pair(store);
    for (const operation of operations) pair.apply(operation);
    expect(pair.snapshotOf(store)).toStrictEqual(pair.expected);
    expect(store.countInodes()).toBe(pair.model.inodes.size);

    const killed = afterKill(dataDir);
    await store.close();
    expect(brokenInvariants(dataDir)).toStrictEqual({});

    const restarted = openMetadataStore(killed, { clock, scheduler: clock });
    expect(pair.snapshotOf(restarted)).toStrictEqual(pair.expected);
    await restarted.close();
    expect(brokenInvariants(killed)).toStrictEqual({});
  });
  await fc.assert(property, { numRuns: 120 });
});
