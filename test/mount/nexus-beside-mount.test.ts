import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { Mounted, nexusMount, shell, whyNoMounts } from "../support/daemon.js";

const NEXUS = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

describe.skipIf(whyNoMounts() !== undefined)("while the store is mounted", () => {
  test("a command says who has it, and what to do", async () => {
    const mounted = await Mounted.start();
    onTestFinished(() => mounted.stop());
    const { mountPoint, dataDir, pid, base } = mounted;
    await shell("mkdir jobs; echo text > jobs/a", { cwd: mountPoint });
    const stderr = `nexus: ${dataDir} is mounted at ${mountPoint} (process ${pid}), and a command can't share it with a mount yet: work with the files there, or unmount it first with nexus umount ${mountPoint}\n`;
    for (const [args, cwd] of [
      [["cat", "/jobs/a", "--data-dir", dataDir], base],
      [["cat", join(mountPoint, "jobs/a")], base],
      [["cat", "a"], join(mountPoint, "jobs")],
    ] as const) {
      expect(await nexusMount(args, { program: NEXUS, cwd, home: cwd })).toStrictEqual({
        code: 1,
        stdout: "",
        stderr,
      });
    }
  });
});
