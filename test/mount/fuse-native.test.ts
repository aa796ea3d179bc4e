import { spawn } from "node:child_process";
import {
  closeSync,
  existsSync,
  linkSync,
  openSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { ordinaryUser } from "../conformance/ordinary-user.js";
import { Mounted, type MountOptions, SOON, shell, whyNoMounts } from "../support/daemon.js";
import { problemsIn } from "../support/data-directory.js";
import { MOUNT_USERS } from "../support/mount-users.js";
import { isRunning, killNow, until } from "../support/processes.js";

const NATIVE = ["--binding", "fuse-native"];

async function start(options: MountOptions = {}): Promise<Mounted> {
  const mounted = await Mounted.start(options);
  onTestFinished(async () => {
    await mounted.run(["-u", "--all", "--data-dir", mounted.dataDir]).catch(() => undefined);
    await mounted.stop();
  });
  return mounted;
}

/** Mounts the same store beside the first one. Returns where. */
async function add(mounted: Mounted, name: string, ...args: string[]): Promise<string> {
  const mountPoint = join(mounted.base, name);
  const { code, stderr } = await mounted.run([mountPoint, "--data-dir", mounted.dataDir, ...args]);
  expect([code, stderr]).toEqual([0, ""]);
  return mountPoint;
}

async function hasEnded(pid: number): Promise<void> {
  await until(`daemon ${pid} has ended`, { holds: () => !isRunning(pid), timeoutMs: 40_000 });
}

describe.skipIf(whyNoMounts() !== undefined)("a mount through fuse-native", () => {
  test.each(MOUNT_USERS)("of %s begins and ends as others do", async (_who, as) => {
    const mounted = await start({ ...as, args: NATIVE });
    const { mountPoint, pid } = mounted;
    const cwd = { cwd: mountPoint, ...as };
    await shell("mkdir d; echo content > d/f; chmod 600 d/f; setfattr -n user.k -v v d/f", cwd);
    expect(await shell("cat d/f; stat -c '%a %u %s' d/f; cat .nexus/version", cwd)).toMatch(
      new RegExp(`^content\n600 ${as.user?.uid ?? 0} 8\n\\d`),
    );
    const { code, stdout } = await mounted.run(["-u", mountPoint]);
    expect([code, stdout]).toEqual([0, `nexus-mount: unmounted ${mountPoint}\n`]);
    await hasEnded(pid);
    expect(problemsIn(mounted.dataDir)).toEqual([]);
    await mounted.mount(NATIVE);
    expect(await shell("cat d/f; getfattr -n user.k --only-values d/f", cwd)).toBe("content\nv");
  });

  test("and one by the device of the same daemon show each other's changes at once", async () => {
    const mounted = await start();
    const device = mounted.mountPoint;
    const native = await add(mounted, "native", ...NATIVE);
    const both = [device, native];
    for (let round = 0; round < 20; round++) {
      const [here = "", there = ""] = round % 2 === 0 ? both : both.toReversed();
      writeFileSync(join(here, "file"), `round ${round}`);
      expect(readFileSync(join(there, "file"), "utf8")).toBe(`round ${round}`);
      await shell(`mv file moved; test ! -e '${there}/file'; test -e '${there}/moved'`, {
        cwd: here,
      });
      await shell("mv moved file", { cwd: there });
    }
    await mounted.run(["-u", native]);
    expect(readFileSync(join(device, "file"), "utf8")).toBe("round 19");
  });

  test("and one by the device lose nothing that both append", async () => {
    const mounted = await start({ args: NATIVE });
    const device = await add(mounted, "device");
    const append = (who: string, where: string) =>
      shell(`for i in $(seq 100); do echo ${who} $i >> log; done`, { cwd: where });
    await Promise.all([append("one", device), append("two", mounted.mountPoint)]);
    const lines = readFileSync(join(device, "log"), "utf8").trimEnd().split("\n");
    const expected = ["one", "two"].flatMap((who) =>
      Array.from({ length: 100 }, (_, index) => `${who} ${index + 1}`),
    );
    expect(lines.toSorted()).toEqual(expected.toSorted());
  });

  test("appends to a file that is open to be read, too, where others have made it longer", async () => {
    const mounted = await start({ args: NATIVE });
    const { mountPoint } = mounted;
    const device = await add(mounted, "device");
    const open = openSync(join(mountPoint, "log"), "a+");
    try {
      writeSync(open, "one ");
      writeFileSync(join(device, "log"), "two ", { flag: "a" });
      writeSync(open, "three ");
      // A second name is a file of its own to libfuse, and so to the kernel.
      linkSync(join(mountPoint, "log"), join(mountPoint, "name"));
      writeFileSync(join(mountPoint, "name"), "four ", { flag: "a+" });
      writeSync(open, "five");
    } finally {
      closeSync(open);
    }
    expect(readFileSync(join(device, "log"), "utf8")).toBe("one two three four five");
  });

  test.each(MOUNT_USERS)("of %s is back after kill -9, with what was closed", async (_who, as) => {
    const mounted = await start({ ...as, args: NATIVE });
    const device = await add(mounted, "device");
    await shell("echo closed > file; mkdir d; echo x > d/open", { cwd: mounted.mountPoint, ...as });
    // An open file without a name leaves nothing behind.
    const script = `cd '${mounted.mountPoint}'; exec 3<> d/open; rm d/open; exec sleep 60`;
    const holder = spawn("bash", ["-c", script], { cwd: "/", stdio: "ignore", ...as.user });
    onTestFinished(() => {
      holder.kill("SIGKILL");
    });
    const listing = () => shell("ls -A d", { cwd: mounted.mountPoint, ...as });
    await expect.poll(listing, SOON).toBe("");
    await killNow(mounted.pid);
    await mounted.run(["--restore", "--data-dir", mounted.dataDir]);
    expect(await shell("cat file; ls -A d", { cwd: mounted.mountPoint, ...as })).toBe("closed\n");
    expect(await shell("cat file", { cwd: device, ...as })).toBe("closed\n");
    expect(readFileSync(join(mounted.dataDir, "mounts.json"), "utf8")).toContain('"fuse-native"');
  });

  test("that is in use ends with its daemon all the same, and lazily with its last user", async () => {
    const mounted = await start({ args: NATIVE });
    const { mountPoint, pid } = mounted;
    const open = openSync(join(mountPoint, "open"), "w");
    try {
      expect(await mounted.run(["-u", mountPoint])).toMatchObject({ code: 1 });
      expect((await mounted.run(["-u", "-z", mountPoint])).code).toBe(0);
      writeSync(open, "still");
      expect(isRunning(pid)).toBe(true);
    } finally {
      closeSync(open);
    }
    await hasEnded(pid);
    await mounted.mount(NATIVE);
    expect(readFileSync(join(mountPoint, "open"), "utf8")).toBe("still");
    const again = openSync(join(mountPoint, "open"), "r+");
    try {
      const second = mounted.pid;
      await mounted.run(["-u", "--all", "--data-dir", mounted.dataDir]);
      await hasEnded(second);
      expect(() => writeSync(again, "x")).toThrow(/ENOTCONN|ECONNABORTED|ENODEV/);
    } finally {
      try {
        closeSync(again);
      } catch {
        // Closing flushes, which may fail.
      }
    }
  });

  test("that can't be made says what is usually missing, and leaves nothing", async ({ skip }) => {
    const allowed = existsSync("/etc/fuse.conf") ? readFileSync("/etc/fuse.conf", "utf8") : "";
    skip(/^\s*user_allow_other/m.test(allowed), "/etc/fuse.conf says user_allow_other");
    const mounted = Mounted.prepare({ user: ordinaryUser() });
    try {
      const { code, stderr } = await mounted.tryMount([...NATIVE, "--allow-other"]);
      expect([code, stderr]).toEqual([1, expect.stringMatching(/fuse failed .*user_allow_other/)]);
      expect(mounted.isMounted).toBe(false);
      await hasEnded(mounted.pid);
    } finally {
      await mounted.stop();
    }
  });

  test("keeps to its identity, and is refused where users are told apart", async () => {
    const mounted = await start({ args: [...NATIVE, "--tenant", "acme", "--agent", "one"] });
    const { mountPoint } = mounted;
    await shell("mkdir -p workspace/acme/one/d; echo x > workspace/acme/one/d/f", {
      cwd: mountPoint,
    });
    const refused = shell("cat workspace/acme/two/d/f", { cwd: mountPoint });
    await expect(refused).rejects.toThrow(/Permission denied/);
    expect(await shell("ls workspace workspace/acme", { cwd: mountPoint })).toBe(
      "workspace:\nacme\n\nworkspace/acme:\none\n",
    );
    const config = join(mounted.base, "nexus.yaml");
    writeFileSync(config, "identities:\n  - { user: '*', tenant_id: acme }\n");
    const other = [join(mounted.base, "other"), "--data-dir", join(mounted.base, "other-data")];
    const { code, stderr } = await mounted.run([...other, ...NATIVE, "--config", config]);
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining("'identities' need the device binding"),
    ]);
  });
});
