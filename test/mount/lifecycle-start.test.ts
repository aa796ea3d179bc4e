import { existsSync, mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { readHolder } from "../../src/storage/data-dir-lock.js";
import { Mounted, shell, whyNoMounts } from "../support/daemon.js";
import { MOUNT_USERS } from "../support/mount-users.js";
import { isRunning } from "../support/processes.js";

const skipReason = whyNoMounts();

/** Directories of a test's own, with nothing mounted yet. */
function prepare(options: Parameters<typeof Mounted.prepare>[0] = {}): Mounted {
  const mounted = Mounted.prepare(options);
  onTestFinished(() => mounted.stop());
  return mounted;
}

describe.skipIf(skipReason !== undefined)("nexus-mount", () => {
  test.each(MOUNT_USERS)(
    "goes to the background as %s, with one line, when the mount answers",
    async (_, as) => {
      const mounted = prepare(as);
      const { mountPoint, dataDir } = mounted;
      const ended = await mounted.tryMount();
      expect(ended).toStrictEqual({
        code: 0,
        stdout: `nexus-mount: ${dataDir} is mounted at ${mountPoint} (pid ${mounted.pid})\n`,
        stderr: "",
      });
      expect(isRunning(mounted.pid)).toBe(true);
      const script = "ls; echo text > file; cat file";
      expect(await shell(script, { cwd: mountPoint, ...as })).toBe(
        "archives\nexternal\nshared\nworkspace\ntext\n",
      );
    },
  );

  test("runs in a session of its own, far from anybody's terminal and directory, and is listed", async () => {
    const mounted = prepare();
    await mounted.mount();
    const { pid } = mounted;
    const [session, terminal] = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /, "")
      .split(" ")
      .slice(3, 5);
    expect([Number(session), Number(terminal)]).toStrictEqual([pid, 0]);
    expect(await shell(`readlink /proc/${pid}/cwd /proc/${pid}/fd/{0,1,2}`)).toBe(
      "/\n/dev/null\n/dev/null\n/dev/null\n",
    );
    const shown = await shell(`findmnt -n -o SOURCE,FSTYPE,OPTIONS ${mounted.mountPoint}`);
    const [source, type, options] = shown.trim().split(/\s+/);
    expect([source, type]).toStrictEqual([mounted.dataDir, "fuse.nexus"]);
    expect(options?.split(",")).toEqual(
      expect.arrayContaining(["rw", "nosuid", "nodev", "relatime", "default_permissions"]),
    );
    expect(options).not.toContain("allow_other");
  });

  test("makes the mount point and the data directory when they are missing", async () => {
    const mounted = prepare();
    const mountPoint = join(mounted.base, "a/b/c");
    const dataDir = join(mounted.base, "d/e");
    const { code } = await mounted.run([mountPoint, "--data-dir", dataDir]);
    expect(code).toBe(0);
    expect((await mounted.run(["-u", mountPoint])).code).toBe(0);
    expect(statSync(mountPoint).isDirectory()).toBe(true);
    expect(statSync(dataDir).mode & 0o777).toBe(0o700);
  });

  test("takes a relative mount point, also the working directory itself", async () => {
    const mounted = prepare();
    mkdirSync(mounted.mountPoint);
    const inside = { cwd: mounted.mountPoint };
    const ended = await mounted.run([".", "--data-dir", "../data"], inside);
    expect(ended.stdout).toContain(`${mounted.dataDir} is mounted at ${mounted.mountPoint} `);
    expect((await mounted.run(["-u", "mnt"])).stdout).toBe(
      `nexus-mount: unmounted ${mounted.mountPoint}\n`,
    );
  });

  test("takes a mount point with spaces, commas and other letters", async () => {
    const mounted = prepare(MOUNT_USERS.at(-1)?.[1]);
    const mountPoint = join(mounted.base, 'my, own\\ "nexus" für alle');
    const dataDir = join(mounted.base, "some, data\\dir");
    expect((await mounted.run([mountPoint, "--data-dir", dataDir])).stderr).toBe("");
    const ended = await mounted.run(["-u", mountPoint]);
    expect(ended).toStrictEqual({
      code: 0,
      stdout: `nexus-mount: unmounted ${mountPoint}\n`,
      stderr: "",
    });
  });

  test("a name that starts with a dash can follow --", async () => {
    const mounted = prepare();
    const ended = await mounted.run(["--data-dir", mounted.dataDir, "--", "-mnt"]);
    onTestFinished(async () => {
      await mounted.run(["-u", "--", "-mnt"]);
    });
    expect(ended.stdout).toContain(`is mounted at ${join(mounted.base, "-mnt")} `);
  });

  test("keeps what was written for the next mount", async () => {
    const mounted = prepare();
    await mounted.mount();
    await shell("mkdir jobs; echo one > jobs/a; setfattr -n user.status -v ready jobs/a", {
      cwd: mounted.mountPoint,
    });
    await mounted.unmount();
    await mounted.mount();
    const script = "cat jobs/a; getfattr -n user.status --only-values jobs/a";
    expect(await shell(script, { cwd: mounted.mountPoint })).toBe("one\nready");
  });

  test("that can't give a tenant its directory says why, and leaves no mount and no mount point", async () => {
    const mounted = prepare();
    await mounted.mount(["--admin"]);
    // Later, that is a tenant's place.
    await shell("mkdir lab; echo text > lab/acme", { cwd: mounted.mountPoint });
    const config = join(mounted.base, "lab.yaml");
    writeFileSync(config, "namespaces: [{ name: lab }]\n");
    await mounted.unmount();
    rmdirSync(mounted.mountPoint);
    const identity = ["--tenant", "acme", "--agent", "bot"];
    const ended = await mounted.tryMount([...identity, "--config", config]);
    expect(ended).toMatchObject({ code: 2, stdout: "" });
    expect(ended.stderr).toMatch(/^nexus-mount: \S+ must be a directory, .*\n$/);
    expect(mounted.isMounted).toBe(false);
    expect(existsSync(mounted.mountPoint)).toBe(false);
    // For whoever waits for its end.
    expect(readHolder(mounted.dataDir)).toMatchObject({
      hasEnded: true,
      failure: ended.stderr.replace("nexus-mount: ", "").trimEnd(),
    });
  });
});
