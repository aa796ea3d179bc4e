import { chmodSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { Mounted, NEXUS_MOUNT, shell, whyNoMounts } from "../support/daemon.js";

// How mount(8) and fstab(5) call it: a source, a directory, and options in one list.

const skipReason = whyNoMounts();
const MOUNT_FUSE = "/sbin/mount.fuse3";

function prepare(): Mounted {
  const mounted = Mounted.prepare();
  onTestFinished(() => mounted.stop());
  return mounted;
}

async function shownOptions(mountPoint: string): Promise<string[]> {
  return (await shell(`findmnt -n -o VFS-OPTIONS ${mountPoint}`)).trim().split(",");
}

describe.skipIf(skipReason !== undefined)("called as a helper of mount(8)", () => {
  test("a source that is a path is the data directory", async () => {
    const mounted = prepare();
    const { base, mountPoint, dataDir } = mounted;
    const options = "rw,noauto,user,_netdev,x-systemd.automount,tenant=acme";
    const ended = await mounted.run([dataDir, mountPoint, "-o", options]);
    expect(ended.stdout).toContain(`${dataDir} is mounted at ${mountPoint} `);
    expect(existsSync(join(base, ".nexus"))).toBe(false);
    expect(existsSync(join(mountPoint, "workspace/acme"))).toBe(true);
  });

  test("a source that is a word means nothing", async () => {
    const mounted = prepare();
    const { base, mountPoint } = mounted;
    const ended = await mounted.run(["nexus", mountPoint, "-o", "ro,nosuid,nodev,noexec"]);
    expect(ended.stderr).toBe(
      "nexus-mount: the source 'nexus' is only a word; a data directory has a '/': ./nexus\n",
    );
    expect(ended.stdout).toContain(`${base}/.nexus/data is mounted at ${mountPoint} `);
    expect(await shownOptions(mountPoint)).toEqual(expect.arrayContaining(["ro", "noexec"]));
  });

  test("under the name mount.fuse.nexus, it takes the helpers' flags", async () => {
    const mounted = prepare();
    const { base, mountPoint, dataDir } = mounted;
    const program = join(base, "mount.fuse.nexus");
    symlinkSync(NEXUS_MOUNT, program);
    mkdirSync(mountPoint);
    const command = [dataDir, mountPoint, "-s", "-n", "-v", "-t", "fuse.nexus", "-o", "rw,noatime"];
    // -f: mount(8) only tries whether it would work.
    const fake = await mounted.run([...command, "-f"], { program });
    expect(fake).toStrictEqual({ code: 0, stdout: "", stderr: "" });
    expect(mounted.isMounted).toBe(false);

    const real = await mounted.run(command, { program });
    expect(real.stderr).toBe("");
    expect(real.stdout).toContain(`${dataDir} is mounted at ${mountPoint} `);
    expect(await shownOptions(mountPoint)).toContain("noatime");
  });

  test.skipIf(!existsSync(MOUNT_FUSE))("mount.fuse3 finds it by its name", async () => {
    const mounted = prepare();
    const { base, mountPoint, dataDir } = mounted;
    mkdirSync(join(base, "bin"));
    mkdirSync(mountPoint);
    const program = join(base, "bin/nexus-mount");
    writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${NEXUS_MOUNT}' "$@"\n`);
    chmodSync(program, 0o755);
    const list = "rw,nosuid,nodev,noexec,tenant=acme,agent=a\\,b";
    const command = `PATH='${base}/bin':$PATH HOME=${base}`;
    await shell(`${command} ${MOUNT_FUSE} 'nexus-mount#${dataDir}' ${mountPoint} -o '${list}'`);
    expect(await shownOptions(mountPoint)).toEqual(
      expect.arrayContaining(["nosuid", "nodev", "noexec"]),
    );
    expect(existsSync(join(mountPoint, "workspace/acme/a,b"))).toBe(true);
  });
});
