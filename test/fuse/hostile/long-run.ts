import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Tally, type TallyJson } from "./tally.js";

const MIB = 1024 * 1024;

/** What the process has after everything that nobody needs was collected. */
interface Memory {
  readonly requests: number;
  readonly heapMib: number;
  /** What Buffers and SQLite's statements have beside the heap. */
  readonly externalMib: number;
  readonly rssMib: number;
}

interface Progress {
  readonly requests: number;
  readonly seconds: number;
  readonly memory: readonly Memory[];
  readonly opcodes: TallyJson;
}

const NOTHING: Progress = { requests: 0, seconds: 0, memory: [], opcodes: {} };

/** A run that takes hours: what it did so far is in a file, and the next process goes on from there. */
export class LongRun {
  readonly #path: string | undefined;
  readonly #before: Progress;
  readonly #startMs = performance.now();
  readonly tally: Tally;
  readonly #memory: Memory[];

  /** Without a path nothing is kept. */
  constructor(path: string | undefined) {
    this.#path = path;
    const isThere = path !== undefined && existsSync(path);
    this.#before = isThere ? (JSON.parse(readFileSync(path, "utf8")) as Progress) : NOTHING;
    this.tally = new Tally(this.#before.opcodes);
    this.#memory = [...this.#before.memory];
  }

  /** What earlier processes have done. */
  get requestsBefore(): number {
    return this.#before.requests;
  }

  /** Keeps what was done. To be called between two stores, when nothing is open. */
  async save(requests: number): Promise<void> {
    const seconds = this.#before.seconds + (performance.now() - this.#startMs) / 1000;
    this.#memory.push({ requests, ...(await memoryNow()) });
    const progress: Progress = {
      ...{ requests, seconds: Math.round(seconds) },
      ...{ memory: this.#memory, opcodes: this.tally.toJSON() },
    };
    console.log(`${requests} requests, ${JSON.stringify(this.#memory.at(-1))}`);
    if (this.#path === undefined) return;
    // A run that is killed here leaves the file as it was.
    writeFileSync(`${this.#path}.new`, `${JSON.stringify(progress, undefined, 2)}\n`);
    renameSync(`${this.#path}.new`, this.#path);
  }
}

async function memoryNow(): Promise<Omit<Memory, "requests">> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  // What has a finalizer, as Buffers of native code, goes in a turn of the event loop, and what it held the next time.
  for (let times = 0; times < 3; times++) {
    collect();
    await setImmediate();
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  const mib = (bytes: number) => Math.round((bytes / MIB) * 10) / 10;
  return { heapMib: mib(heapUsed), externalMib: mib(external), rssMib: mib(rss) };
}
