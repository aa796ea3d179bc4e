import { closeSync, existsSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { ordinaryUser } from "../conformance/ordinary-user.js";
import { type Ended, Mounted, type MountOptions, shell, whyNoMounts } from "../support/daemon.js";
import { problemsIn } from "../support/data-directory.js";
import { MOUNT_USERS } from "../support/mount-users.js";
import { isRunning, until } from "../support/processes.js";

const skipReason = whyNoMounts();
const NEXUS = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/** A daemon with its first mount, at `base/mnt`. */
async function start(options: MountOptions = {}): Promise<Mounted> {
  const mounted = await Mounted.start(options);
  onTestFinished(() => stopAll(mounted));
  return mounted;
}

/** Ends the daemon, whatever it has mounted by now. */
async function stopAll(mounted: Mounted): Promise<void> {
  await mounted.run(["-u", "--all", "--data-dir", mounted.dataDir]).catch(() => undefined);
  await mounted.stop();
}

/** Mounts beside the first one. Returns where. */
async function add(mounted: Mounted, name: string, ...args: string[]): Promise<string> {
  const mountPoint = join(mounted.base, name);
  const ended = await mounted.run([mountPoint, "--data-dir", mounted.dataDir, ...args]);
  expect(ended).toStrictEqual({
    code: 0,
    stdout: `nexus-mount: ${mounted.dataDir} is mounted at ${mountPoint} (pid ${mounted.pid})\n`,
    stderr: "",
  });
  return mountPoint;
}

/** Where the daemon of a data directory has mounts, as the kernel lists them. */
function placesOf({ dataDir }: Mounted): string[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" "))
    .filter((fields) => fields.includes("fuse.nexus") && fields.includes(dataDir))
    .map((fields) => fields[4] ?? "")
    .toSorted();
}

async function hasEnded(pid: number): Promise<void> {
  await until(`daemon ${pid} has ended`, { holds: () => !isRunning(pid), timeoutMs: 40_000 });
}

function unmount(mounted: Mounted, mountPoint: string): Promise<Ended> {
  return mounted.run(["-u", mountPoint]);
}

describe.skipIf(skipReason !== undefined)("one daemon", () => {
  test.each(MOUNT_USERS)("of %s serves several mounts, each as itself", async (_who, as) => {
    const mounted = await start({ ...as, args: ["--tenant", "acme", "--agent", "agent1"] });
    const { base, mountPoint, pid, dataDir } = mounted;
    const second = await add(mounted, "second", "--tenant", "acme", "--agent", "agent2");
    const admin = await add(mounted, "admin", "--admin", "--read-only");
    expect(placesOf(mounted)).toStrictEqual([admin, mountPoint, second].toSorted());

    await shell("echo one > workspace/acme/agent1/file", { cwd: mountPoint, ...as });
    await shell("echo two > workspace/acme/agent2/file", { cwd: second, ...as });
    expect(await shell("ls -d */*/*", { cwd: second, ...as })).toBe("workspace/acme/agent2\n");
    await expect(shell("cat workspace/acme/agent1/file", { cwd: second, ...as })).rejects.toThrow(
      /Permission denied/,
    );
    const all = "cat workspace/acme/agent1/file workspace/acme/agent2/file";
    expect(await shell(all, { cwd: admin, ...as })).toBe("one\ntwo\n");
    await expect(shell("echo x > file", { cwd: admin, ...as })).rejects.toThrow(/Read-only/);

    expect(await unmount(mounted, second)).toStrictEqual({
      code: 0,
      stdout: `nexus-mount: unmounted ${second}\n`,
      stderr: "",
    });
    expect(placesOf(mounted)).toStrictEqual([admin, mountPoint].toSorted());
    await shell("echo more >> workspace/acme/agent1/file", { cwd: mountPoint, ...as });
    // From outside, as umount(8) does.
    await shell(`fusermount3 -u "${mountPoint}"`, as);
    expect(isRunning(pid)).toBe(true);
    await unmount(mounted, admin);
    await hasEnded(pid);
    expect(problemsIn(dataDir)).toStrictEqual([]);
    expect(existsSync(join(dataDir, "mounts.json"))).toBe(false);
    expect(existsSync(join(base, "data/nexus.sock"))).toBe(false);
  });

  test("is left by a mount that is in use elsewhere only when its files are closed", async () => {
    const mounted = await start();
    const second = await add(mounted, "second");
    const fd = openSync(join(second, "file"), "w");
    writeSync(fd, "text\n");
    const busy = await unmount(mounted, second);
    expect(busy).toMatchObject({ code: 1, stderr: expect.stringMatching(/is in use: close/) });
    const lazily = await mounted.run(["-u", "--lazy", second]);
    expect(lazily.stdout).toContain(`detached ${second}`);
    expect(placesOf(mounted)).toStrictEqual([mounted.mountPoint]);
    writeSync(fd, "more\n");
    closeSync(fd);
    expect(readFileSync(join(mounted.mountPoint, "file"), "utf8")).toBe("text\nmore\n");
  });

  test("ends with all of its mounts by a signal, and by -u --all", async () => {
    const mounted = await start();
    await add(mounted, "second");
    const { pid, dataDir } = mounted;
    process.kill(pid, "SIGTERM");
    await hasEnded(pid);
    expect(placesOf(mounted)).toStrictEqual([]);
    await mounted.mount();
    await add(mounted, "second");
    const again = mounted.pid;
    const ended = await mounted.run(["-u", "--all", "--data-dir", dataDir]);
    expect(ended).toStrictEqual({
      code: 0,
      stdout: `nexus-mount: ended the daemon of ${dataDir} (pid ${again}) and its mounts\n`,
      stderr: "",
    });
    await hasEnded(again);
    expect(placesOf(mounted)).toStrictEqual([]);
    expect(await mounted.run(["-u", "--all", "--data-dir", dataDir])).toMatchObject({
      code: 1,
      stderr: `nexus-mount: no daemon has the data directory ${dataDir}\n`,
    });
  });

  test("stays with --persist until it is told to end, and mounts again meanwhile", async () => {
    const mounted = await start({ args: ["--persist"] });
    const { pid, mountPoint } = mounted;
    await unmount(mounted, mountPoint);
    expect(isRunning(pid)).toBe(true);
    expect(await add(mounted, "mnt")).toBe(mountPoint);
    await unmount(mounted, mountPoint);
    process.kill(pid, "SIGTERM");
    await hasEnded(pid);
  });

  test("stays when a later mount says --persist, also after a crash", async () => {
    const mounted = await start();
    const { base, dataDir, mountPoint } = mounted;
    const second = join(base, "second");
    expect(await mounted.run([second, "--data-dir", dataDir, "--persist"])).toMatchObject({
      code: 0,
    });
    const crashed = mounted.pid;
    process.kill(crashed, "SIGKILL");
    await hasEnded(crashed);
    expect(await mounted.run(["--restore", "--data-dir", dataDir])).toMatchObject({ code: 0 });
    const { pid } = mounted;
    await unmount(mounted, second);
    await unmount(mounted, mountPoint);
    expect(await add(mounted, "mnt")).toBe(mountPoint);
    expect(mounted.pid).toBe(pid);
  });

  test("doesn't stay for a --persist whose mount failed, not after a crash either", async () => {
    const mounted = await start({ user: ordinaryUser() });
    const { base, dataDir, mountPoint } = mounted;
    const crashed = mounted.pid;
    process.kill(crashed, "SIGKILL");
    await hasEnded(crashed);
    const persisting = [join(base, "second"), "--data-dir", dataDir, "--persist"];
    const withoutFusermount = { env: { PATH: "/nonexistent" } };
    expect(await mounted.run(persisting, withoutFusermount)).toMatchObject({ code: 1 });
    expect(await mounted.run(["--restore", "--data-dir", dataDir])).toMatchObject({ code: 0 });
    const { pid } = mounted;
    await unmount(mounted, mountPoint);
    await hasEnded(pid);
  });

  test("refuses a mount with other settings of the store, and one that fails leaves it alone", async () => {
    const mounted = await start();
    const { base, mountPoint, dataDir, pid } = mounted;
    const other = join(base, "other");
    const differing = await mounted.run([other, "--data-dir", dataDir, "-o", "noatime"]);
    expect(differing).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/with another 'atime' \("relatime", not "noatime"\)/),
    });
    const inside = await mounted.run([join(mountPoint, "inside"), "--data-dir", dataDir]);
    expect(inside).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/lies inside the mount at .*, which is of the same store/),
    });
    expect(existsSync(other)).toBe(false);
    writeFileSync(join(mountPoint, "file"), "text");
    expect(mounted.pid).toBe(pid);
  });

  test("of one user is none of another user's", async () => {
    const user = ordinaryUser();
    const mounted = await start();
    await shell(`chmod 755 ${mounted.base}`);
    const args = [join(mounted.base, "other"), "--data-dir", mounted.dataDir];
    expect(await mounted.run(args, { user })).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/can't be used/),
    });
  });
});

describe.skipIf(skipReason !== undefined)("nexus beside several mounts", () => {
  test("shows them with their figures, and ends one or all of them", async () => {
    const mounted = await start({ args: ["--tenant", "acme", "--agent", "agent1"] });
    const { mountPoint, dataDir, pid } = mounted;
    const admin = await add(mounted, "admin", "--admin", "--read-only", "-o", "noexec");
    const nexus = (...args: string[]) => mounted.run(args, { program: NEXUS });
    const fd = openSync(join(mountPoint, "file"), "w");
    try {
      writeSync(fd, "12345");
      const { code, stdout } = await nexus("status", "--json", "--data-dir", dataDir);
      expect(code).toBe(0);
      const status = JSON.parse(stdout) as { mounts: Record<string, number>[] };
      expect(status).toMatchObject({
        ...{ pid, data_dir: dataDir, persist: false },
        store: { staged_files: 1, staged_bytes: 5, open_handles: 1 },
        mounts: [
          { mount_point: mountPoint, options: ["rw", "nosuid", "nodev"], open_handles: 1 },
          { mount_point: admin, options: ["ro", "nosuid", "nodev", "noexec"], open_handles: 0 },
        ],
      });
      expect(status.mounts.map(({ identity }) => identity)).toStrictEqual([
        { is_admin: false, tenant_id: "acme", agent_id: "agent1" },
        { is_admin: true },
      ]);
      const [busy, idle] = status.mounts;
      expect(busy?.lookups_held).toBeGreaterThan(0);
      expect(busy?.requests_served).toBeGreaterThan(idle?.requests_served ?? 0);
    } finally {
      closeSync(fd);
    }
    // Where it stands says which store is meant.
    const inside = await mounted.run(["status"], { program: NEXUS, cwd: admin });
    expect(inside.stdout).toContain(`${admin}  admin`);
    expect(await nexus("umount", admin)).toMatchObject({ code: 0 });
    expect(placesOf(mounted)).toStrictEqual([mountPoint]);
    expect(await nexus("umount", "--all", "--data-dir", dataDir)).toMatchObject({ code: 0 });
    expect(placesOf(mounted)).toStrictEqual([]);
    expect(await nexus("status", "--data-dir", dataDir)).toMatchObject({
      ...{ code: 1, stderr: expect.stringMatching(/^nexus: no daemon runs on /) },
    });
  });
});

describe.skipIf(skipReason !== undefined)("nexus-mount --health", () => {
  test("says whether the daemon and its mounts answer", async () => {
    const mounted = await start();
    const { mountPoint, dataDir, pid } = mounted;
    const second = await add(mounted, "second");
    const all = ["--health", "--data-dir", dataDir];
    expect(await mounted.run(all)).toStrictEqual({
      code: 0,
      stdout: `nexus-mount: healthy: process ${pid} serves 2 mounts\n`,
      stderr: "",
    });
    process.kill(pid, "SIGSTOP");
    try {
      for (const args of [all, ["--health", second]]) {
        const { code, stderr } = await mounted.run(args);
        expect(code).toBe(1);
        expect(stderr).toMatch(/doesn't answer within 5 seconds/);
      }
    } finally {
      process.kill(pid, "SIGCONT");
    }
    expect(await mounted.run(["--health", mountPoint])).toMatchObject({ code: 0 });
    await unmount(mounted, second);
    expect(await mounted.run(["--health", second])).toMatchObject({ code: 1 });
    await unmount(mounted, mountPoint);
    expect(await mounted.run(all)).toMatchObject({
      code: 1,
      stderr: `nexus-mount: no daemon has the data directory ${dataDir}\n`,
    });
  });
});
