import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { Failpoint } from "../../src/model/failpoint.js";
import { Mounted } from "../support/daemon.js";
import { problemsIn } from "../support/data-directory.js";
import { PowerDisk } from "../support/power/power-disk.js";
import type { SurvivalMode } from "../support/power/survival.js";
import { isRunning, killNow, until } from "../support/processes.js";
import { History } from "./history.js";
import { Syncs } from "./syncs.js";
import { judge, look } from "./verify.js";
import { type Focus, Workload } from "./workload.js";

const WORKLOADS = 3;
/** How a call ends when the daemon does. */
const GONE = /ENOTCONN|ECONNABORTED/;
/** A failpoint that isn't reached by then isn't. */
const REACH_MS = 20_000;

/** How one life of the daemon ends. */
export interface Round {
  readonly seed: number;
  /** At a failpoint, at its nth time; or after so many milliseconds of work. */
  readonly end:
    | { readonly failpoint: Failpoint; readonly count: number }
    | { readonly afterMs: number };
  /** The disk loses power in that moment, too. */
  readonly loss?: SurvivalMode;
  readonly focus?: Focus;
}

/** What the rounds so far have shown. */
export interface Figures {
  rounds: number;
  readonly reached: Map<Failpoint, number>;
  filesChecked: number;
  steps: number;
  readonly problems: string[];
  readonly strays: Set<string>;
}

/**
 * A store whose daemon dies again and again under programs that work on its mount: each life begins with a look at
 * what the last one left. `end` it in `finally`.
 */
export class CrashRig {
  readonly figures: Figures = {
    ...{ rounds: 0, filesChecked: 0, steps: 0 },
    reached: new Map(),
    problems: [],
    strays: new Set(),
  };
  readonly #mounted: Mounted;
  readonly #disk: PowerDisk | undefined;
  readonly #reachedFile: string;
  #histories: History[] = [];
  #last: { readonly round: Round; readonly crash: "killed" | "power lost" } | undefined;

  private constructor(mounted: Mounted, disk: PowerDisk | undefined) {
    this.#mounted = mounted;
    this.#disk = disk;
    this.#reachedFile = join(mounted.base, "reached");
    mkdirSync(mounted.mountPoint, { recursive: true });
  }

  /** With a data directory on a disk that can lose power, or on this machine's. */
  static async start({ on }: { on: "power disk" | "plain disk" }): Promise<CrashRig> {
    if (on === "plain disk") return new CrashRig(Mounted.prepare(), undefined);
    const disk = await PowerDisk.start();
    return new CrashRig(Mounted.prepare({ dataDir: join(disk.path, "data") }), disk);
  }

  /** One life. What isn't as it must be is added to the figures. */
  async run(round: Round): Promise<void> {
    this.figures.rounds += 1;
    rmSync(this.#reachedFile, { force: true });
    const working = (await this.#begin(round)) ? this.#work(round) : Promise.resolve();
    await this.#crash(round);
    const failures = await working;
    for (const failure of failures ?? []) this.#complain(round, failure);
    this.#noteReached();
    const wasLoss = this.#last?.crash === "power lost";
    const crash = round.loss !== undefined || wasLoss ? "power lost" : "killed";
    this.#last = { round, crash };
  }

  /** A life that ends in order: then nothing must be left over. */
  async runInOrder(seed: number): Promise<void> {
    const round: Round = { seed, end: { afterMs: 0 } };
    if (!(await this.#begin(round))) throw new Error("the daemon doesn't start");
    await this.#mounted.unmount();
    await this.#endRest(round);
    for (const problem of problemsIn(this.#mounted.dataDir)) {
      // A power failure may leave a blob that no row knows of: native-notes/durability.md, "Recovery".
      if (this.#disk !== undefined && problem.endsWith(" is a stray"))
        this.figures.strays.add(problem);
      else this.#complain(round, problem);
    }
  }

  /**
   * A database that lacks changes, as a power failure may leave it, has what no file has kept for a week. When that
   * is over, the note of it is too old: then nothing may be left over, either.
   */
  async #endRest(round: Round): Promise<void> {
    const note = join(this.#mounted.dataDir, "database-behind.json");
    if (!existsSync(note)) return;
    rmSync(note);
    if (!(await this.#begin(round))) throw new Error("the daemon doesn't start after the rest");
    await this.#mounted.unmount();
  }

  async end(): Promise<void> {
    try {
      if (existsSync(join(this.#mounted.dataDir, "lock"))) this.#mounted.stopNow();
      await until("the mount is gone", { holds: () => !this.#mounted.isMounted });
    } finally {
      await this.#disk?.remove();
      this.#mounted.remove();
    }
  }

  /** Mounts, and looks. False when the daemon died before that was done. */
  async #begin(round: Round): Promise<boolean> {
    const { end } = round;
    const env: Record<string, string> =
      "failpoint" in end
        ? {
            NEXUS_FAILPOINTS: `${end.failpoint}:kill@${end.count}`,
            NEXUS_FAILPOINTS_FILE: this.#reachedFile,
          }
        : {};
    const { mountPoint, dataDir } = this.#mounted;
    const { code, stderr } = await this.#mounted.run([mountPoint, "--data-dir", dataDir], { env });
    if (code !== 0) {
      if (!this.#hasReached) this.#complain(round, `the daemon doesn't start: ${stderr}`);
      return false;
    }
    try {
      await this.#look(round);
      return true;
    } catch (error) {
      if (!isGone(error)) throw error;
      return false;
    }
  }

  async #look(round: Round): Promise<void> {
    const directories = this.#directories();
    if (this.#histories.length === 0) {
      for (const directory of directories) mkdirSync(directory, { recursive: true });
      this.#histories = directories.map(() => new History());
      // From here on they are expected.
      await this.#workload({ round, index: 0 }).settleDirectory();
    }
    const last = this.#last;
    if (last === undefined) return;
    const unreadable: (readonly string[])[] = [];
    const found = await Promise.all(directories.map((directory) => look(directory)));
    for (const [index, history] of this.#histories.entries()) {
      const verdict = judge(history, { found: found[index] ?? new Map(), crash: last.crash });
      this.figures.filesChecked += verdict.filesChecked;
      for (const problem of verdict.problems) this.#complain(last.round, `w${index}: ${problem}`);
      unreadable.push(verdict.unreadable);
    }
    this.#last = undefined;
    if (last.crash === "killed") return;
    for (const index of this.#histories.keys()) {
      await this.#workload({ round, index }).settle(unreadable[index] ?? []);
    }
  }

  /** Resolves when all workloads have ended, with what they ended with that wasn't the crash. */
  async #work(round: Round): Promise<string[]> {
    const workloads = this.#histories.map((_, index) => this.#workload({ round, index }));
    const ends = await Promise.allSettled(workloads.map((workload) => workload.run()));
    this.figures.steps += this.#histories.reduce((sum, { step }) => sum + step, 0);
    return ends.flatMap((end) =>
      end.status === "rejected" && !isGone(end.reason) ? [String(end.reason?.stack)] : [],
    );
  }

  #workload({ round, index }: { round: Round; index: number }): Workload {
    const directory = this.#directories()[index];
    const history = this.#histories[index];
    if (directory === undefined || history === undefined) throw new Error("there is no such one");
    const { seed, focus = "everything" } = round;
    return new Workload({
      ...{ directory, history, syncs: new Syncs(this.#histories) },
      seed: seed * WORKLOADS + index,
      focus: index === 0 ? focus : "everything",
    });
  }

  async #crash({ seed, end, loss }: Round): Promise<void> {
    const pid = this.#pid;
    const isGone = () => pid === undefined || !isRunning(pid);
    if ("failpoint" in end) {
      const deadline = performance.now() + REACH_MS;
      while (!isGone() && performance.now() < deadline) await setTimeout(10);
    } else {
      await setTimeout(end.afterMs);
    }
    if (loss === undefined || this.#disk === undefined) {
      if (pid !== undefined && !isGone()) await killNow(pid);
      return;
    }
    await this.#disk.losePower({
      ...{ mode: loss, seed },
      kill: () => {
        if (pid !== undefined && !isGone()) process.kill(pid, "SIGKILL");
      },
    });
    await until("the daemon is gone", { holds: isGone });
  }

  get #pid(): number | undefined {
    try {
      return this.#mounted.pid;
    } catch {
      return undefined; // it died before it had the store
    }
  }

  get #hasReached(): boolean {
    return existsSync(this.#reachedFile);
  }

  #noteReached(): void {
    if (!this.#hasReached) return;
    for (const name of readFileSync(this.#reachedFile, "utf8").trim().split("\n")) {
      const { reached } = this.figures;
      reached.set(name as Failpoint, (reached.get(name as Failpoint) ?? 0) + 1);
    }
  }

  #directories(): string[] {
    const { mountPoint } = this.#mounted;
    return Array.from({ length: WORKLOADS }, (_, index) => join(mountPoint, `w${index}`));
  }

  #complain(round: Round, problem: string): void {
    this.figures.problems.push(`after ${JSON.stringify(round)}: ${problem}`);
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && GONE.test(error.message);
}
