import { describe, expect, test } from "vitest";
import { O } from "../conformance/posix-driver.js";
import { contentOfOpen, put, tick, withFile } from "../conformance/posix-steps.js";
import { SystemDriver } from "../conformance/system-driver.js";
import { Mounted, whyNoMounts } from "../support/daemon.js";

const DAY_SEC = 24 * 60 * 60;

/** Whether reading moves an access time that is older or newer than the file's change, or from long ago. */
const MOVES = {
  relatime: { older: true, newer: false, ancient: true },
  strictatime: { older: true, newer: true, ancient: true },
  noatime: { older: false, newer: false, ancient: false },
} as const;

describe.skipIf(whyNoMounts() !== undefined)("with -o", () => {
  test.each(Object.entries(MOVES))(
    "%s reading moves the access time as mount(8) says",
    async (option, moves) => {
      const mounted = await Mounted.start({ args: ["-o", option] });
      try {
        const driver = new SystemDriver(mounted.mountPoint);
        const readMoves = async (path: string) => {
          const before = (await driver.stat(path)).atime;
          await tick(driver, "clock");
          await withFile(driver, { path, flags: O.RDONLY }, async (fd) => {
            // What the kernel has in its pages it reads without us.
            await driver.dropCache(fd);
            await contentOfOpen(driver, fd);
          });
          const { atime } = await driver.stat(path);
          return atime.sec !== before.sec || atime.nsec !== before.nsec;
        };
        await put(driver, { path: "clock" });
        for (const path of ["older", "newer", "ancient"])
          await put(driver, { path, data: "content" });
        const { sec } = (await driver.stat("clock")).mtime;
        const at = (ago: number) => ({ sec: sec - ago, nsec: 5 });
        // ctime is now in any case, so a newer access time is one from the future.
        await driver.utimensat("older", { atime: at(60), mtime: at(50) });
        await driver.utimensat("newer", { atime: at(-3600), mtime: at(50) });
        await driver.utimensat("ancient", { atime: at(2 * DAY_SEC), mtime: at(3 * DAY_SEC) });
        for (const [path, expected] of Object.entries(moves)) {
          expect([path, await readMoves(path)]).toEqual([path, expected]);
        }
      } finally {
        await mounted.stop();
      }
    },
  );
});
