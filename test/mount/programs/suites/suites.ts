import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Mounted, shell, whyNoMounts } from "../../../support/daemon.js";
import { problemsIn } from "../../../support/data-directory.js";
import { MOUNT_USERS } from "../../../support/mount-users.js";

/**
 * Suites of others are run on a mount for a few seconds each; with `TEST_SUITES=full` in the environment at full
 * length, about half an hour, by root and by an ordinary user. What they found is in native-notes/posix.md.
 */
export const IS_FULL = process.env.TEST_SUITES === "full";

/** For a test whose length isn't known beforehand. */
export const FULL_MS = 1_800_000;

/** Why a suite can't be run here, or undefined. scripts/setup installs them all. */
export function whyNoSuite(program: string, args: readonly string[]): string | undefined {
  const { status } = spawnSync(program, args, { stdio: "ignore" });
  return whyNoMounts() ?? (status === 0 ? undefined : `${program} isn't there, or not all of it`);
}

/** Where a suite is run. */
export interface SuiteMount {
  /** Set up by then: asked for in a test. */
  readonly mounted: Mounted;
  /** Runs a script in the root of the mount, as who mounts. Throws with what it said when it fails. */
  run(script: string): Promise<string>;
}

/**
 * The tests of a suite on a mount of their own, as `who` finds more with it, at full length as everybody. After them,
 * the daemon has had nothing to complain about, and its store is whole with nothing left over.
 */
export function suiteOnMount(
  {
    name,
    who,
    skipReason,
  }: { name: string; who: "root" | "an ordinary user"; skipReason: string | undefined },
  define: (suite: SuiteMount) => void,
): void {
  const users = MOUNT_USERS.filter(([user]) => IS_FULL || user === who);
  describe.skipIf(skipReason !== undefined).each(users)(`${name} on a mount of %s`, (_who, as) => {
    let mounted: Mounted | undefined;
    const suite: SuiteMount = {
      get mounted() {
        if (mounted === undefined) throw new Error("nothing is mounted");
        return mounted;
      },
      run: (script) => shell(script, { cwd: suite.mounted.mountPoint, timeoutMs: FULL_MS, ...as }),
    };

    beforeAll(async () => {
      mounted = await Mounted.start(as);
    });

    afterAll(async () => {
      await mounted?.stop();
    });

    define(suite);

    test("nothing is left behind", async () => {
      await suite.mounted.unmount();
      expect(suite.mounted.troubles).toEqual([]);
      expect(problemsIn(suite.mounted.dataDir)).toEqual([]);
    });
  });
}
