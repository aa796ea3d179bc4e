import { rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { type Ended, Mounted, nexusMount, SOON, shell, whyNoMounts } from "../support/daemon.js";
import { hashOf, problemsIn } from "../support/data-directory.js";

const NEXUS = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const LOAD = fileURLToPath(new URL("churn.py", import.meta.url));
/** How long the store is busy while it is checked. */
const BUSY_MS = 5000;

async function fsck(mounted: Mounted, ...args: string[]): Promise<Ended> {
  return await nexusMount(["fsck", "--data-dir", mounted.dataDir, ...args], { program: NEXUS });
}

describe.skipIf(whyNoMounts() !== undefined)("a content that is missing", () => {
  test("fails its file with EIO, is told of beside the daemon, and heals", async () => {
    const mounted = await Mounted.start();
    const { mountPoint, dataDir } = mounted;
    try {
      await shell("echo lost > a; echo kept > b", { cwd: mountPoint });
      await mounted.unmount();
      const hash = hashOf("lost\n");
      rmSync(join(dataDir, "cas", hash.slice(0, 2), hash.slice(2, 4), hash));
      await mounted.mount();

      await expect(shell("cat a", { cwd: mountPoint })).rejects.toThrow("Input/output error");
      expect(await shell("cat b; mv a a2; ls a2 b", { cwd: mountPoint })).toBe("kept\na2\nb\n");
      // The name that it has now is committed within some milliseconds.
      await expect
        .poll(() => fsck(mounted).then(({ stdout }) => stdout), SOON)
        .toMatch(
          /^damage {4}\/a2: the content [0-9a-f]{64} is missing \(content\.present\)\. .*EIO/,
        );
      expect(await fsck(mounted)).toMatchObject({ code: 1, stderr: "" });
      const refused = await fsck(mounted, "--repair");
      expect(refused).toMatchObject({ code: 1, stdout: "" });
      expect(refused.stderr).toMatch(
        /^nexus: a repair needs .*nexus umount --all --data-dir .*\n$/,
      );

      await shell("echo lost > again", { cwd: mountPoint });
      await mounted.unmount();
      expect(await fsck(mounted)).toMatchObject({ code: 0, stderr: "" });
      await mounted.mount();
      expect(await shell("cat a2", { cwd: mountPoint })).toBe("lost\n");
    } finally {
      await mounted.stop();
    }
  });
});

describe.skipIf(whyNoMounts() !== undefined)("a store that is busy", () => {
  test("is found healthy in every round beside its daemon", async () => {
    const mounted = await Mounted.start();
    try {
      const load = shell(`python3 '${LOAD}' ${BUSY_MS / 1000}`, { cwd: mounted.mountPoint });
      let isOver = false;
      void load
        .catch(() => undefined)
        .then(() => {
          isOver = true;
        });
      let rounds = 0;
      while (!isOver) {
        const { code, stdout } = await fsck(mounted, "--json");
        const { findings, mode } = JSON.parse(stdout) as { findings: unknown[]; mode: string };
        expect({ code, mode, findings }).toStrictEqual({ code: 0, mode: "online", findings: [] });
        rounds += 1;
      }
      await load;
      expect(rounds).toBeGreaterThan(2);
      await mounted.unmount();
      expect(problemsIn(mounted.dataDir)).toStrictEqual([]);
    } finally {
      await mounted.stop();
    }
  });
});
