import { chmodSync, chownSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ordinaryUser } from "../conformance/ordinary-user.js";
import { actAs, type Credentials } from "../conformance/thread-credentials.js";
import { Arena, type Left } from "../differ/arena.js";
import { BY_FUSE_NATIVE } from "../differ/fuse-native.js";
import { generate } from "../differ/generate.js";
import { BY_DEVICE, type Profile } from "../differ/profile.js";
import type { Step } from "../differ/step.js";
import { Mounted, whyNoMounts } from "../support/daemon.js";

// Random system calls on a mount and on a directory of this machine's file system, which come to the same.
// test/differ/README.md tells how to run more of them, and how to replay what failed.

const skipReason = whyNoMounts();
const ROOT: Credentials = { uid: 0, gid: 0 };
const USER: Credentials = skipReason === undefined ? ordinaryUser() : { uid: 12345, gid: 12345 };

const IDS = { uid: USER.uid, gid: USER.gid };

const FRESH = Math.floor(Math.random() * 2 ** 31);
const REPLAY = process.env.DIFFER_REPLAY;
const SEEDS = seedsOf(process.env.DIFFER_SEEDS);
/** Of each seed; fewer where each takes longer: see `share`. */
const STEPS = Number(process.env.DIFFER_STEPS ?? 1500);
/** A sequence in one directory; the next one begins in another. */
const LENGTH = Number(process.env.DIFFER_LENGTH ?? 2500);
const SHRINK_MS = Number(process.env.DIFFER_SHRINK_MS ?? 60_000);
/** Many times what it takes, and the time to shrink. */
const TIMEOUT_MS = 60_000 + 20 * STEPS + SHRINK_MS;
/** Directories that are looked at once more after all has been unmounted and mounted again. */
const KEPT = 12;

/** Devices open natively, so they do on the mount. */
const ROOT_OPTIONS = ["--allow-other", "-o", "dev,suid"];

interface Mode {
  readonly title: string;
  readonly mounts: number;
  readonly user: Credentials;
  readonly args: readonly string[];
  readonly profile: Profile;
  /** One step of so many is enough: through two mounts all is looked at twice, and nothing is kept. */
  readonly share: number;
}

const ONE = { mounts: 1, profile: BY_DEVICE, share: 1 } as const;

const MODES: readonly Mode[] = [
  { ...ONE, title: "one mount, for root and another user", user: ROOT, args: ROOT_OPTIONS },
  {
    ...{ ...ONE, mounts: 2, share: 4, user: ROOT, args: ROOT_OPTIONS },
    title: "two mounts of one directory, each call through one of them",
  },
  { ...ONE, title: "a mount of an ordinary user", user: USER, args: [] },
  {
    ...{ ...ONE, share: 5, user: USER, args: ["--binding", "fuse-native"] },
    title: "a mount through fuse-native",
    profile: BY_FUSE_NATIVE,
  },
];

describe.skipIf(skipReason !== undefined).each(MODES)("$title", (mode) => {
  const { mounts, user, args, profile, share } = mode;
  const isRoot = user.uid === 0;
  const left: Left[] = [];
  let mounted: Mounted;
  let arena: Arena;

  const as = async <T>(work: () => Promise<T>): Promise<T> =>
    isRoot ? await work() : await actAs(user, work);

  const mountAll = async (): Promise<string[]> => {
    await mounted.mount(args);
    const others = Array.from({ length: mounts - 1 }, (_, index) =>
      join(mounted.base, `mnt${index + 1}`),
    );
    for (const other of others) {
      const ended = await mounted.run([other, "--data-dir", mounted.dataDir, ...args]);
      expect(ended).toMatchObject({ code: 0 });
    }
    return [mounted.mountPoint, ...others];
  };

  const unmountAll = () => mounted.run(["-u", "--all", "--data-dir", mounted.dataDir]);

  beforeAll(async () => {
    mounted = Mounted.prepare(isRoot ? {} : { user });
    // Other users have to get in, to be refused.
    chmodSync(mounted.base, 0o755);
    const native = join(mounted.base, "native");
    mkdirSync(native);
    chownSync(native, user.uid, user.gid);
    arena = new Arena({ native, mounts: await mountAll(), user: USER, profile });
  });

  afterAll(async () => {
    try {
      await unmountAll();
    } finally {
      await mounted.stop();
    }
  });

  const compare = async (steps: readonly Step[]): Promise<void> => {
    const { found, left: here } = await as(() => arena.run(steps));
    left.push(here);
    if (found === undefined) return;
    expect.fail(await as(() => arena.explain(steps, { found, shrinkMs: SHRINK_MS })));
  };

  test.skipIf(REPLAY === undefined)("shows no difference in a replay", async () => {
    await compare(JSON.parse(readFileSync(REPLAY ?? "", "utf8")) as Step[]);
  });

  test.each(SEEDS)("shows no difference for seed %i", { timeout: TIMEOUT_MS }, async (seed) => {
    const all = Math.ceil(STEPS / share);
    const { unasked } = profile;
    for (let from = 0; from < all; from += LENGTH) {
      const length = Math.min(LENGTH, all - from);
      // Far from each other, so that long runs of neighbouring seeds don't meet.
      const plan = { seed: (seed + from * 7919) | 0, length, mounts, ...IDS, isRoot, unasked };
      await compare(generate(plan));
    }
  });

  test("shows none either once all is mounted again", { timeout: TIMEOUT_MS }, async () => {
    const kept = await as(() => inTurn(left.slice(-KEPT), (one) => arena.keep(one)));
    expect(await unmountAll()).toMatchObject({ code: 0 });
    await mountAll();
    const differences = await as(() => inTurn(kept, (one) => arena.compareKept(one)));
    expect(differences.filter((difference) => difference !== undefined)).toEqual([]);
  });

  test("had no trouble of its own", () => {
    const lines = mounted.log.split("\n").filter((line) => line !== "");
    const levels = lines.map((line) => JSON.parse(line) as { level: number });
    expect(levels.filter(({ level }) => level >= 40)).toEqual([]);
  });
});

/** None where steps are replayed. */
function seedsOf(setting: string | undefined): number[] {
  if (setting !== undefined) {
    return setting.split(",").map((seed) => (seed === "new" ? FRESH : Number(seed)));
  }
  return REPLAY === undefined ? [1, 2, 3] : [];
}

async function inTurn<T, R>(all: readonly T[], work: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const one of all) results.push(await work(one));
  return results;
}
