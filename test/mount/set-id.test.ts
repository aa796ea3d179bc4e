import { chmodSync, chownSync, copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { KernelCalls } from "../conformance/kernel-calls.js";
import { O } from "../conformance/posix-driver.js";
import { permissionsOf, put, withFile } from "../conformance/posix-steps.js";
import { SystemDriver } from "../conformance/system-driver.js";
import { Mounted, whyNoMounts } from "../support/daemon.js";

const skipReason = whyNoMounts();
const STRANGER = { uid: 12345, gid: 12345 };
/** Prints the effective user. */
const PROGRAM = "/usr/bin/id";

/** Ways to bring other bytes into a file without O_TRUNC. */
const CHANGES: Readonly<
  Record<string, (driver: SystemDriver, fds: { from: number; to: number }) => Promise<unknown>>
> = {
  write: async (driver, { from, to }) =>
    driver.pwrite(to, { offset: 0, data: await driver.pread(from, { offset: 0, length: 100 }) }),
  copy_file_range: (driver, { from, to }) =>
    driver.copyFileRange(from, { offset: 0, to, toOffset: 0, length: 100 }),
  fallocate: (driver, { to }) => driver.fallocate(to, { offset: 0, length: 100, mode: 0 }),
};

// Only with -o suid, which is for root and not the default.
describe.skipIf(skipReason !== undefined)("on a mount that honours set-id bits", () => {
  let mounted: Mounted;
  let driver: SystemDriver;
  let kernel: KernelCalls;

  beforeAll(async () => {
    mounted = await Mounted.start({ args: ["--allow-other", "-o", "suid"] });
    chmodSync(mounted.base, 0o755); // somebody else has to get in
    const directory = join(mounted.mountPoint, "programs");
    mkdirSync(directory);
    driver = new SystemDriver(directory);
    kernel = new KernelCalls(directory);
    copyFileSync(PROGRAM, kernel.pathOf("source"));
  });

  afterAll(() => mounted.stop());

  const userOf = (path: string) =>
    kernel.as(STRANGER, async () => kernel.run(kernel.pathOf(path), ["-u"]).trim());

  test("nobody else takes the bits with a chown that changes nothing", async () => {
    await put(driver, { path: "kept" });
    await driver.chmod("kept", 0o4755);
    const chown = (who: typeof STRANGER) =>
      kernel.as(who, async () => chownSync(kernel.pathOf("kept"), -1, -1));
    await expect(chown(STRANGER)).rejects.toThrow(/EPERM/);
    expect(await permissionsOf(driver, "kept")).toBe(0o4755);
    await driver.chown("kept", STRANGER);
    await driver.chmod("kept", 0o4755);
    await chown(STRANGER);
    expect(await permissionsOf(driver, "kept")).toBe(0o755);
  });

  test.each(Object.keys(CHANGES))(
    "%s by somebody else leaves nothing to run as the owner",
    async (name) => {
      await put(driver, { path: name });
      copyFileSync(PROGRAM, kernel.pathOf(name));
      await driver.chmod(name, 0o4777);
      expect(await permissionsOf(driver, name)).toBe(0o4777);
      expect(await userOf(name)).toBe("0");
      await kernel.as(STRANGER, () =>
        withFile(driver, { path: "source", flags: O.RDONLY }, (from) =>
          withFile(driver, { path: name, flags: O.WRONLY }, async (to) => {
            await CHANGES[name]?.(driver, { from, to });
          }),
        ),
      );
      // Before anything asks for its attributes.
      expect(await userOf(name)).toBe("12345");
      expect(await permissionsOf(driver, name)).toBe(0o777);
    },
  );
});
