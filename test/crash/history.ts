import { TrackedFile } from "./tracked-file.js";

/** What is under each name of a workload's directory, by its path there. */
export type Names = ReadonlyMap<string, TrackedFile | "directory">;
export type Tags = ReadonlyMap<TrackedFile, string>;

/** What a directory looked like after a step. */
export interface State {
  readonly step: number;
  readonly names: Names;
  readonly tags: Tags;
}

/** A system call that changes something. */
export type Change =
  | {
      readonly kind: "names";
      readonly apply: (names: Map<string, TrackedFile | "directory">) => void;
      /** The file whose name takes another one's place. */
      readonly replacing?: TrackedFile;
    }
  | { readonly kind: "tag"; readonly file: TrackedFile; readonly tag: string }
  | {
      readonly kind: "write";
      readonly file: TrackedFile;
      readonly offset: number;
      readonly data: Buffer;
    }
  | { readonly kind: "size"; readonly file: TrackedFile; readonly sizeBytes: number }
  | {
      readonly kind: "copy";
      readonly file: TrackedFile;
      readonly bytes: Buffer;
    };

/** What one workload did, and what it was told is done: its calls come one after the other. */
export class History {
  /** From the last one on that is known to be durable. */
  #states: State[] = [{ step: 0, names: new Map(), tags: new Map() }];
  #step = 0;
  #syncedStep = 0;
  #underWay: Change | undefined;

  get now(): State {
    const state = this.#states.at(-1);
    if (state === undefined) throw new Error("a history has a beginning");
    return state;
  }

  get step(): number {
    return this.#step;
  }

  /** The call that was never answered. */
  get underWay(): Change | undefined {
    return this.#underWay;
  }

  /** Makes a call. `done` says how much of a write was. */
  async do(change: Change, call: () => Promise<number | undefined>): Promise<number> {
    this.#underWay = change;
    const count = (await call()) ?? 0;
    this.#underWay = undefined;
    this.#apply(
      change.kind === "write" ? { ...change, data: change.data.subarray(0, count) } : change,
    );
    return count;
  }

  /** All up to this step is durable. */
  noteSynced(step: number): void {
    this.#syncedStep = Math.max(this.#syncedStep, step);
    const first = this.#states.findLastIndex((state) => state.step <= this.#syncedStep);
    this.#states.splice(0, first);
  }

  /** What the names may be after a crash: of a killed process, or of one that lost power with its disk. */
  candidates(crash: "killed" | "power lost"): State[] {
    const known = crash === "killed" ? [this.now] : [...this.#states];
    const next = this.#underWay && this.#stateAfter(this.#underWay);
    return next === undefined ? known : [...known, next];
  }

  /** The directory was found like this, so what came after it never happened. */
  adopt(state: State, contents: ReadonlyMap<TrackedFile, Buffer>): void {
    const change = this.#underWay;
    if (state.step > this.#step && change?.kind === "names") {
      change.replacing?.noteReplacement(state.step);
    }
    this.#underWay = undefined;
    this.#states = [...this.#states.filter(({ step }) => step < state.step), state];
    // Never back: a later step must not have a number that was synced before.
    this.#step = Math.max(this.#step, state.step);
    for (const [file, bytes] of contents) {
      file.forgetAfter(state.step);
      if (!bytes.equals(file.bytes)) file.change(bytes);
    }
  }

  #apply(change: Change): void {
    const next = this.#stateAfter(change);
    this.#step += 1;
    if (next !== undefined) {
      this.#states.push(next);
      if (change.kind === "names") change.replacing?.noteReplacement(next.step);
    } else if (change.kind !== "names" && change.kind !== "tag") {
      change.file.change(bytesAfter(change));
    }
  }

  #stateAfter(change: Change): State | undefined {
    const { names, tags } = this.now;
    const step = this.#step + 1;
    if (change.kind === "tag") {
      return { step, names, tags: new Map([...tags, [change.file, change.tag]]) };
    }
    if (change.kind !== "names") return undefined;
    const changed = new Map(names);
    change.apply(changed);
    return { step, names: changed, tags };
  }
}

/** What a file has after a change of its bytes. */
export function bytesAfter(change: Exclude<Change, { kind: "names" | "tag" }>): Buffer {
  if (change.kind === "copy") return change.bytes;
  const { bytes } = change.file;
  if (change.kind === "size") {
    const cut = Buffer.alloc(change.sizeBytes);
    bytes.copy(cut, 0, 0, Math.min(bytes.length, change.sizeBytes));
    return cut;
  }
  const { offset, data } = change;
  const written = Buffer.alloc(Math.max(bytes.length, offset + data.length));
  bytes.copy(written);
  data.copy(written, offset);
  return written;
}

/** All files of a state, each once. */
export function filesOf({ names }: State): Set<TrackedFile> {
  return new Set([...names.values()].filter((node) => node instanceof TrackedFile));
}
