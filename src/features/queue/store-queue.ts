import { setMaxListeners } from "node:events";
import { authorize, authorizeChange } from "../../core/isolation.js";
import { requireRoom } from "../../core/room.js";
import type { VisibleZones } from "../../core/visible-zones.js";
import { VALUE_MAX_BYTES } from "../../model/attributes.js";
import type { Clock, Scheduler } from "../../model/clock.js";
import { cutText } from "../../model/cut-text.js";
import { NexusError } from "../../model/errors.js";
import { DEFAULT_LEASE_MS, parseWorker, WORK_KEY } from "../../model/work.js";
import type { MetadataStore } from "../../storage/metadata/metadata-store.js";
import type {
  Dependency,
  FoundItem,
  WorkRecord,
  WorkState,
  WorkStore,
} from "../../storage/metadata/work-store.js";
import type { SetXattrRequest } from "../../vfs/file-system.js";
import { type PathParts, PathWalk } from "../files/path-walk.js";
import type {
  ClaimOptions,
  FailOptions,
  SubmitOptions,
  WorkCountsByStatus,
  WorkDependency,
  WorkerOptions,
  WorkItem,
  WorkListOptions,
  WorkQueue,
} from "./queue.js";
import { waitForWork } from "./waiting-claim.js";
import { workItemOf } from "./work-item.js";

type FoundByPath = Required<FoundItem>;

const DEFAULT_LIMIT = 100;

export interface StoreQueueOptions extends PathParts {
  readonly metadata: MetadataStore;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly visible: VisibleZones;
}

/** The {@link WorkQueue} of one identity, on the store's. */
export class StoreQueue implements WorkQueue {
  readonly #parts: PathParts;
  readonly #metadata: MetadataStore;
  readonly #work: WorkStore;
  readonly #clock: Clock;
  readonly #scheduler: Scheduler;
  readonly #visible: VisibleZones;
  readonly #closing = new AbortController();

  constructor({ metadata, clock, visible, ...parts }: StoreQueueOptions) {
    this.#parts = parts;
    this.#metadata = metadata;
    this.#work = metadata.work;
    this.#clock = clock;
    this.#scheduler = parts.scheduler;
    this.#visible = visible;
    // Any number may wait.
    setMaxListeners(0, this.#closing.signal);
  }

  /** Who waits for work waits no longer: `closed`. */
  close(): void {
    this.#closing.abort();
  }

  async ready(options?: WorkListOptions): Promise<WorkItem[]> {
    return this.#list("ready", options);
  }

  async pending(options?: WorkListOptions): Promise<WorkItem[]> {
    return this.#list("pending", options);
  }

  async blocked(options?: WorkListOptions): Promise<WorkItem[]> {
    return this.#list("blocked", options);
  }

  async inProgress(options?: WorkListOptions): Promise<WorkItem[]> {
    return this.#list("in_progress", options);
  }

  async completed(options?: WorkListOptions): Promise<WorkItem[]> {
    return this.#list("completed", options);
  }

  async failed(options?: WorkListOptions): Promise<WorkItem[]> {
    return this.#list("failed", options);
  }

  async byPriority(options?: WorkListOptions): Promise<WorkItem[]> {
    return this.#list(undefined, options);
  }

  async status(): Promise<WorkCountsByStatus> {
    this.#expire();
    return this.#work.countWork({ zones: this.#zones("read") });
  }

  async get(path: string): Promise<WorkItem> {
    return this.#on(path, "read", (found) => this.#require(found));
  }

  async dependencies(path: string): Promise<WorkDependency[]> {
    return this.#on(path, "read", ({ ino }) =>
      this.#work.dependenciesOf(ino).map((dependency) => this.#shown(dependency)),
    );
  }

  async submit(path: string, { priority, dependsOn }: SubmitOptions = {}): Promise<WorkItem> {
    const references = typeof dependsOn === "string" ? [dependsOn] : dependsOn;
    const waits = references !== undefined && references.length > 0;
    const values: [key: string, value: string][] = [
      ...(priority === undefined ? [] : ([[WORK_KEY.priority, String(priority)]] as const)),
      ...(references === undefined
        ? []
        : ([[WORK_KEY.dependsOn, JSON.stringify(references)]] as const)),
      // One that waits for nothing is ready in the same step.
      [WORK_KEY.status, waits ? "blocked" : "ready"],
    ].map(([key = "", value = ""]) => [key, value]);
    const { fs, caller } = this.#parts;
    return this.#on(path, "write", async (found) => {
      const requests = values.map(
        ([key, value]): SetXattrRequest => ({
          ino: found.ino,
          name: `user.${key}`,
          value: Buffer.from(value, "utf8"),
          mode: "any",
        }),
      );
      this.#requireIdle(found);
      await fs.setxattrs(caller, requests);
      return this.#require(found);
    });
  }

  async claim(options: ClaimOptions): Promise<WorkItem | undefined> {
    requireClaim(options);
    const { wait = false, signal } = options;
    if (typeof wait !== "boolean" && !(typeof wait === "number" && wait >= 0)) {
      throw new NexusError(
        "invalid-argument",
        `waiting can't take ${String(wait)}; allowed: true, or 0 ms or more`,
      );
    }
    const { router, caller } = this.#parts;
    // Where nothing can be changed, waiting for an item would have no end.
    authorize(caller.identity, { place: router.resolve("/"), access: "write" });
    if (signal?.aborted === true) throw new NexusError("interrupted", "the claim was aborted");
    const attempt = () => this.#claimNext(options);
    const record =
      attempt() ??
      (wait === false
        ? undefined
        : await waitForWork({
            work: this.#work,
            scheduler: this.#scheduler,
            attempt,
            waitMs: wait === true ? undefined : wait,
            signal,
            closing: this.#closing.signal,
          }));
    return record === undefined ? undefined : workItemOf(record);
  }

  async claimPath(path: string, options: ClaimOptions): Promise<WorkItem> {
    const request = requireClaim(options);
    return this.#on(path, "write", (found) => {
      requireRoom(this.#metadata);
      return workItemOf(this.#work.claimWork({ ...request, ...found, now: this.#clock.now() }));
    });
  }

  async renew(path: string, options: ClaimOptions): Promise<WorkItem> {
    const request = requireClaim(options);
    return this.#on(path, "write", (found) =>
      workItemOf(this.#work.renewWork({ ...request, ...found, now: this.#clock.now() })),
    );
  }

  async release(path: string, { worker }: WorkerOptions): Promise<WorkItem> {
    return this.#finish(path, { worker, outcome: "ready", countAttempt: false });
  }

  async complete(path: string, { worker }: WorkerOptions): Promise<WorkItem> {
    return this.#finish(path, { worker, outcome: "completed", countAttempt: false });
  }

  async fail(path: string, { worker, error, retry = false }: FailOptions): Promise<WorkItem> {
    const outcome = retry ? "ready" : "failed";
    // A long one is told in part rather than not at all.
    const reason = error === undefined ? {} : { error: cutText(error, VALUE_MAX_BYTES) };
    return this.#finish(path, { worker, outcome, countAttempt: true, ...reason });
  }

  #finish(
    path: string,
    {
      worker,
      ...request
    }: {
      worker: string;
      outcome: "completed" | "failed" | "ready";
      countAttempt: boolean;
      error?: string;
    },
  ): Promise<WorkItem> {
    const workerId = parseWorker(worker);
    return this.#on(path, "write", (found) => {
      // Work that is done must not be done again, so what little its end takes it gets.
      if (request.error !== undefined) requireRoom(this.#metadata);
      const now = this.#clock.now();
      return workItemOf(this.#work.finishWork({ ...request, ...found, workerId, now }));
    });
  }

  #claimNext(options: ClaimOptions): WorkRecord | undefined {
    requireRoom(this.#metadata);
    const zones = this.#zones("write");
    return this.#work.claimNextWork({ ...requireClaim(options), zones, now: this.#clock.now() });
  }

  #list(state: WorkState | undefined, { limit = DEFAULT_LIMIT }: WorkListOptions = {}): WorkItem[] {
    if (!Number.isSafeInteger(limit) || limit < 1) {
      throw new NexusError("invalid-argument", `a limit can't be ${limit}; allowed: 1 or more`);
    }
    this.#expire();
    const { identity } = this.#parts.caller;
    return this.#work
      .listWork({ state, zones: this.#zones("read"), limit })
      .filter(({ path }) => this.#visible.isVisiblePath(identity, { path, access: "read" }))
      .map(workItemOf);
  }

  #zones(access: "read" | "write"): readonly string[] | "all" {
    const { identity } = this.#parts.caller;
    return this.#visible.of(identity, { zones: this.#work.workZones(), access });
  }

  /** Lists tell the truth, also when the timer is late. */
  #expire(): void {
    this.#work.expireLeases(this.#clock.now());
  }

  /** Isolation is checked by the path first, then by where its symlinks led. */
  #on<T>(
    path: string,
    access: "read" | "write",
    use: (found: FoundByPath) => T | Promise<T>,
  ): Promise<T> {
    const { router, caller } = this.#parts;
    return PathWalk.during(this.#parts, async (walk) => {
      const spot = await walk.require(path, { access });
      const place = router.resolve(spot.path);
      if (access === "write") authorizeChange(caller.identity, place);
      else authorize(caller.identity, { place, access });
      return use({ ino: spot.entry.ino, path: spot.path });
    });
  }

  /** Who works on an item isn't robbed of it. */
  #requireIdle({ ino, path }: FoundByPath): void {
    this.#expire();
    const { state, workerId } = this.#work.workItem(ino) ?? {};
    if (state !== "in_progress" || workerId === undefined) return;
    throw new NexusError("busy", `${path} is in progress, '${workerId}' has it`, { path });
  }

  #require({ ino, path }: FoundByPath): WorkItem {
    const record = this.#work.workItem(ino);
    if (record !== undefined) return workItemOf({ ...record, path });
    throw new NexusError(
      "invalid-argument",
      `${path} is no work item: a regular file with a status is one`,
      { path },
    );
  }

  /** What the identity may not see doesn't exist for it. */
  #shown({ reference, state, path }: Dependency): WorkDependency {
    const { identity } = this.#parts.caller;
    const maySee =
      path === undefined || this.#visible.isVisiblePath(identity, { path, access: "read" });
    return maySee ? { reference, state, path } : { reference, state: "missing", path: undefined };
  }
}

function requireClaim({ worker, leaseMs = DEFAULT_LEASE_MS }: Partial<ClaimOptions> = {}): {
  workerId: string;
  leaseMs: number;
} {
  if (!Number.isFinite(leaseMs) || leaseMs <= 0) {
    throw new NexusError(
      "invalid-argument",
      `a lease can't be ${leaseMs} ms; allowed: any time above 0`,
    );
  }
  return { workerId: parseWorker(worker), leaseMs };
}
