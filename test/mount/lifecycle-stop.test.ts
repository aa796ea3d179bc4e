import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { ordinaryUser } from "../conformance/ordinary-user.js";
import { Mounted, type MountOptions, NEXUS_MOUNT, shell, whyNoMounts } from "../support/daemon.js";
import { blobsOf, hashOf, problemsIn } from "../support/data-directory.js";
import { MOUNT_USERS } from "../support/mount-users.js";
import { cpuTicks, isRunning, killNow, until } from "../support/processes.js";

const skipReason = whyNoMounts();

async function start(options: MountOptions = {}): Promise<Mounted> {
  const mounted = await Mounted.start(options);
  onTestFinished(() => mounted.stop());
  return mounted;
}

async function hasEnded(pid: number): Promise<void> {
  await until(`daemon ${pid} has ended`, { holds: () => !isRunning(pid), timeoutMs: 40_000 });
}

/** What is left when a daemon has ended in order. */
async function expectCleanEnd(mounted: Mounted, texts: readonly string[]): Promise<void> {
  expect(mounted.isMounted).toBe(false);
  expect(problemsIn(mounted.dataDir)).toStrictEqual([]);
  expect(blobsOf(mounted.dataDir).map(({ hash }) => hash)).toEqual(
    expect.arrayContaining(texts.map(hashOf)),
  );
  await shell(`flock --nonblock ${mounted.dataDir}/lock true`);
  const lines = mounted.log.trim().split("\n");
  expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({ msg: "stopped", level: 30 });
}

const SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP"] as const;
const WAYS: readonly { way: string; stop: (mounted: Mounted) => Promise<unknown> }[] = [
  ...SIGNALS.map((signal) => ({
    way: signal,
    stop: async ({ pid }: Mounted) => process.kill(pid, signal),
  })),
  {
    way: "fusermount3 -u",
    stop: ({ mountPoint, user }) =>
      shell(`fusermount3 -u ${mountPoint}`, user === undefined ? {} : { user }),
  },
];

describe.skipIf(skipReason !== undefined)("a daemon", () => {
  // The signals differ in their number only, so one is enough for the second user.
  const cases = MOUNT_USERS.flatMap(([who, as]) =>
    WAYS.filter(({ way }) => who === "root" || !/INT|HUP/.test(way)).map(
      ({ way, stop }) => [who, way, { as, stop }] as const,
    ),
  );
  test.each(cases)(
    "of %s ends by %s with all contents sealed, and leaves nothing",
    async (_who, _way, { as, stop }) => {
      const mounted = await start(as);
      const { pid, mountPoint } = mounted;
      const script = "mkdir -p a/b; printf one > a/b/one; printf two > two; printf two > same";
      await shell(script, { cwd: mountPoint, ...as });
      await stop(mounted);
      await hasEnded(pid);
      await expectCleanEnd(mounted, ["one", "two"]);
    },
  );

  test("that nobody stops uses no processor time", async () => {
    const mounted = await start();
    const { pid, mountPoint } = mounted;
    writeFileSync(join(mountPoint, "file"), "text");
    // First it seals what was written, which ends with the blob and the row that names it.
    await until("the content is sealed", {
      holds: () => blobsOf(mounted.dataDir).some(({ hash }) => hash === hashOf("text")),
    });
    await settled(pid);
    const before = cpuTicks(pid);
    await shell("sleep 2");
    expect(cpuTicks(pid) - before).toBeLessThanOrEqual(1);
  });

  test("ends within seconds although its mount is in use, and nothing written is lost", async () => {
    const mounted = await start();
    const { pid, mountPoint } = mounted;
    const fd = openSync(join(mountPoint, "file"), "w");
    try {
      writeSync(fd, "written before the end");
      const before = performance.now();
      process.kill(pid, "SIGTERM");
      await until("the mount is detached", { holds: () => !mounted.isMounted });
      await hasEnded(pid);
      // Three for those who use it, and what a busy machine adds.
      expect(performance.now() - before).toBeLessThan(15_000);
      expect(() => writeSync(fd, "more")).toThrow(/ENOTCONN/);
    } finally {
      closeDead(fd);
    }
    await mounted.mount();
    expect(readFileSync(join(mountPoint, "file"), "utf8")).toBe("written before the end");
    await mounted.unmount();
    await expectCleanEnd(mounted, ["written before the end"]);
  });

  test("that was detached before ends all the same, and not the daemon that is now at its place", async () => {
    const mounted = await start();
    const { pid, mountPoint, base } = mounted;
    const fd = openSync(join(mountPoint, "file"), "w");
    try {
      await mounted.run(["-u", "--lazy", mountPoint]);
      const other = await mounted.run([mountPoint, "--data-dir", join(base, "other")]);
      expect(other).toMatchObject({ code: 0, stderr: "" });
      process.kill(pid, "SIGTERM");
      await hasEnded(pid);
      expect(() => writeSync(fd, "more")).toThrow(/ENOTCONN/);
      expect(await shell("ls", { cwd: mountPoint })).toContain("workspace");
    } finally {
      closeDead(fd);
    }
  });

  test("is waited for, with a word about it, by the next one of its data directory", async () => {
    const mounted = await start();
    const { pid, mountPoint, dataDir } = mounted;
    const fd = openSync(join(mountPoint, "file"), "w");
    try {
      await mounted.run(["-u", "--lazy", mountPoint]);
      const next = startInForeground(mounted);
      const output = collectOutput(next);
      await until("it says so", { holds: () => output() !== "" });
      expect(output()).toBe(
        `nexus-mount: waiting for process ${pid}, which has ${dataDir} and no mount\n`,
      );
      closeSync(fd);
      await until("it is mounted", { holds: () => output().includes("mounted") });
      next.kill("SIGTERM");
      expect(await new Promise((resolve) => next.once("close", resolve))).toBe(0);
    } finally {
      closeDead(fd);
    }
  });

  test("below another mount ends, and leaves that one alone", async () => {
    const mounted = await start();
    const { pid, mountPoint } = mounted;
    await shell(`mount -t tmpfs tmpfs ${mountPoint}`);
    try {
      process.kill(pid, "SIGTERM");
      await hasEnded(pid);
      expect(await shell(`stat -f -c %T ${mountPoint}`)).toBe("tmpfs\n");
      expect(mounted.log).toContain("another mount covers it");
    } finally {
      await shell(`umount ${mountPoint}`);
    }
  });

  test("ends at once at the second signal, and the next one takes up what was left", async () => {
    const mounted = await start();
    const { pid, mountPoint } = mounted;
    const fd = openSync(join(mountPoint, "file"), "w");
    try {
      writeSync(fd, "text");
      process.kill(pid, "SIGTERM");
      await until("the mount is detached", { holds: () => !mounted.isMounted });
      const before = performance.now();
      process.kill(pid, "SIGTERM");
      await hasEnded(pid);
      // Well before those who use the mount would have been cut off.
      expect(performance.now() - before).toBeLessThan(2000);
    } finally {
      closeDead(fd);
    }
    await mounted.mount();
    expect(readFileSync(join(mountPoint, "file"), "utf8")).toBe("text");
  });

  test("leaves no mount behind when the signal comes as soon as there is one", async () => {
    const mounted = Mounted.prepare();
    onTestFinished(() => mounted.stop());
    const daemon = startInForeground(mounted);
    const closed = new Promise((resolve) => daemon.once("close", resolve));
    // Without a pause: the moment between mount(2) and the first answer is short.
    const deadline = performance.now() + 20_000;
    while (!mounted.isMounted && performance.now() < deadline);
    daemon.kill("SIGTERM");
    expect(await closed).toBe(0);
    expect(mounted.isMounted).toBe(false);
    expect(problemsIn(mounted.dataDir)).toStrictEqual([]);
  });

  test("in the foreground says that it is mounted, also when its log goes to a file", async () => {
    const mounted = Mounted.prepare();
    onTestFinished(() => mounted.stop());
    const { base, mountPoint, dataDir } = mounted;
    const daemon = startInForeground(mounted, ["--log-file", join(base, "log")]);
    const output = collectOutput(daemon);
    await until("it is mounted", { holds: () => output() !== "" });
    expect(output()).toBe(
      `nexus-mount: ${dataDir} is mounted at ${mountPoint} (pid ${daemon.pid})\n`,
    );
    // What somebody can mend is told in one line, and no log beside it.
    const asked = ["-f", join(base, "second"), "--data-dir", dataDir, "-o", "noatime"];
    const second = await mounted.run(asked);
    expect(second.stderr).toMatch(
      /^nexus-mount: .* is served by process \d+ with another 'atime'.*\n$/,
    );
    expect(readdirSync(base)).not.toContain("second");
    daemon.kill("SIGTERM");
    expect(await new Promise((resolve) => daemon.once("close", resolve))).toBe(0);
  });

  test.each(["SIGTERM", "SIGINT"] as const)(
    "in the foreground logs to the terminal, and exits with 0 after %s",
    async (signal) => {
      const mounted = Mounted.prepare();
      onTestFinished(() => mounted.stop());
      const { mountPoint, dataDir } = mounted;
      const daemon = startInForeground(mounted);
      const output = collectOutput(daemon);
      await until("it is mounted", { holds: () => output().includes("mounted") });
      writeFileSync(join(mountPoint, "file"), "text");
      daemon.kill(signal);
      const code = await new Promise((resolve) => daemon.once("close", resolve));
      expect(code).toBe(0);
      expect(output()).toMatch(/INFO.*: mounted(.|\n)*INFO.*: stopping(.|\n)*INFO.*: stopped/);
      expect(problemsIn(dataDir)).toStrictEqual([]);
      await expect(shell(`ls ${dataDir}/nexus-mount.log`)).rejects.toThrow(/No such file/);
    },
  );
});

describe.skipIf(skipReason !== undefined)("nexus-mount -u", () => {
  test("waits until the daemon is gone and everything is on disk", async () => {
    const mounted = await start();
    const { pid, mountPoint } = mounted;
    writeFileSync(join(mountPoint, "file"), "text");
    const ended = await mounted.run(["-u", mountPoint]);
    const problems = problemsIn(mounted.dataDir);
    expect(ended).toStrictEqual({
      code: 0,
      stdout: `nexus-mount: unmounted ${mountPoint}\n`,
      stderr: "",
    });
    expect(problems).toStrictEqual([]);
    await hasEnded(pid);
    await expectCleanEnd(mounted, ["text"]);
  });

  test("refuses while a file is open, says so in one line, and detaches with --lazy", async () => {
    const mounted = await start();
    const { pid, mountPoint } = mounted;
    const fd = openSync(join(mountPoint, "file"), "w");
    try {
      const refused = await mounted.run(["-u", mountPoint]);
      expect(refused).toMatchObject({ code: 1, stdout: "" });
      expect(refused.stderr).toMatch(/^nexus-mount: \S+ is in use: .*--lazy\n$/);
      expect(mounted.isMounted).toBe(true);

      const lazy = await mounted.run(["--unmount", "--lazy", mountPoint]);
      expect(lazy).toMatchObject({ code: 0, stderr: "" });
      expect(lazy.stdout).toMatch(new RegExp(`detached \\S+; process ${pid} serves it until`));
      expect(mounted.isMounted).toBe(false);
      writeSync(fd, "those who have it open go on");
      closeSync(fd);
    } finally {
      closeDead(fd);
    }
    await hasEnded(pid);
    await expectCleanEnd(mounted, ["those who have it open go on"]);
  });

  test("says why the daemon that it waited for didn't end well", async () => {
    const mounted = await start();
    const { mountPoint, dataDir, pid } = mounted;
    await killNow(pid);
    // In the place of the daemon: it has the lock, and notes at its end what went wrong.
    const holder = spawn("flock", [join(dataDir, "lock"), "sh", "-c", "echo held; read -r _"]);
    onTestFinished(() => {
      holder.kill("SIGKILL");
    });
    await new Promise((resolve) => holder.stdout.once("data", resolve));
    const ending = mounted.run(["-u", mountPoint]);
    await until("it is unmounted", { holds: () => !mounted.isMounted });
    const note = { pid, mountPoint, hasEnded: true, failure: "the disk is gone" };
    writeFileSync(join(dataDir, "lock"), JSON.stringify(note));
    holder.stdin.end("\n");
    expect(await ending).toStrictEqual({
      code: 1,
      stdout: "",
      stderr: `nexus-mount: unmounted, but the daemon ended with an error: the disk is gone; what was acknowledged is in ${dataDir} and comes back at the next mount\n`,
    });
  });

  test("says that the daemon that it waited for is gone without a word", async () => {
    const mounted = await start();
    const { mountPoint, dataDir, pid } = mounted;
    await killNow(pid);
    const holder = spawn("flock", [join(dataDir, "lock"), "sh", "-c", "echo held; read -r _"]);
    onTestFinished(() => {
      holder.kill("SIGKILL");
    });
    await new Promise((resolve) => holder.stdout.once("data", resolve));
    const ending = mounted.run(["-u", mountPoint]);
    await until("it is unmounted", { holds: () => !mounted.isMounted });
    holder.stdin.end("\n");
    expect(await ending).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /^nexus-mount: unmounted, but the daemon \(process \d+\) is gone without a word of how it ended.*\n$/,
      ),
    });
  });

  test("of an ordinary user says whose a mount is that isn't theirs", async () => {
    const mounted = await start({ args: ["--allow-other"] });
    await shell(`chmod 755 ${mounted.base}`);
    const ended = await mounted.run(["-u", mounted.mountPoint], { user: ordinaryUser(), cwd: "/" });
    expect(ended).toStrictEqual({
      code: 1,
      stdout: "",
      stderr: `nexus-mount: ${mounted.mountPoint} was mounted by root: only root can unmount it\n`,
    });
    expect(mounted.isMounted).toBe(true);
  });

  test("says where nothing is mounted", async () => {
    const mounted = Mounted.prepare();
    onTestFinished(() => mounted.stop());
    expect(await mounted.run(["-u", mounted.mountPoint])).toStrictEqual({
      code: 1,
      stdout: "",
      stderr: `nexus-mount: no Nexus namespace is mounted at ${mounted.mountPoint}\n`,
    });
    expect(await mounted.run(["-u", "/"])).toMatchObject({
      code: 1,
      stderr: "nexus-mount: no Nexus namespace is mounted at /\n",
    });
  });
});

test.skipIf(skipReason !== undefined)(
  "a command that is interrupted before it has mounted leaves no mount and no daemon",
  async () => {
    const mounted = Mounted.prepare();
    const { mountPoint, dataDir, base } = mounted;
    onTestFinished(() => mounted.stop());
    const args = [NEXUS_MOUNT, mountPoint, "--data-dir", dataDir];
    const command = spawn(process.execPath, args, { env: { ...process.env, HOME: base } });
    let printed = "";
    command.stdout.on("data", (chunk: Buffer) => {
      printed += chunk.toString("utf8");
    });
    // The daemon has only just begun when it takes the data directory.
    await until("the daemon has begun", { holds: () => lockHolder(mounted) !== undefined });
    command.kill("SIGINT");
    const daemon = lockHolder(mounted) ?? 0;
    await hasEnded(daemon);
    expect(printed).toBe("");
    expect(mounted.isMounted).toBe(false);
    await shell(`flock --nonblock ${dataDir}/lock true`);
  },
);

/** The process that has taken the data directory, once it has said so. */
function lockHolder({ dataDir }: Mounted): number | undefined {
  try {
    return (JSON.parse(readFileSync(join(dataDir, "lock"), "utf8")) as { pid: number }).pid;
  } catch {
    return undefined; // not there yet, or half written
  }
}

function startInForeground(
  { mountPoint, dataDir, base }: Mounted,
  options: readonly string[] = [],
): ChildProcess {
  const args = [NEXUS_MOUNT, "--foreground", mountPoint, "--data-dir", dataDir, ...options];
  const daemon = spawn(process.execPath, args, { env: { ...process.env, HOME: base } });
  onTestFinished(() => {
    daemon.kill("SIGKILL");
  });
  return daemon;
}

/** Waits until a daemon has been still for a moment: background work is done. */
async function settled(pid: number): Promise<void> {
  let ticks = -1;
  let since = performance.now();
  await until("the daemon is still", {
    holds: () => {
      const now = cpuTicks(pid);
      if (now !== ticks) since = performance.now();
      ticks = now;
      return performance.now() - since > 500;
    },
  });
}

function collectOutput(child: ChildProcess): () => string {
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
  }
  return () => text;
}

function closeDead(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // closed already, or the mount that it is on can't answer
  }
}
