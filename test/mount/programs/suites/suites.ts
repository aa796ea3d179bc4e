import { spawnSync } from "node:child_process";
import { expect } from "vitest";
import { Mounted, type User, whyNoMounts } from "../../../support/daemon.js";
import { problemsIn } from "../../../support/data-directory.js";
import { MOUNT_USERS } from "../../../support/mount-users.js";

/**
 * Suites of others are run on a mount for a few seconds each; with `TEST_SUITES=full` in the environment at full
 * length, about half an hour, by root and by an ordinary user. What they found is in native-notes/posix.md.
 */
export const IS_FULL = process.env.TEST_SUITES === "full";

/** For a test whose length isn't known beforehand. */
export const FULL_MS = 1_800_000;

/** Who mounts and runs a suite: both at full length, else the one who finds more with it. */
export function usersOf(who: "root" | "an ordinary user"): typeof MOUNT_USERS {
  return MOUNT_USERS.filter(([name]) => IS_FULL || name === who);
}

/** Why a suite can't be run here, or undefined. scripts/setup installs them all. */
export function whyNoSuite(program: string, args: readonly string[]): string | undefined {
  const { status } = spawnSync(program, args, { stdio: "ignore" });
  return whyNoMounts() ?? (status === 0 ? undefined : `${program} isn't there, or not all of it`);
}

/** A mount for one suite. `stop` it in `finally`. */
export async function startFor(user: User | undefined): Promise<Mounted> {
  return await Mounted.start(user === undefined ? {} : { user });
}

/** Unmounts: the daemon had nothing to complain about, and its store is whole with nothing left over. */
export async function expectGoodEnd(mounted: Mounted): Promise<void> {
  await mounted.unmount();
  expect(mounted.troubles).toEqual([]);
  expect(problemsIn(mounted.dataDir)).toEqual([]);
}
