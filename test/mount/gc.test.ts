import { spawn } from "node:child_process";
import { chmodSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { ordinaryUser } from "../conformance/ordinary-user.js";
import { type Ended, Mounted, nexusMount, SOON, shell, whyNoMounts } from "../support/daemon.js";
import { addStray, blobsOf, problemsIn } from "../support/data-directory.js";
import { killNow } from "../support/processes.js";

const NEXUS = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const LOAD = fileURLToPath(new URL("shared-contents.py", import.meta.url));
/** How long the store is busy while it is collected. */
const BUSY_MS = 3000;
/** No age protects what somebody needs, so nothing else has to. */
const NO_GRACE = { NEXUS_GC_GRACE_MINUTES: "0" };

async function gc(mounted: Mounted, ...args: string[]): Promise<Ended> {
  const line = ["gc", "--data-dir", mounted.dataDir, ...args];
  return await nexusMount(line, { program: NEXUS, env: NO_GRACE });
}

function isThere(mounted: Mounted, hash: string): boolean {
  return blobsOf(mounted.dataDir).some((blob) => blob.hash === hash);
}

/** A daemon that collects whatever is a stray, and some files of its store. */
async function start(): Promise<Mounted> {
  const mounted = Mounted.prepare();
  try {
    const made = await mounted.run([mounted.mountPoint, "--data-dir", mounted.dataDir], {
      env: NO_GRACE,
    });
    expect(made).toMatchObject({ code: 0 });
    const write = "for n in $(seq 20); do echo content $n > file$n; done";
    await shell(write, { cwd: mounted.mountPoint });
    await expect.poll(() => blobsOf(mounted.dataDir).length, SOON).toBe(20);
  } catch (error) {
    await mounted.stop();
    throw error;
  }
  return mounted;
}

describe.skipIf(whyNoMounts() !== undefined)("nexus gc", () => {
  test("loses nothing of a busy store, whose writers have the contents that it finds", async () => {
    const mounted = await start();
    try {
      const load = shell(`python3 '${LOAD}' ${BUSY_MS / 1000} '${mounted.dataDir}'`, {
        cwd: mounted.mountPoint,
      });
      let isOver = false;
      void load.then(
        () => {
          isOver = true;
        },
        () => {
          isOver = true;
        },
      );
      let removed = 0;
      while (!isOver) {
        const { code, stdout, stderr } = await gc(mounted, "--json", "--force");
        expect({ code, stderr }).toStrictEqual({ code: 0, stderr: "" });
        removed += (JSON.parse(stdout) as { contents: { files: number } }).contents.files;
      }
      // The load compares all that it reads with what it wrote.
      expect(await load).toMatch(/^[1-9]\d* written, [1-9]\d* strays\n$/);
      expect(removed).toBeGreaterThan(10);
      expect(mounted.troubles).toStrictEqual([]);
      await mounted.unmount();
      // Strays that were made after the last round.
      expect(await gc(mounted, "--force")).toMatchObject({ code: 0, stderr: "" });
      expect(problemsIn(mounted.dataDir)).toStrictEqual([]);
    } finally {
      await mounted.stop();
    }
  });

  test("is refused to another user, and asks the daemon of its own", async () => {
    const mounted = await start();
    try {
      const hash = addStray(mounted.dataDir, "stray");
      const user = ordinaryUser();
      chmodSync(mounted.base, 0o755);
      const line = ["gc", "--data-dir", mounted.dataDir];
      const refused = await nexusMount(line, { program: NEXUS, user, env: NO_GRACE });
      expect(refused).toMatchObject({ code: 1, stdout: "" });
      expect(refused.stderr).toMatch(/^nexus: .+\n$/);
      expect(isThere(mounted, hash)).toBe(true);

      expect((await gc(mounted, "--dry-run")).stdout).toMatch(/^Would remove 1 file \(5\)/);
      expect(isThere(mounted, hash)).toBe(true);
      expect((await gc(mounted)).stdout).toMatch(/^Removed 1 file \(5\)/);
      expect(isThere(mounted, hash)).toBe(false);
    } finally {
      await mounted.stop();
    }
  });

  test("whose daemon is killed leaves a store that is in order, and needs none the next time", async () => {
    const mounted = await start();
    try {
      for (let n = 0; n < 800; n++) addStray(mounted.dataDir, `stray ${n}`);
      const line = [NEXUS, "gc", "--force", "--data-dir", mounted.dataDir];
      const command = spawn(process.execPath, line, { stdio: "ignore" });
      const ended = new Promise<number | null>((resolve) => command.once("close", resolve));
      const left = () => blobsOf(mounted.dataDir).length;
      await expect.poll(left, { timeout: SOON.timeout, interval: 1 }).toBeLessThan(820);
      await killNow(mounted.pid);
      expect(await ended).toBe(1);
      expect(left()).toBeGreaterThan(20);
      mounted.stopNow();

      const leftover = join(mounted.dataDir, "staging", "4711");
      writeFileSync(leftover, "left");
      expect(await gc(mounted, "--force")).toMatchObject({ code: 0, stderr: "" });
      expect(existsSync(leftover)).toBe(false);
      expect(problemsIn(mounted.dataDir)).toStrictEqual([]);
      await mounted.mount();
      const read = await shell("cat file1 file20", { cwd: mounted.mountPoint });
      expect(read).toBe("content 1\ncontent 20\n");
    } finally {
      await mounted.stop();
    }
  });
});
