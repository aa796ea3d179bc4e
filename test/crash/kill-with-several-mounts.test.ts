import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { Mounted, type MountOptions, shell, whyNoMounts } from "../support/daemon.js";
import { problemsIn } from "../support/data-directory.js";
import { MOUNT_USERS } from "../support/mount-users.js";
import { killNow } from "../support/processes.js";

const skipReason = whyNoMounts();

const TENANT = ["--tenant", "acme", "--agent"];

/** A daemon with three mounts: of two agents and of an admin. */
async function startThree(options: MountOptions = {}): Promise<{
  mounted: Mounted;
  places: readonly [first: string, second: string, admin: string];
}> {
  const mounted = await Mounted.start({ ...options, args: [...TENANT, "agent1"] });
  onTestFinished(async () => {
    await mounted.run(["-u", "--all", "--data-dir", mounted.dataDir]).catch(() => undefined);
    for (const place of places) await shell(`umount -l ${place}`).catch(() => undefined);
    await mounted.stop();
  });
  const places = [
    mounted.mountPoint,
    join(mounted.base, "second"),
    join(mounted.base, "admin"),
  ] as const;
  const store = ["--data-dir", mounted.dataDir];
  await mounted.run([places[1], ...store, ...TENANT, "agent2", "--read-only"]);
  await mounted.run([places[2], ...store, "--admin"]);
  return { mounted, places };
}

function statePath({ dataDir }: Mounted): string {
  return join(dataDir, "mounts.json");
}

describe.skipIf(skipReason !== undefined)("a daemon that was killed with three mounts", () => {
  test.each(MOUNT_USERS)(
    "of %s: all are back, each as it was, with what was closed; old handles get errors",
    async (_who, as) => {
      const { mounted, places } = await startThree(as);
      const [first, second, admin] = places;
      const before = mounted.pid;
      await shell("echo one > workspace/acme/agent1/file", { cwd: first, ...as });
      const state = readFileSync(statePath(mounted), "utf8");
      const holding = as.user === undefined ? openSync(join(admin, "open"), "w") : undefined;
      await killNow(before);
      if (holding !== undefined) {
        expect(() => writeSync(holding, "more")).toThrow(/ENOTCONN|ECONNABORTED/);
        closeDead(holding);
      }

      // By a mount that is one of them: the others come with it, as they were.
      expect(
        await mounted.run([first, "--data-dir", mounted.dataDir, ...TENANT, "agent1"]),
      ).toMatchObject({
        code: 0,
        stderr: "",
      });
      expect(mounted.pid).not.toBe(before);
      expect(JSON.parse(readFileSync(statePath(mounted), "utf8"))).toStrictEqual(JSON.parse(state));
      const all = "cat workspace/acme/agent1/file; ls -d workspace/acme/*";
      expect(await shell(all, { cwd: admin, ...as })).toBe("one\nworkspace/acme/agent1\n");
      expect(await shell("ls -d */*/*", { cwd: first, ...as })).toBe("workspace/acme/agent1\n");
      await expect(shell("echo x > file", { cwd: second, ...as })).rejects.toThrow(/Read-only/);
      await mounted.run(["-u", "--all", "--data-dir", mounted.dataDir]);
      expect(existsSync(statePath(mounted))).toBe(false);
      expect(problemsIn(mounted.dataDir)).toStrictEqual([]);
    },
  );

  test("--restore mounts all of them and nothing else, and tells what it can't", async () => {
    const { mounted, places } = await startThree();
    const [first, second, admin] = places;
    await killNow(mounted.pid);
    // Somebody cleared it, and something else is there now.
    await shell(`umount ${second}`);
    rmSync(second, { recursive: true });
    writeFileSync(second, "a file");
    const restore = ["--restore", "--data-dir", mounted.dataDir];
    const restored = await mounted.run(restore);
    expect(restored).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(
        /^nexus-mount: .*second is not mounted again: .*is not a directory\n$/,
      ),
    });
    expect(restored.stdout).toBe(
      `nexus-mount: ${mounted.dataDir} is served with 2 mounts (pid ${mounted.pid})\n`,
    );
    for (const place of [first, admin])
      expect(await shell("ls", { cwd: place })).toContain("shared");
    await mounted.run(["-u", first]);
    await mounted.run(["-u", admin]);
    expect(await mounted.run(restore)).toStrictEqual({
      code: 0,
      stdout: `nexus-mount: nothing to mount again in ${mounted.dataDir}\n`,
      stderr: "",
    });
  });

  test("a mount that can't be made then leaves the others for the next start", async () => {
    const { mounted, places } = await startThree();
    await killNow(mounted.pid);
    const bad = join(mounted.base, "file");
    writeFileSync(bad, "");
    const store = ["--data-dir", mounted.dataDir];
    expect(await mounted.run([join(bad, "x"), ...store])).toMatchObject({ code: 1 });
    expect(await mounted.run([...store, "--restore"])).toMatchObject({ code: 0 });
    for (const place of places) expect(await shell("ls", { cwd: place })).toContain("shared");
  });
});

function closeDead(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // its daemon is gone
  }
}
