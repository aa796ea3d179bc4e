import type { Ino } from "../../../../src/model/ids.js";
import type { Timestamp } from "../../../../src/model/timestamp.js";
import { parseDependencies } from "../../../../src/model/work.js";
import type { WorkState, WorkStore } from "../../../../src/storage/metadata/work-store.js";
import { at, type Namespace, type NodeOptions } from "../fixture.js";

export const LEASE_MS = 60_000;

export interface JobOptions {
  readonly status?: string;
  readonly priority?: string;
  readonly dependsOn?: string | readonly string[];
  readonly zone?: string;
  readonly node?: NodeOptions;
}

/** Says in few words what a test does to the queue of a store. Files are names in the root. */
export class Jobs {
  readonly namespace: Namespace;

  constructor(namespace: Namespace) {
    this.namespace = namespace;
    // As a start does, so that what is checked has a queue.
    this.store.setWorkIndexRules("any");
  }

  get store(): WorkStore {
    return this.namespace.store.work;
  }

  /** Makes a file and gives it its metadata: dependencies first, as who submits it would. */
  add(name: string, options: JobOptions = {}): Ino {
    const { dependsOn, priority, status = "ready", zone = "/" } = options;
    const ino = this.namespace.file(name, options.node);
    if (dependsOn !== undefined) this.dependOn(ino, dependsOn, { zone });
    if (priority !== undefined) this.set(ino, "priority", priority, { zone });
    this.set(ino, "status", status, { zone });
    return ino;
  }

  set(ino: Ino, key: string, value: string, { zone = "/", now = at(1) } = {}): void {
    const attribute = { ino, family: "custom", key, value: Buffer.from(value) } as const;
    this.namespace.store.setAttribute({ ...attribute, mode: "any", now, work: { zone } });
  }

  /** References are resolved as the file system does: by names in the root, and by path_ids. */
  dependOn(ino: Ino, on: string | readonly string[], { zone = "/", now = at(1) } = {}): void {
    const text = typeof on === "string" ? on : JSON.stringify(on);
    const { store } = this.namespace;
    const dependencies = parseDependencies(text).map((reference) => ({
      reference,
      ino:
        reference.by === "path"
          ? this.namespace.lookup(reference.path.slice(1))
          : store.inodeOf(reference.pathId),
    }));
    const attribute = {
      ino,
      family: "custom",
      key: "depends_on",
      value: Buffer.from(text),
    } as const;
    store.setAttribute({ ...attribute, mode: "any", now, work: { zone, dependencies } });
  }

  get(ino: Ino, key: string): string | undefined {
    const value = this.namespace.store.getAttribute({ ino, family: "custom", key });
    return value === undefined ? undefined : Buffer.from(value).toString();
  }

  remove(ino: Ino, key: string): void {
    this.namespace.store.removeAttribute({ ino, family: "custom", key, now: at(1) });
  }

  claim(ino: Ino, workerId = "w1", now: Timestamp = at(10)) {
    return this.store.claimWork({ ino, workerId, leaseMs: LEASE_MS, now });
  }

  claimNext(workerId = "w1", { now = at(10), zones = "all" as readonly string[] | "all" } = {}) {
    return this.store.claimNextWork({ workerId, leaseMs: LEASE_MS, now, zones });
  }

  complete(ino: Ino, workerId: string | undefined = "w1", now: Timestamp = at(20)) {
    return this.store.finishWork({ ino, workerId, outcome: "completed", countAttempt: false, now });
  }

  /** The names in a state, in order of work. */
  names(state: WorkState | undefined, zones: readonly string[] | "all" = "all"): string[] {
    return this.store.listWork({ state, zones, limit: 100 }).map(({ path }) => path.slice(1));
  }

  /** What an item waits for. */
  states(ino: Ino): string[] {
    return this.store.dependenciesOf(ino).map(({ reference, state }) => `${reference} ${state}`);
  }
}
