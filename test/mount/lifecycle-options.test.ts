import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { ordinaryUser } from "../conformance/ordinary-user.js";
import { type Ended, Mounted, shell, whyNoMounts } from "../support/daemon.js";

const skipReason = whyNoMounts();

function prepare(): Mounted {
  const mounted = Mounted.prepare();
  onTestFinished(() => mounted.stop());
  return mounted;
}

async function start(...args: string[]): Promise<Mounted> {
  const mounted = prepare();
  await mounted.mount(args);
  return mounted;
}

/** The data directory that nexus-mount said it mounted. */
function mountedDataDir({ stdout, stderr }: Ended): string {
  expect(stderr).toBe("");
  return stdout.replace(/^nexus-mount: (\S+) is mounted at .*\n$/, "$1");
}

describe.skipIf(skipReason !== undefined)("the data directory", () => {
  test("is ./nexus-data when that is there, else ~/.nexus/data", async () => {
    const mounted = prepare();
    const { base, mountPoint } = mounted;
    const work = join(base, "work");
    mkdirSync(work);
    const inWork = { cwd: work, home: base };
    expect(mountedDataDir(await mounted.run([mountPoint], inWork))).toBe(`${base}/.nexus/data`);
    await mounted.unmount();
    mkdirSync(join(work, "nexus-data"));
    expect(mountedDataDir(await mounted.run([mountPoint], inWork))).toBe(`${work}/nexus-data`);
  });

  test("comes from -o or the option before the environment, and from that before the file", async () => {
    const mounted = prepare();
    const { base, mountPoint } = mounted;
    mkdirSync(join(base, "etc"));
    const config = join(base, "etc/nexus.yaml");
    writeFileSync(config, "data_dir: from-file\n");
    const withFile = ["--config", config, mountPoint];
    const environment = { env: { NEXUS_DATA_DIR: `${base}/from-env` } };
    const list = ["-o", "data_dir=from-list"];
    const ended = await mounted.run([...list, ...withFile], environment);
    expect(mountedDataDir(ended)).toBe(`${base}/from-list`);
    await mounted.unmount();
    expect(mountedDataDir(await mounted.run(withFile, environment))).toBe(`${base}/from-env`);
    await mounted.unmount();
    // A relative path in a file is relative to the file.
    expect(mountedDataDir(await mounted.run(withFile))).toBe(`${base}/etc/from-file`);
  });
});

describe.skipIf(skipReason !== undefined)("an identity", () => {
  test("of --tenant and --agent sees its own directories, and no other's", async () => {
    const { mountPoint } = await start("--tenant", "acme", "--agent", "bot");
    const listed = await shell("find . -mindepth 1", { cwd: mountPoint });
    expect(listed).toContain("./shared/acme\n");
    expect(listed).toContain("./workspace/acme/bot\n");
    expect(() => mkdirSync(join(mountPoint, "workspace/other"))).toThrow(/EACCES/);
    expect(() => mkdirSync(join(mountPoint, "workspace/acme/other"))).toThrow(/EACCES/);
  });

  test("of --admin sees the system namespace, which nobody else does", async () => {
    const mounted = await start();
    expect(() => statSync(join(mounted.mountPoint, "system"))).toThrow(/EACCES/);
    await mounted.unmount();
    await mounted.mount(["--admin"]);
    expect(statSync(join(mounted.mountPoint, "system")).isDirectory()).toBe(true);
  });

  test("of a configuration file is the same", async () => {
    const mounted = prepare();
    writeFileSync(join(mounted.base, "nexus.yaml"), "tenant_id: acme\nagent_id: bot\n");
    await mounted.mount();
    expect(await shell("ls -d */*/*", { cwd: mounted.mountPoint })).toBe("workspace/acme/bot\n");
  });
});

describe.skipIf(skipReason !== undefined)("the mount", () => {
  test("takes no changes with --read-only", async () => {
    const mounted = await start();
    const { mountPoint } = mounted;
    writeFileSync(join(mountPoint, "file"), "text");
    await mounted.unmount();
    await mounted.mount(["--read-only"]);
    expect(readFileSync(join(mountPoint, "file"), "utf8")).toBe("text");
    expect(() => writeFileSync(join(mountPoint, "file"), "other")).toThrow(/EROFS/);
    expect(() => mkdirSync(join(mountPoint, "directory"))).toThrow(/EROFS/);
  });

  test("takes no changes with --read-only, even if the kernel is told otherwise", async () => {
    const mounted = await start();
    const { mountPoint } = mounted;
    writeFileSync(join(mountPoint, "file"), "text");
    await mounted.unmount();
    await mounted.mount(["--read-only"]);
    await shell(`mount -i -o remount,rw ${mountPoint}`);
    const shown = await shell(`findmnt -n -o OPTIONS ${mountPoint}`);
    expect(shown.split(",")).toContain("rw");
    expect(() => writeFileSync(join(mountPoint, "file"), "other")).toThrow(/EROFS/);
    expect(() => mkdirSync(join(mountPoint, "directory"))).toThrow(/EROFS/);
    expect(() => rmSync(join(mountPoint, "file"))).toThrow(/EROFS/);
    expect(readFileSync(join(mountPoint, "file"), "utf8")).toBe("text");
  });

  test("lets other users in with --allow-other only", async () => {
    const mounted = await start();
    const { mountPoint } = mounted;
    const user = ordinaryUser();
    await shell(`chmod 755 ${mounted.base}`);
    await expect(shell(`ls ${mountPoint}`, { user })).rejects.toThrow(/Permission denied/);
    await mounted.unmount();
    await mounted.mount(["--allow-other"]);
    expect(await shell(`ls ${mountPoint}`, { user })).toContain("workspace");
  });

  test("has the kernel's options of -o", async () => {
    const { mountPoint } = await start("-o", "noexec,suid", "-o", "noatime");
    const shown = (await shell(`findmnt -n -o VFS-OPTIONS ${mountPoint}`)).trim().split(",");
    expect(shown).toEqual(expect.arrayContaining(["rw", "nodev", "noexec", "noatime"]));
    expect(shown).not.toContain("nosuid");
  });
});

describe.skipIf(skipReason !== undefined)("the log", () => {
  test("is JSON lines in the data directory, for its owner only", async () => {
    const mounted = await start();
    const { pid, mountPoint, dataDir } = mounted;
    await mounted.unmount();
    const lines = mounted.log.trim().split("\n");
    const entries = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(entries[0]).toMatchObject({ level: 30, pid, msg: "mounted", mountPoint, dataDir });
    expect(entries.at(-1)).toMatchObject({ level: 30, pid, msg: "stopped" });
    expect(statSync(join(dataDir, "nexus-mount.log")).mode & 0o777).toBe(0o600);
  });

  test("goes to --log-file, and has as much as --log-level says", async () => {
    const mounted = await start("--log-file", "logs/nexus", "--log-level", "warn");
    const logFile = join(mounted.base, "logs/nexus");
    expect(readFileSync(logFile, "utf8")).toBe("");
    process.kill(mounted.pid, "SIGKILL");
    await mounted.mount(["-o", `log_file=${logFile},log_level=warn`]);
    const lines = readFileSync(logFile, "utf8").trim().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: 40, msg: "cleared a mount whose daemon was gone" },
    ]);
    expect(() => mounted.log).toThrow(/ENOENT/);
  });
});
