import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { ordinaryUser } from "../conformance/ordinary-user.js";
import { Mounted, type MountOptions, NEXUS_MOUNT, shell, whyNoMounts } from "../support/daemon.js";
import { MOUNT_USERS } from "../support/mount-users.js";
import { isRunning, killNow } from "../support/processes.js";
import { testDir } from "../support/temp-dir.js";

const skipReason = whyNoMounts();

function prepare(options: Omit<MountOptions, "args"> = {}): Mounted {
  const mounted = Mounted.prepare(options);
  onTestFinished(() => mounted.stop());
  return mounted;
}

async function start(options: MountOptions = {}): Promise<Mounted> {
  const mounted = await Mounted.start(options);
  onTestFinished(() => mounted.stop());
  return mounted;
}

describe.skipIf(skipReason !== undefined)("a mount point", () => {
  test("with files in it is refused, unless --allow-non-empty; they come back afterwards", async () => {
    const mounted = prepare();
    const { mountPoint } = mounted;
    mkdirSync(mountPoint);
    writeFileSync(join(mountPoint, "precious"), "text");
    expect(await mounted.tryMount()).toStrictEqual({
      code: 1,
      stdout: "",
      stderr: `nexus-mount: the mount point ${mountPoint} is not empty, and its files would be hidden; use another directory, or --allow-non-empty\n`,
    });
    expect(mounted.isMounted).toBe(false);

    await mounted.mount(["--allow-non-empty"]);
    expect(await shell("ls", { cwd: mountPoint })).not.toContain("precious");
    await mounted.unmount();
    expect(readFileSync(join(mountPoint, "precious"), "utf8")).toBe("text");
  });

  test("that is a file is refused, and so is one below a file, and /", async () => {
    const mounted = prepare();
    const file = join(mounted.base, "file");
    writeFileSync(file, "text");
    const dataDir = ["--data-dir", mounted.dataDir];
    for (const path of [file, join(file, "below")]) {
      const { code, stderr } = await mounted.run([path, ...dataDir]);
      expect(code).toBe(1);
      expect(stderr).toMatch(/^nexus-mount: .* is not a directory\n$/);
    }
    expect(await mounted.run(["/", ...dataDir])).toStrictEqual({
      code: 2,
      stdout: "",
      stderr: "nexus-mount: can't mount over /\n",
    });
  });

  test("and what the daemon itself writes must be apart", async () => {
    const mounted = prepare();
    const { base, mountPoint, dataDir } = mounted;
    mkdirSync(mountPoint);
    symlinkSync("mnt", join(base, "link"));
    writeFileSync(join(base, "db.yaml"), "db_path: mnt/metadata.db\n");
    const cases: [args: string[], message: RegExp][] = [
      [[mountPoint, "--data-dir", `${base}/link/not/there/yet`], /data directory \S+ lies inside/],
      [[`${dataDir}/mnt`, "--data-dir", dataDir], /mount point \S+ lies inside the data directory/],
      [
        [mountPoint, "--data-dir", dataDir, "--config", `${base}/db.yaml`],
        /database \S+ lies inside the mount point/,
      ],
    ];
    for (const [args, message] of cases) {
      const { code, stdout, stderr } = await mounted.run(args);
      expect(stderr).toMatch(message);
      expect(stderr.match(/\n/g)).toHaveLength(1);
      expect([code, stdout]).toStrictEqual([2, ""]);
    }
    expect(readdirSync(base).sort()).toStrictEqual(["db.yaml", "link", "mnt"]);
    expect(readdirSync(mountPoint)).toStrictEqual([]);
  });

  test("that is in use already is refused", async () => {
    const mounted = await start();
    const { mountPoint, base } = mounted;
    expect(await mounted.run([mountPoint, "--data-dir", join(base, "other")])).toStrictEqual({
      code: 1,
      stdout: "",
      stderr: `nexus-mount: a Nexus namespace is mounted at ${mountPoint} already\n`,
    });
    expect(mounted.isMounted).toBe(true);
    expect(isRunning(mounted.pid)).toBe(true);
  });

  test.each(MOUNT_USERS)(
    "whose daemon was killed is cleared by the next nexus-mount of %s",
    async (_, as) => {
      const mounted = await start(as);
      const { mountPoint } = mounted;
      await shell("printf text > file", { cwd: mountPoint, ...as });
      await killNow(mounted.pid);
      await expect(shell("ls", { cwd: mountPoint, ...as })).rejects.toThrow(/not connected/);

      await mounted.mount();
      expect(await shell("cat file", { cwd: mountPoint, ...as })).toBe("text");
      expect(mounted.log).toContain("cleared a mount whose daemon was gone");
      expect(mounted.log).toContain("took up what the last process left");
      await mounted.unmount();
      expect(mounted.isMounted).toBe(false);
    },
  );

  test("whose daemon was killed can be mounted again from within", async () => {
    const mounted = await start();
    const { mountPoint, dataDir, pid } = mounted;
    const mount = `"${process.execPath}" "${NEXUS_MOUNT}" "${mountPoint}" --data-dir "${dataDir}"`;
    await shell(`kill -9 ${pid}; while kill -0 ${pid} 2>&-; do sleep 0.01; done; ${mount}`, {
      cwd: mountPoint,
    });
    expect(await shell("ls", { cwd: mountPoint })).toContain("workspace");
  });

  test("whose daemon was killed is found through a symlink, too, and unmounted", async () => {
    const mounted = await start();
    const { base, dataDir } = mounted;
    const link = join(base, "link");
    symlinkSync("mnt", link);
    await killNow(mounted.pid);
    const again = await mounted.run([link, "--data-dir", dataDir]);
    expect(again.stderr).toBe("");
    expect(await shell("ls", { cwd: link })).toContain("workspace");

    await killNow(mounted.pid);
    expect(await mounted.run(["-u", link])).toStrictEqual({
      code: 0,
      stdout: `nexus-mount: unmounted ${mounted.mountPoint}\n`,
      stderr: "",
    });
    expect(mounted.isMounted).toBe(false);
  });
});

test("a working directory that is gone is said to be", async () => {
  const mount = `"${process.execPath}" "${NEXUS_MOUNT}" /nowhere/mnt`;
  const said = await shell(`mkdir gone; cd gone; rmdir ../gone; ${mount} 2>&1 || echo $?`, {
    cwd: testDir(),
  });
  expect(said).toBe(
    "nexus-mount: the working directory doesn't exist any more: cd to one that does\n1\n",
  );
});

describe.skipIf(skipReason !== undefined)("a data directory", () => {
  test("is served by one daemon, which a second nexus-mount asks", async () => {
    const mounted = await start();
    const { base, mountPoint, dataDir, pid } = mounted;
    const other = join(base, "other");
    const second = await mounted.run([other, "--data-dir", dataDir]);
    expect(second).toStrictEqual({
      code: 0,
      stdout: `nexus-mount: ${dataDir} is mounted at ${other} (pid ${pid})\n`,
      stderr: "",
    });
    writeFileSync(join(mountPoint, "file"), "text");
    expect(readFileSync(join(other, "file"), "utf8")).toBe("text");
    await mounted.run(["-u", other]);
    expect(await shell("ls", { cwd: mountPoint })).toContain("workspace");
  });

  test("that is served in another mount namespace is in use, too, which is said at once", async () => {
    const mounted = prepare();
    const { base, mountPoint, dataDir } = mounted;
    mkdirSync(mountPoint);
    const program = `"${process.execPath}" "${NEXUS_MOUNT}"`;
    await shell(`unshare -m ${program} "${mountPoint}" --data-dir "${dataDir}"`);
    onTestFinished(() => killNow(mounted.pid));
    const before = performance.now();
    const second = await mounted.run([join(base, "other"), "--data-dir", dataDir]);
    expect(performance.now() - before).toBeLessThan(10_000);
    expect(second).toStrictEqual({
      code: 1,
      stdout: "",
      stderr: `nexus-mount: the data directory ${dataDir} is in use by process ${mounted.pid}, mounted at ${mountPoint} in another mount namespace (a container?); unmount it there, or choose another --data-dir\n`,
    });
  });

  test("of a daemon that is still finishing is waited for", async () => {
    const mounted = await start();
    const { mountPoint } = mounted;
    const first = mounted.pid;
    writeFileSync(join(mountPoint, "file"), "text");
    await shell(`umount ${mountPoint}`);
    await mounted.mount();
    expect(mounted.pid).not.toBe(first);
    expect(isRunning(first)).toBe(false);
    expect(readFileSync(join(mountPoint, "file"), "utf8")).toBe("text");
  });

  test("that can't be made is reported in one line", async () => {
    const mounted = prepare();
    writeFileSync(join(mounted.base, "file"), "text");
    const ended = await mounted.run([mounted.mountPoint, "--data-dir", "file/data"]);
    expect(ended).toMatchObject({ code: 1, stdout: "" });
    expect(ended.stderr).toMatch(/^nexus-mount: .*file\/data.*\n$/);
    // What fails leaves no directory behind where nobody will look for one.
    expect(existsSync(mounted.mountPoint)).toBe(false);
  });

  test("and a mount point that a user may not use are told in words, with what to do", async () => {
    const mounted = prepare({ user: ordinaryUser() });
    const { base, mountPoint } = mounted;
    mkdirSync(join(base, "roots"), { mode: 0o700 });
    const cases = [
      [[mountPoint, "--data-dir", `${base}/roots/data`], "the data directory", "--data-dir"],
      [[`${base}/roots/mnt`], "the mount point", "another directory"],
      [[mountPoint, "--log-file", `${base}/roots/log/file`], "the log", "--log-file"],
    ] as const;
    for (const [args, what, advice] of cases) {
      const { code, stderr } = await mounted.run(args);
      expect(code).toBe(1);
      expect(stderr).toMatch(
        /^nexus-mount: [^\n]* can't be \w+: permission denied; choose [^\n]*\n$/,
      );
      expect(stderr).toContain(what);
      expect(stderr).toContain(advice);
    }
  });
});
