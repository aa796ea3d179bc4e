import { chmodSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { KernelCalls } from "../conformance/kernel-calls.js";
import { type PosixRun, registerPosixCases } from "../conformance/register-posix-cases.js";
import { SystemDriver } from "../conformance/system-driver.js";
import { Mounted, type MountOptions, whyNoMounts } from "../support/daemon.js";

/** The list of cases on a mount with a daemon and a store of its own, in a directory that no namespace claims. */
export function posixOnMount({
  title,
  mount,
  run,
}: {
  title: string;
  mount: MountOptions;
  run: Pick<PosixRun, "user" | "as" | "differences" | "skipsLarge">;
}): void {
  const skipReason = whyNoMounts();
  describe.skipIf(skipReason !== undefined)(`POSIX, ${title}`, () => {
    let mounted: Mounted | undefined;
    let root = "";
    const umask = process.umask();

    beforeAll(async () => {
      process.umask(0o022);
      mounted = await Mounted.start(mount);
      // Other users have to get in, to be refused.
      chmodSync(mounted.base, 0o755);
      const { mountPoint } = mounted;
      root = join(mountPoint, "posix");
      const { as = (_user, work) => work() } = run;
      await as(run.user, () => new SystemDriver(mountPoint).mkdir("posix", 0o755));
    });

    afterAll(async () => {
      process.umask(umask);
      await mounted?.stop();
    });

    registerPosixCases({
      ...run,
      target: () => ({
        driver: new SystemDriver(root),
        below: async (path) => new SystemDriver(join(root, path)),
        kernelBelow: (path) => new KernelCalls(join(root, path)),
      }),
      isReal: true,
      isNexus: true,
      skipReason,
      timeoutMs: 30_000,
    });

    test("the daemon had no trouble of its own", () => {
      const lines = (mounted?.log ?? "").split("\n").filter((line) => line !== "");
      const levels = lines.map((line) => JSON.parse(line) as { level: number });
      expect(levels.filter(({ level }) => level >= 40)).toEqual([]);
    });
  });
}
