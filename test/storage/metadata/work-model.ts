import type { ErrorKind } from "../../../src/model/errors.js";
import { NexusError } from "../../../src/model/errors.js";
import type { WorkStatus } from "../../../src/model/work.js";
import type { DependencyState, WorkState } from "../../../src/storage/metadata/work-store.js";

/** A dependency as somebody wrote it, and what it means at that moment. */
export interface ModelReference {
  readonly reference: string;
  readonly path: string | undefined;
  readonly target: number | undefined;
}

interface ModelEdge {
  readonly reference: string;
  /** Undefined for a reference by path_id. */
  readonly path: string | undefined;
  target: number | undefined;
  isDone: boolean;
}

interface ModelFile {
  readonly ino: number;
  status: WorkStatus | undefined;
  priority: number | undefined;
  worker: string | undefined;
  attempts: number;
  startedAt: number | undefined;
  leaseEnd: number | undefined;
  edges: ModelEdge[];
}

/** What a worker is told of an item. */
export interface ModelItem {
  readonly path: string;
  readonly state: WorkState;
  readonly status: WorkStatus;
  readonly priority: number | undefined;
  readonly blockerCount: number;
  readonly workerId: string | undefined;
  readonly attempts: number;
  readonly leaseEndMs: number | undefined;
}

const BEGUN: readonly (WorkStatus | undefined)[] = ["in_progress", "completed", "failed"];
export const LEASE_SECONDS = 60;

/**
 * The rules of the work queue in as few words as possible, without an index: every answer is found by
 * looking at all files. Times are whole seconds; files have no links.
 */
export class WorkModel {
  #names = new Map<string, number>();
  #files = new Map<number, ModelFile>();

  get files(): [path: string, ino: number][] {
    return [...this.#names];
  }

  inoOf(path: string): number | undefined {
    return this.#names.get(path);
  }

  /** Changes all or, when it throws, nothing. */
  attempt<T>(change: () => T): T {
    const before = structuredClone([this.#names, this.#files] as const);
    try {
      return change();
    } catch (error) {
      [this.#names, this.#files] = before;
      throw error;
    }
  }

  /** Who waits for the path finds the file once it is part of the queue, or comes by a rename. */
  create(path: string, ino: number): void {
    const none = {
      status: undefined,
      priority: undefined,
      worker: undefined,
      startedAt: undefined,
    };
    this.#files.set(ino, { ino, ...none, attempts: 0, leaseEnd: undefined, edges: [] });
    this.#names.set(path, ino);
  }

  unlink(path: string): void {
    const ino = this.#names.get(path);
    this.#names.delete(path);
    for (const { edge } of this.#edges()) {
      if (edge.target === ino && !edge.isDone && edge.path !== undefined) edge.target = undefined;
    }
  }

  /** A file, or a directory with all that is in it. */
  rename(from: string, to: string): void {
    if (from === to) return;
    if (this.#names.has(to)) this.unlink(to);
    const arrived: string[] = [];
    for (const [path, ino] of [...this.#names]) {
      if (path !== from && !path.startsWith(`${from}/`)) continue;
      const moved = to + path.slice(from.length);
      this.#names.delete(path);
      this.#names.set(moved, ino);
      arrived.push(moved);
    }
    this.#arrive(arrived);
  }

  setStatus(ino: number, status: WorkStatus, now: number): void {
    this.#enter(this.#file(ino), status, now);
    this.#arrive([this.#pathOf(ino)]);
  }

  removeStatus(ino: number): void {
    const file = this.#file(ino);
    const { status } = file;
    file.status = undefined;
    file.leaseEnd = undefined;
    if (status === "completed") this.#tell(ino, { isDone: false, now: 0 });
  }

  setPriority(ino: number, priority: number | undefined): void {
    this.#file(ino).priority = priority;
  }

  depend(ino: number, references: readonly ModelReference[], now: number): void {
    this.#arrive([this.#pathOf(ino)]);
    for (const { target } of references) {
      if (target !== undefined && this.#waitsFor(target, ino)) fail("invalid-argument");
    }
    const file = this.#file(ino);
    const waited = file.edges.length > 0;
    file.edges = references.map((edge) => ({ ...edge, isDone: this.#isCompleted(edge.target) }));
    this.#recount(file, now);
    const isFree = waited && references.length === 0;
    if (isFree && file.status === "blocked") this.#enter(file, "ready", now);
  }

  claim(ino: number, worker: string, now: number): void {
    this.expire(now);
    const file = this.#item(ino);
    if (file.status === "in_progress") {
      if (file.worker !== worker) fail("busy");
      file.leaseEnd = now + LEASE_SECONDS;
      return;
    }
    if (this.#stateOf(file) !== "ready") fail("try-again");
    this.#begin(file, worker, now);
  }

  claimNext(worker: string, now: number): string | undefined {
    this.expire(now);
    const path = this.list("ready")[0];
    if (path === undefined) return undefined;
    this.#begin(this.#file(this.#names.get(path) ?? 0), worker, now);
    return path;
  }

  finish(
    ino: number,
    {
      worker,
      outcome,
      counts,
    }: { worker: string; outcome: "completed" | "failed" | "ready"; counts: boolean },
    now: number,
  ): void {
    this.expire(now);
    const file = this.#item(ino);
    if (file.status !== "in_progress") fail("stale");
    if (file.worker !== worker) fail("busy");
    if (counts) file.attempts += 1;
    this.#enter(file, outcome, now);
  }

  expire(now: number): void {
    for (const file of this.#files.values()) {
      if (file.leaseEnd === undefined || file.leaseEnd > now) continue;
      file.attempts += 1;
      this.#enter(file, "ready", now);
    }
  }

  /** The paths in a state, in order of work. */
  list(state: WorkState | undefined): string[] {
    const rank = ({ priority = Number.POSITIVE_INFINITY }: ModelFile) => priority;
    const place = (file: ModelFile): number => {
      if (state === "blocked") return -open(file);
      return state === "in_progress" ? -(file.startedAt ?? 0) : rank(file);
    };
    return this.files
      .map(([path, ino]) => ({ path, file: this.#file(ino) }))
      .filter(({ file }) => file.status !== undefined)
      .filter(({ file }) => state === undefined || this.#stateOf(file) === state)
      .sort((a, b) => compare(place(a.file), place(b.file)) || a.file.ino - b.file.ino)
      .map(({ path }) => path);
  }

  item(path: string): ModelItem | undefined {
    const file = this.#file(this.#names.get(path) ?? 0);
    const { status, priority, worker: workerId, attempts, leaseEnd } = file;
    if (status === undefined) return undefined;
    const leaseEndMs = leaseEnd === undefined ? undefined : leaseEnd * 1000;
    const [state, blockerCount] = [this.#stateOf(file), open(file)];
    return { path, state, status, priority, blockerCount, workerId, attempts, leaseEndMs };
  }

  dependencies(path: string): string[] {
    const item = this.#names.get(path) ?? 0;
    const { edges } = this.#file(item);
    return edges.map((edge) => `${edge.reference} ${this.#told(item, edge)}`);
  }

  #told(item: number, { path, target: known, isDone }: ModelEdge): DependencyState {
    if (isDone) return "completed";
    const target = known ?? (path === undefined ? undefined : this.#names.get(path));
    if (target === undefined) return "missing";
    if (known === undefined && this.#waitsFor(target, item)) return "cycle";
    if (this.#pathOf(target) === undefined) return "deleted";
    const status = this.#files.get(target)?.status;
    if (status === undefined) return "no work";
    return status === "failed" ? "failed" : "waiting";
  }

  #begin(file: ModelFile, worker: string, now: number): void {
    file.worker = worker;
    this.#enter(file, "in_progress", now);
    file.leaseEnd = now + LEASE_SECONDS;
  }

  #enter(file: ModelFile, wanted: WorkStatus, now: number): void {
    const before = file.status;
    const isDone = file.edges.length > 0 && open(file) === 0;
    const status = wanted === "blocked" && isDone ? "ready" : wanted;
    if (BEGUN.includes(before) && !BEGUN.includes(status)) {
      file.worker = undefined;
      if (before !== "in_progress") file.attempts = 0;
    }
    if (status === "in_progress" && before === status) return;
    file.startedAt = status === "in_progress" ? now : undefined;
    file.leaseEnd = undefined;
    file.status = status;
    if ((before === "completed") !== (status === "completed")) {
      this.#tell(file.ino, { isDone: status === "completed", now });
    }
  }

  #tell(target: number, { isDone, now }: { isDone: boolean; now: number }): void {
    for (const { file, edge } of this.#edges()) {
      if (edge.target !== target || edge.isDone === isDone) continue;
      edge.isDone = isDone;
      this.#recount(file, now);
    }
  }

  #recount(file: ModelFile, now: number): void {
    const isDone = file.edges.length > 0 && open(file) === 0;
    if (file.status === "blocked" && isDone) this.#enter(file, "ready", now);
  }

  /** Who waits for one of these paths means the file that is there. */
  #arrive(paths: readonly (string | undefined)[]): void {
    for (const { file, edge } of this.#edges()) {
      if (edge.target !== undefined || edge.path === undefined || !paths.includes(edge.path))
        continue;
      const target = this.#names.get(edge.path);
      if (target === undefined || this.#waitsFor(target, file.ino)) continue;
      edge.target = target;
      edge.isDone = this.#isCompleted(target);
      this.#recount(file, 0);
    }
  }

  #waitsFor(ino: number, other: number): boolean {
    if (ino === other) return true;
    const { edges } = this.#files.get(ino) ?? { edges: [] };
    return edges.some(({ target }) => target !== undefined && this.#waitsFor(target, other));
  }

  #edges(): { file: ModelFile; edge: ModelEdge }[] {
    return [...this.#files.values()].flatMap((file) => file.edges.map((edge) => ({ file, edge })));
  }

  #isCompleted(ino: number | undefined): boolean {
    return ino !== undefined && this.#files.get(ino)?.status === "completed";
  }

  #stateOf(file: ModelFile): WorkState {
    const { status = "ready" } = file;
    return status === "ready" && open(file) > 0 ? "blocked" : status;
  }

  #pathOf(ino: number): string | undefined {
    return this.files.find(([, other]) => other === ino)?.[0];
  }

  #file(ino: number): ModelFile {
    return this.#files.get(ino) ?? fail("not-found");
  }

  #item(ino: number): ModelFile {
    const file = this.#file(ino);
    return file.status === undefined ? fail("invalid-argument") : file;
  }
}

function open({ edges }: ModelFile): number {
  return edges.filter(({ isDone }) => !isDone).length;
}

function compare(a: number, b: number): number {
  return a === b ? 0 : a - b;
}

function fail(kind: ErrorKind): never {
  throw new NexusError(kind, `the model says ${kind}`);
}
