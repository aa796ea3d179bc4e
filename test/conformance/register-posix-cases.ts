import { expect, test } from "vitest";
import type { KernelCalls } from "./kernel-calls.js";
import { POSIX_CASES } from "./posix.js";
import type { Need, PosixCase } from "./posix-case.js";
import type { PosixDriver } from "./posix-driver.js";
import { removeTree } from "./posix-steps.js";
import type { Credentials } from "./thread-credentials.js";

/** Where the list is run. */
export interface PosixTarget {
  /** A directory that the user may write to. */
  readonly driver: PosixDriver;
  /** A driver whose root is a directory of that one. */
  below(path: string): Promise<PosixDriver>;
  /** The same for what only kernels do; undefined where there is none. */
  kernelBelow?(path: string): KernelCalls;
}

/** Why a case doesn't hold somewhere, and the message that it fails with. */
export interface KnownDifference {
  readonly reason: string;
  readonly fails: RegExp;
  /** It may hold, too. */
  readonly isByChance?: true;
}

export interface PosixRun {
  /** Set up by then: asked for when a case starts. */
  readonly target: () => PosixTarget;
  readonly user: Credentials;
  readonly isReal: boolean;
  readonly isNexus: boolean;
  readonly isTmpfs?: boolean;
  /** Becomes the user, for one case. */
  readonly as?: <T>(user: Credentials, work: () => Promise<T>) => Promise<T>;
  /** Why no case can be run, if so. */
  readonly skipReason?: string | undefined;
  readonly timeoutMs: number;
  /** Cases that are known not to hold here, by name. Such a case has to fail. */
  readonly differences?: ReadonlyMap<string, KnownDifference>;
  /** Why large cases are left out, if they are. */
  readonly skipsLarge?: string | undefined;
}

/** Makes every case of the list a test. One that makes no sense here is skipped, and says why. */
export function registerPosixCases(run: PosixRun): void {
  const names = new Set(POSIX_CASES.map(({ name }) => name));
  const stranger = [...(run.differences?.keys() ?? [])].find((name) => !names.has(name));
  if (stranger !== undefined) throw new Error(`there is no case '${stranger}'`);
  for (const [index, posixCase] of POSIX_CASES.entries()) {
    const options = { timeout: Math.max(run.timeoutMs, posixCase.timeoutMs ?? 0) };
    test(posixCase.name, options, async ({ skip }) => {
      const reason = run.skipReason ?? whySkip(posixCase, run);
      if (reason !== undefined) skip(reason);
      const { as = (_user, work) => work() } = run;
      const attempt = as(run.user, () => runCase(posixCase, { run, directory: `case-${index}` }));
      const known = run.differences?.get(posixCase.name);
      if (known?.isByChance)
        await attempt.catch((error) => expect(String(error)).toMatch(known.fails));
      else if (known === undefined) await attempt;
      else await expect(attempt, `has to fail: ${known.reason}`).rejects.toThrow(known.fails);
    });
  }
}

async function runCase(
  posixCase: PosixCase,
  { run, directory }: { run: PosixRun; directory: string },
): Promise<void> {
  const { user, isReal } = run;
  const target = run.target();
  await target.driver.mkdir(directory, 0o755);
  try {
    const kernel = target.kernelBelow?.(directory);
    await posixCase.run({
      driver: await target.below(directory),
      isRoot: user.uid === 0,
      isReal,
      user,
      get kernel() {
        if (kernel === undefined) throw new Error("this case needs a kernel");
        return kernel;
      },
    });
  } finally {
    await removeTree(target.driver, directory);
  }
}

function whySkip(posixCase: PosixCase, run: PosixRun): string | undefined {
  const { needs = [], nexus, notOnTmpfs, isLarge } = posixCase;
  const has: Readonly<Record<Need, boolean>> = {
    kernel: run.isReal,
    root: run.user.uid === 0,
    "ordinary user": run.user.uid !== 0,
  };
  if (isLarge === true && run.skipsLarge !== undefined) return run.skipsLarge;
  if (nexus === true && !run.isNexus) return "only Nexus does this";
  if (notOnTmpfs !== undefined && run.isTmpfs === true) return `tmpfs: ${notOnTmpfs}`;
  const missing = needs.find((need) => !has[need]);
  return missing === undefined ? undefined : `needs: ${missing}`;
}
