import fc from "fast-check";
import { expect, test } from "vitest";
import { type Ino, ROOT_INO } from "../../../src/model/ids.js";
import { WORK_STATUSES } from "../../../src/model/work.js";
import type { MetadataStore } from "../../../src/storage/metadata/metadata-store.js";
import { afterKill } from "../../support/crash.js";
import { kindOf } from "../../support/error-kind.js";
import { FakeClock } from "../../support/fake-clock.js";
import { openMetadataStore } from "../../support/stores.js";
import { testDir } from "../../support/temp-dir.js";
import { at, Namespace } from "./fixture.js";
import { brokenInvariants } from "./invariants.js";
import { LEASE_SECONDS, type ModelReference, WorkModel } from "./work-model.js";

// Random work, on the real queue and on a model that looks at all files for every answer.

const NAMES = ["/a", "/b", "/c", "/d/a", "/d/b", "/e/a"];
const path = fc.constantFrom(...NAMES);
const file = fc.nat({ max: 5 });
const worker = fc.constantFrom("w1", "w2");
const status = fc.constantFrom(...WORK_STATUSES);
const reference = fc.oneof(path, file);

const operation = fc.oneof(
  { weight: 5, arbitrary: fc.record({ op: fc.constant("create" as const), path }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("unlink" as const), file }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("rename" as const), file, path }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("rename directory" as const) }) },
  { weight: 6, arbitrary: fc.record({ op: fc.constant("status" as const), file, status }) },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant("priority" as const),
      file,
      priority: fc.option(fc.integer({ min: -3, max: 3 }), { nil: undefined }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      op: fc.constant("depend" as const),
      file,
      on: fc.uniqueArray(reference, { maxLength: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant("remove" as const),
      file,
      key: fc.constantFrom("status" as const, "depends_on" as const),
    }),
  },
  { weight: 3, arbitrary: fc.record({ op: fc.constant("claim" as const), file, worker }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant("claim next" as const), worker }) },
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant("finish" as const),
      file,
      worker,
      outcome: fc.constantFrom("completed" as const, "failed" as const, "ready" as const),
      counts: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constant("wait" as const), seconds: fc.nat({ max: 80 }) }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("reap" as const) }) },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

/** A queue and its model, going through the same. */
class Pair {
  readonly store: MetadataStore;
  readonly namespace: Namespace;
  readonly model = new WorkModel();
  /** By name: they change places. */
  readonly #directories: Record<string, Ino> = {};
  #now = 10;

  constructor(store: MetadataStore) {
    this.store = store;
    this.namespace = new Namespace(store);
    for (const name of ["d", "e"]) this.#directories[name] = this.namespace.directory(name);
  }

  apply(operation: Operation): void {
    const now = at(this.#now);
    const seconds = this.#now;
    const { store, model } = this;
    switch (operation.op) {
      case "create": {
        if (model.inoOf(operation.path) !== undefined) return;
        const { parent, name } = this.#entry(operation.path);
        model.create(operation.path, this.namespace.file(name, { parent }));
        return;
      }
      case "unlink": {
        const found = this.#file(operation.file);
        if (found === undefined) return;
        store.unlink({ ...this.#entry(found.path), now });
        model.unlink(found.path);
        return;
      }
      case "rename": {
        const found = this.#file(operation.file);
        if (found === undefined) return;
        const { parent, name } = this.#entry(found.path);
        const target = this.#entry(operation.path);
        this.namespace.rename(name, target.name, { parent, newParent: target.parent });
        model.rename(found.path, operation.path);
        return;
      }
      case "rename directory": {
        const { d = ROOT_INO, e = ROOT_INO } = this.#directories;
        this.namespace.rename("d", "tmp");
        model.rename("/d", "/tmp");
        this.namespace.rename("e", "d");
        model.rename("/e", "/d");
        this.namespace.rename("tmp", "e");
        model.rename("/tmp", "/e");
        this.#directories.d = e;
        this.#directories.e = d;
        return;
      }
      case "status": {
        const { file, status } = operation;
        this.#change(file, {
          real: (ino) => this.#set(ino, { key: "status", value: status }),
          model: (ino) => model.setStatus(ino, status, seconds),
        });
        return;
      }
      case "priority": {
        const { file, priority } = operation;
        this.#change(file, {
          real: (ino) => {
            if (priority === undefined) this.#remove(ino, "priority");
            else this.#set(ino, { key: "priority", value: String(priority) });
          },
          model: (ino) => model.setPriority(ino, priority),
        });
        return;
      }
      case "depend": {
        this.#depend(operation);
        return;
      }
      case "remove": {
        const { file, key } = operation;
        this.#change(file, {
          real: (ino) => this.#remove(ino, key),
          model: (ino) => {
            const hadEdges = this.#had;
            if (key === "status") model.removeStatus(ino);
            else if (hadEdges) model.depend(ino, [], seconds);
          },
        });
        return;
      }
      case "claim": {
        const { file, worker: workerId } = operation;
        const leaseMs = LEASE_SECONDS * 1000;
        this.#change(file, {
          real: (ino) => store.work.claimWork({ ino, workerId, leaseMs, now }),
          model: (ino) => model.claim(ino, workerId, seconds),
        });
        return;
      }
      case "claim next": {
        const { worker: workerId } = operation;
        const request = { workerId, leaseMs: LEASE_SECONDS * 1000, now, zones: "all" } as const;
        const real = store.work.claimNextWork(request)?.path;
        expect(model.claimNext(workerId, seconds)).toBe(real);
        return;
      }
      case "finish": {
        const { file, worker, outcome, counts } = operation;
        const request = { workerId: worker, outcome, countAttempt: counts, now };
        this.#change(file, {
          real: (ino) => store.work.finishWork({ ino, ...request }),
          model: (ino) => model.finish(ino, { worker, outcome, counts }, seconds),
        });
        return;
      }
      case "wait": {
        this.#now += operation.seconds;
        store.work.expireLeases(at(this.#now));
        model.expire(this.#now);
        return;
      }
      case "reap": {
        store.reap(store.orphans());
        return;
      }
    }
  }

  /** All lists, items and dependencies, as this store tells them. */
  toldBy({ work }: MetadataStore): unknown {
    const states = [undefined, ...WORK_STATUSES];
    const all = { zones: "all", limit: 100 } as const;
    const lists = states.map((state) => work.listWork({ state, ...all }).map(({ path }) => path));
    const items = this.model.files.map(([, ino]) => {
      const item = work.workItem(ino as Ino);
      if (item === undefined) return undefined;
      const { path, state, status, priority, blockerCount, workerId, attempts, leaseEndMs } = item;
      return { path, state, status, priority, blockerCount, workerId, attempts, leaseEndMs };
    });
    const dependencies = this.model.files.map(([, ino]) =>
      work.dependenciesOf(ino as Ino).map(({ reference, state }) => `${reference} ${state}`),
    );
    return { lists, items, dependencies, counts: work.countWork({ zones: "all" }) };
  }

  get expected(): unknown {
    const { model } = this;
    const counts = WORK_STATUSES.map((state) => [state, model.list(state).length]);
    return {
      lists: [undefined, ...WORK_STATUSES].map((state) => model.list(state)),
      items: model.files.map(([path]) => model.item(path)),
      dependencies: model.files.map(([path]) => model.dependencies(path)),
      counts: Object.fromEntries(counts),
    };
  }

  #depend({ file, on }: Operation & { op: "depend" }): void {
    const { model, store } = this;
    const seconds = this.#now;
    const references = [...new Set(on)].flatMap((each): ModelReference[] => {
      if (typeof each === "string") {
        return [{ reference: each, path: each, target: model.inoOf(each) }];
      }
      const found = this.#file(each);
      const pathId = found && store.describe(found.ino)?.pathId;
      return pathId === undefined
        ? []
        : [{ reference: pathId, path: undefined, target: found?.ino }];
    });
    const unique = references.filter(
      ({ reference }, index) =>
        references.findIndex((one) => one.reference === reference) === index,
    );
    const value = JSON.stringify(unique.map(({ reference }) => reference));
    this.#change(file, {
      real: (ino) => {
        const dependencies = unique.map(({ reference: text, path, target }) => ({
          reference:
            path === undefined
              ? { by: "path-id" as const, text, pathId: text as never }
              : { by: "path" as const, text, path },
          ino: target as Ino | undefined,
        }));
        const attribute = { ino, family: "custom", key: "depends_on" } as const;
        store.setAttribute({
          ...attribute,
          value: Buffer.from(value),
          mode: "any",
          now: at(seconds),
          work: { zone: "/", dependencies },
        });
      },
      model: (ino) => model.depend(ino, unique, seconds),
    });
  }

  /** Whether the file of the change under way says that it depends on something. */
  #had = false;

  #change(
    index: number,
    { real, model }: { real: (ino: Ino) => unknown; model: (ino: number) => void },
  ): void {
    const found = this.#file(index);
    if (found === undefined) return;
    const { ino } = found;
    const attribute = { ino, family: "custom", key: "depends_on" } as const;
    this.#had = this.store.getAttribute(attribute) !== undefined;
    const kind = kindOf(() => real(ino));
    expect(kindOf(() => this.model.attempt(() => model(ino)))).toBe(kind);
  }

  #set(ino: Ino, { key, value }: { key: string; value: string }): void {
    const attribute = { ino, family: "custom", key, value: Buffer.from(value) } as const;
    const now = at(this.#now);
    this.store.setAttribute({ ...attribute, mode: "any", now, work: { zone: "/" } });
  }

  #remove(ino: Ino, key: string): void {
    this.store.removeAttribute({ ino, family: "custom", key, now: at(this.#now) });
  }

  #entry(path: string): { parent: Ino; name: string } {
    const [first = "", second] = path.slice(1).split("/");
    if (second === undefined) return { parent: ROOT_INO, name: first };
    return { parent: this.#directories[first] ?? ROOT_INO, name: second };
  }

  #file(index: number): { path: string; ino: Ino } | undefined {
    const { files } = this.model;
    const [path, ino] = files[index % Math.max(1, files.length)] ?? [];
    return path === undefined ? undefined : { path, ino: ino as Ino };
  }
}

test("random work goes as the model says, keeps the invariants, and survives a kill", async () => {
  const sequences = fc.array(operation, { minLength: 1, maxLength: 60, size: "max" });
  const property = fc.asyncProperty(sequences, async (operations) => {
    const dataDir = testDir();
    const clock = new FakeClock();
    const store = openMetadataStore(dataDir, { clock, scheduler: clock });
    const pair = new Pair(store);
    for (const operation of operations) pair.apply(operation);
    expect(pair.toldBy(store)).toStrictEqual(pair.expected);

    const killed = afterKill(dataDir);
    await store.close();
    expect(brokenInvariants(dataDir)).toStrictEqual({});

    const restarted = openMetadataStore(killed, { clock, scheduler: clock });
    expect(pair.toldBy(restarted)).toStrictEqual(pair.expected);
    await restarted.close();
    expect(brokenInvariants(killed)).toStrictEqual({});
  });
  await fc.assert(property, { numRuns: 120, interruptAfterTimeLimit: 45_000 });
}, 60_000);
