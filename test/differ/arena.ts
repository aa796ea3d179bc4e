import { closeSync, constants, openSync } from "node:fs";
import { join } from "node:path";
import { SystemDriver } from "../conformance/system-driver.js";
import type { Credentials } from "../conformance/thread-credentials.js";
import { type Clock, compareTimes, compareTrees, type Pair } from "./compare.js";
import { lineOf, listingOf } from "./listing.js";
import { BY_DEVICE, type Profile } from "./profile.js";
import { clockOf, type Difference, run } from "./run.js";
import { shrink } from "./shrink.js";
import { Side } from "./side.js";
import type { Step } from "./step.js";
import { type Tree, treeOf } from "./tree.js";

/** Directories between a sequence and its neighbours: more than `..` in few steps leads up. */
const NEST = "1/2/3/4/5/6/7/8";
const UMASK = 0o022;
const SHRINK_MS = 60_000;
/** The last of those that nobody could make fewer. */
const LISTED_STEPS = 60;

export interface ArenaOptions {
  /** A directory of the kernel's file systems. */
  readonly native: string;
  /** The same directory of a store through each of its mounts. */
  readonly mounts: readonly string[];
  readonly isNexus?: boolean;
  /** Who takes the steps that aren't of whoever runs the sequence. */
  readonly user?: Credentials;
  /** Of the side that may be wrong, on a directory; the system's calls otherwise. */
  readonly driverOf?: (root: string) => SystemDriver;
  /** How it is mounted; by the device otherwise. */
  readonly profile?: Profile;
}

/** Where a run was. */
export interface Left {
  readonly name: string;
  readonly clock: Clock;
}

export interface Kept extends Left {
  readonly tree: Tree;
}

/** A place for sequences of steps: each gets an empty directory on both sides. */
export class Arena {
  readonly #options: ArenaOptions;
  readonly #name: string;
  #runs = 0;

  constructor(options: ArenaOptions) {
    this.#options = options;
    this.#name = `arena-${process.pid}-${Math.floor(performance.now())}`;
  }

  /** Takes the steps, in a new directory. Returns the first difference, and what is left there. */
  async run(steps: readonly Step[]): Promise<{ found: Difference | undefined; left: Left }> {
    const name = `${this.#name}-${this.#runs++}`;
    const { profile = BY_DEVICE } = this.#options;
    const umask = process.umask(0);
    const places: number[] = [];
    const sides = await this.#prepare(name, places);
    try {
      const drivers = { native: sides.native.driver(0), mount: sides.mount.driver(0) };
      const clock = await clockOf(drivers, profile);
      process.umask(UMASK);
      const found = await run({ steps, ...sides, clock, profile });
      return { found, left: { name, clock } };
    } finally {
      process.umask(umask);
      await sides.native.close();
      await sides.mount.close();
      for (const fd of places) closeSync(fd);
    }
  }

  /** What is to be found again on the mount, to the last digit of a time. */
  async keep(left: Left): Promise<Kept> {
    return { ...left, tree: await treeOf(this.#side(left.name, { isNative: false })) };
  }

  /** Compares what is there now with what was kept, and with the native side; undefined if it is the same. */
  async compareKept({ name, clock, tree }: Kept): Promise<string | undefined> {
    const after = {
      native: await treeOf(this.#side(name, { isNative: true })),
      mount: await treeOf(this.#side(name, { isNative: false })),
    };
    const mismatch =
      compareTrees({ before: undefined, after }, clock) ??
      compareTimes({ before: tree, after: after.mount });
    return mismatch === undefined ? undefined : `${name}: ${tell(mismatch)}`;
  }

  /** What went wrong as text for people: what differs, and the shortest script that shows it. */
  async explain(
    steps: readonly Step[],
    request: { found: Difference; shrinkMs?: number },
  ): Promise<string> {
    const { short, found, others } = await this.shrunk(steps, request);
    const step = short[found.index];
    const lines = [
      tell(found),
      step === undefined ? "after all steps" : `after step ${found.index}: ${lineOf(step)}`,
      ...(short === steps ? ["it didn't come again"] : ["the shortest script found:"]),
      listingOf(short.slice(0, found.index + 1).slice(-LISTED_STEPS)),
      ...(others.length === 0 ? [] : [`on the way there was, too: ${others.join("; ")}`]),
    ];
    return [...lines, `as JSON: ${JSON.stringify(short.slice(0, found.index + 1))}`].join("\n");
  }

  /** The shortest sequence found that shows the same difference; the steps themselves, if it doesn't come again. */
  async shrunk(
    steps: readonly Step[],
    { found, shrinkMs = SHRINK_MS }: { found: Difference; shrinkMs?: number },
  ): Promise<{ short: readonly Step[]; found: Difference; others: readonly string[] }> {
    const untilMs = performance.now() + shrinkMs;
    const others = new Set<string>();
    let last = found;
    const fails = async (candidate: readonly Step[]) => {
      const again = (await this.run(candidate)).found;
      if (again?.what === found.what) last = again;
      else if (again !== undefined) others.add(again.what);
      return again?.what === found.what;
    };
    const upToIt = steps.slice(0, found.index + 1);
    // What failed is most often of no use.
    const without = upToIt.filter(
      (step, index) => index === found.index || !found.failed.has(step),
    );
    for (const start of [without, upToIt]) {
      if (!(await fails(start))) continue;
      const short = await shrink(start, { fails, untilMs });
      await fails(short);
      return { short, found: last, others: [...others] };
    }
    return { short: steps, found, others: [...others] };
  }

  async #prepare(name: string, places: number[]): Promise<Pair<Side>> {
    const all = { native: this.#options.native, mount: this.#options.mounts[0] ?? "" };
    for (const root of Object.values(all)) {
      const driver = new SystemDriver(root);
      const components = `${name}/${NEST}`.split("/");
      for (const index of components.keys()) {
        await driver.mkdir(components.slice(0, index + 1).join("/"), 0o777);
      }
    }
    return {
      native: this.#side(name, { isNative: true, places }),
      mount: this.#side(name, { isNative: false, places }),
    };
  }

  /** `places`: the directories that it goes from, to be closed. */
  #side(
    name: string,
    { isNative, places }: { readonly isNative: boolean; readonly places?: number[] },
  ): Side {
    const { native, mounts, isNexus = true, user, driverOf, profile = BY_DEVICE } = this.#options;
    const makeDriver = (root: string) => {
      let place = join(root, name, NEST);
      if (places !== undefined && profile.asksForEachName) {
        const fd = openSync(place, constants.O_DIRECTORY);
        places.push(fd);
        place = `/proc/self/fd/${fd}`;
      }
      return isNative || driverOf === undefined ? new SystemDriver(place) : driverOf(place);
    };
    return new Side({
      drivers: mounts.map((mount) => makeDriver(isNative ? native : mount)),
      isNexus: isNexus && !isNative,
      user,
    });
  }
}

function tell({ what, native, mount }: Pick<Difference, "what" | "native" | "mount">): string {
  return `${what}\n  native: ${native}\n  mount:  ${mount}`;
}
