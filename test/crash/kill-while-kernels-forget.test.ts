import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { Mounted, type MountOptions, SOON, shell, whyNoMounts } from "../support/daemon.js";
import { MOUNT_USERS } from "../support/mount-users.js";
import { childrenOf, cpuTicks, isRunning, killNow, until } from "../support/processes.js";
import { runTogether } from "../support/together.js";

/** Of 10 ms. */
const BUSY_TICKS = 30;
const UNTIL_ERROR = fileURLToPath(new URL("until-error.py", import.meta.url));

/**
 * Two mounts, and programs that change the same directory through both until that fails: their kernels are told of
 * changes all the time, and wait for locks of programs that wait for the daemon.
 */
async function startBusy(options: MountOptions = {}) {
  const mounted = await Mounted.start(options);
  const places = [mounted.mountPoint, join(mounted.base, "second")] as const;
  onTestFinished(async () => {
    await mounted.run(["-u", "--all", "--data-dir", mounted.dataDir]).catch(() => undefined);
    for (const place of places)
      await shell(`umount -f ${place}; umount -l ${place}`).catch(() => undefined);
    await mounted.stop();
  });
  expect(await mounted.run([places[1], "--data-dir", mounted.dataDir])).toMatchObject({ code: 0 });
  const commands = ["a", "b", "c", "d"].map((name, index) => [
    ...["python3", UNTIL_ERROR, join(places[index % 2] ?? "", "common"), name],
  ]);
  const errors = runTogether(commands, options).then((outputs) => outputs.flat());
  // Not handled while the test waits for something else.
  errors.catch(() => undefined);
  const { pid } = mounted;
  await until("the notifier process runs", { holds: () => childrenOf(pid).length > 0 });
  const [notifiers] = childrenOf(pid);
  if (notifiers === undefined) throw new Error("it has ended");
  // It has started, and is told of hundreds of changes.
  const before = cpuTicks(notifiers);
  await until("kernels are told", { holds: () => cpuTicks(notifiers) > before + BUSY_TICKS });
  return { mounted, places, pid, notifiers, errors };
}

const GONE = expect.stringMatching(/^(ECONNABORTED|ENOTCONN)$/);

async function expectAllBack({ mounted, places }: Awaited<ReturnType<typeof startBusy>>) {
  const restored = await mounted.run(["--restore", "--data-dir", mounted.dataDir]);
  expect(restored).toMatchObject({ code: 0, stderr: "" });
  const as = mounted.user === undefined ? {} : { user: mounted.user };
  await shell("echo new > common/new", { cwd: places[0], ...as });
  expect(await shell("cat common/new", { cwd: places[1], ...as })).toBe("new\n");
}

describe.skipIf(whyNoMounts() !== undefined)(
  "while kernels are told of changes and wait for programs that wait for an answer",
  () => {
    test.each(MOUNT_USERS)(
      "the daemon of %s can be killed: programs get errors, nothing is left, all mounts come back",
      async (_who, as) => {
        const busy = await startBusy(as);
        await killNow(busy.pid);
        expect(await busy.errors).toEqual([GONE, GONE, GONE, GONE]);
        await expect.poll(() => isRunning(busy.notifiers), SOON).toBe(false);
        await expectAllBack(busy);
      },
    );

    test("all processes of the daemon can be killed: programs get errors when it is back", async () => {
      const busy = await startBusy();
      for (const pid of [busy.notifiers, busy.pid]) process.kill(pid, "SIGKILL");
      await until("the daemon is gone", { holds: () => !isRunning(busy.pid) });
      await expectAllBack(busy);
      expect(await busy.errors).toEqual([GONE, GONE, GONE, GONE]);
    });

    test("the process that tells them can be killed: another one does, and no mount ends", async () => {
      const busy = await startBusy();
      const { mounted, places, pid, notifiers } = busy;
      process.kill(notifiers, "SIGKILL");
      await expect
        .poll(() => childrenOf(pid).filter((child) => child !== notifiers), SOON)
        .toHaveLength(1);
      await shell("echo new > common/new", { cwd: places[0] });
      expect(await shell("cat common/new", { cwd: places[1] })).toBe("new\n");
      expect(mounted.log.split("the notifier process has ended")).toHaveLength(2);
      expect(mounted.pid).toBe(pid);
      await mounted.run(["-u", "--all", "--data-dir", mounted.dataDir]);
      expect(await busy.errors).toHaveLength(4);
    });
  },
);
