import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { Mounted, NEXUS_MOUNT, shell, whyNoMounts } from "../support/daemon.js";
import { isRunning, killNow, until } from "../support/processes.js";

const skipReason = whyNoMounts();

/** Prints what comes to a datagram socket, a line each: the part of a supervisor that Node can't play. */
const LISTENER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
while True: print(s.recv(4096).decode(), flush=True)
`;

function collect(child: ChildProcess): () => string[] {
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
  }
  return () => text.split("\n").filter((line) => line !== "");
}

/** A supervisor's socket, and what it heard. */
async function supervisor(base: string): Promise<{ path: string; heard: () => string[] }> {
  await shell(`mkdir -p ${base}`);
  const path = join(base, "notify");
  const script = join(base, "listener.py");
  writeFileSync(script, LISTENER);
  const listener = spawn("python3", [script, path]);
  onTestFinished(() => {
    listener.kill("SIGKILL");
  });
  await until("the supervisor listens", { holds: () => existsSync(path) });
  return { path, heard: collect(listener) };
}

function inForeground(
  { base, dataDir }: Mounted,
  { mountPoint, env = {} }: { mountPoint: string; env?: Record<string, string> },
): { daemon: ChildProcess; output: () => string[]; closed: Promise<unknown> } {
  const args = [NEXUS_MOUNT, "-f", mountPoint, "--data-dir", dataDir];
  const daemon = spawn(process.execPath, args, { env: { ...process.env, HOME: base, ...env } });
  onTestFinished(() => {
    daemon.kill("SIGKILL");
  });
  const closed = new Promise((resolve) => daemon.once("close", resolve));
  return { daemon, output: collect(daemon), closed };
}

function prepare(): Mounted {
  const mounted = Mounted.prepare();
  onTestFinished(async () => {
    await mounted.run(["-u", "--all", "--data-dir", mounted.dataDir]).catch(() => undefined);
    await mounted.stop();
  });
  return mounted;
}

describe.skipIf(skipReason !== undefined)("a supervised daemon", () => {
  test("says when it is ready, what it serves, that it is well, and that it stops", async () => {
    const mounted = prepare();
    const { path, heard } = await supervisor(mounted.base);
    const env = { NOTIFY_SOCKET: path, WATCHDOG_USEC: "200000" };
    const { mountPoint } = mounted;
    const { daemon, closed } = inForeground(mounted, { mountPoint, env });
    await until("it is ready", { holds: () => heard().includes("READY=1") });
    expect(mounted.isMounted).toBe(true);
    expect(heard()).toContain(`STATUS=serving ${mountPoint}`);
    const pings = () => heard().filter((line) => line === "WATCHDOG=1").length;
    const before = pings();
    await until("it is well", { holds: () => pings() > before + 2 });
    daemon.kill("SIGTERM");
    expect(await closed).toBe(0);
    expect(heard().filter((line) => line === "STOPPING=1")).toHaveLength(1);
  });
});

describe.skipIf(skipReason !== undefined)("a second nexus-mount in the foreground", () => {
  async function startTwo() {
    const mounted = prepare();
    await mounted.mount();
    const { path, heard } = await supervisor(mounted.base);
    const mountPoint = join(mounted.base, "second");
    const second = inForeground(mounted, { mountPoint, env: { NOTIFY_SOCKET: path } });
    await until("it is ready", { holds: () => heard().includes("READY=1") });
    expect(await shell("ls", { cwd: mountPoint })).toContain("workspace");
    return { ...second, mounted, mountPoint, heard };
  }

  test("stays until its mount ends, and says who serves it", async () => {
    const { mounted, mountPoint, output, closed } = await startTwo();
    expect(output().join("\n")).toContain("mounted by the daemon that was running");
    expect(mounted.pid).not.toBe(0);
    await mounted.run(["-u", mountPoint]);
    expect(await closed).toBe(0);
    expect(mounted.isMounted).toBe(true);
  });

  test("ends its mount alone when it is told to end", async () => {
    const { mounted, mountPoint, daemon, closed } = await startTwo();
    daemon.kill("SIGTERM");
    expect(await closed).toBe(0);
    expect(await shell(`findmnt -n ${mountPoint} || echo none`)).toBe("none\n");
    expect(mounted.isMounted).toBe(true);
  });

  test("finds its mount again when the daemon was started before it after a crash", async () => {
    const { mounted, mountPoint, closed } = await startTwo();
    await killNow(mounted.pid);
    expect(await closed).toBe(1);
    await mounted.mount();
    const { pid } = mounted;
    const again = inForeground(mounted, { mountPoint });
    await until("it waits for its mount", {
      holds: () => again.output().join("\n").includes("mounted by the daemon that was running"),
    });
    await mounted.run(["-u", mountPoint]);
    expect(await again.closed).toBe(0);
    expect(mounted).toMatchObject({ pid, isMounted: true });
  });

  test.each([
    ["is told to end", "SIGTERM"],
    ["crashes", "SIGKILL"],
  ] as const)(
    "fails when the daemon %s, so that somebody starts it again",
    async (_how, signal) => {
      const { mounted, mountPoint, closed } = await startTwo();
      const { pid } = mounted;
      if (signal === "SIGKILL") await killNow(pid);
      else process.kill(pid, signal);
      expect(await closed).toBe(1);
      await until("the daemon has ended", { holds: () => !isRunning(pid) });
      const again = inForeground(mounted, { mountPoint });
      await until("it serves by itself", {
        holds: () => again.output().join("\n").includes(": mounted"),
      });
      expect(mounted.pid).toBe(again.daemon.pid);
      again.daemon.kill("SIGTERM");
      expect(await again.closed).toBe(0);
    },
  );
});
