import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { appendFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import type { NexusClient } from "../../src/sdk/client.js";
import { connect } from "../../src/sdk/connect.js";
import { bytesOfLength } from "../support/bytes.js";
import { type Ended, Mounted, nexusMount, SOON, whyNoMounts } from "../support/daemon.js";
import { blobsOf, hashOf, problemsIn } from "../support/data-directory.js";
import { isRunning, killNow, until } from "../support/processes.js";
import { testDir } from "../support/temp-dir.js";

const NEXUS = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

async function nexus(...args: string[]): Promise<Ended> {
  return await nexusMount(args, { program: NEXUS });
}

async function start(): Promise<{ mounted: Mounted; to: string }> {
  const mounted = await Mounted.start();
  onTestFinished(() => mounted.stop());
  return { mounted, to: join(testDir(), "backups") };
}

async function backUp({ mounted, to }: { mounted: Mounted; to: string }): Promise<string> {
  const { code, stdout, stderr } = await nexus(
    "backup",
    to,
    "--json",
    "--data-dir",
    mounted.dataDir,
  );
  expect({ code, stderr }).toStrictEqual({ code: 0, stderr: "" });
  return (JSON.parse(stdout) as { snapshot: string }).snapshot;
}

/** Who has contents kept. */
async function holdsOf({ dataDir }: Mounted): Promise<unknown> {
  const { stdout } = await nexus("status", "--json", "--data-dir", dataDir);
  return (JSON.parse(stdout) as { holds: unknown }).holds;
}

/** A client of the restored store, which was found to be in order. */
async function restored(from: string, snapshot?: string): Promise<NexusClient> {
  const dataDir = join(testDir(), "restored");
  const named = snapshot === undefined ? [] : ["--snapshot", snapshot];
  const { code, stderr } = await nexus("restore", from, "--data-dir", dataDir, ...named);
  expect({ code, stderr }).toStrictEqual({ code: 0, stderr: "" });
  expect(problemsIn(dataDir)).toStrictEqual([]);
  const client = await connect({ dataDir });
  onTestFinished(() => client.close());
  return client;
}

async function textOf(client: NexusClient, path: string): Promise<string | undefined> {
  return (await client.exists(path)) ? (await client.read(path)).toString() : undefined;
}

/** How often each writer has begun a step, and ended one. */
interface Steps {
  begun: number;
  ended: number;
}

/** Repeats steps, the n-th with n, until it is told to stop. */
function repeat(step: (n: number) => Promise<void>): { steps: Steps; stop: () => Promise<void> } {
  const steps = { begun: 0, ended: 0 };
  let goesOn = true;
  const running = (async () => {
    while (goesOn) {
      steps.begun += 1;
      await step(steps.begun);
      steps.ended = steps.begun;
    }
  })();
  return {
    steps,
    stop: async () => {
      goesOn = false;
      await running;
    },
  };
}

/** The n-th version of a file, small or large. */
function version(n: number): string {
  return `${n}\n${"x".repeat(n % 3 === 0 ? 90_000 : n % 1000)}`;
}

describe.skipIf(whyNoMounts() !== undefined)("a backup", () => {
  test("beside writers is of one moment, with all that was closed before", async () => {
    const { mounted, to } = await start();
    const { mountPoint } = mounted;
    const client = await connect({ dataDir: mounted.dataDir });
    onTestFinished(() => client.close());
    for (const name of ["a", "b"]) mkdirSync(join(mountPoint, name));
    await writeFile(join(mountPoint, "a/moving"), "moving");
    const replace = async (name: string, text: string) => {
      await writeFile(join(mountPoint, `${name}.new`), text);
      await rename(join(mountPoint, `${name}.new`), join(mountPoint, name));
    };
    const replaced = repeat((n) => replace("replaced", version(n)));
    // The second is never ahead of the first, nor more than one behind.
    const paired = repeat(async (n) => {
      await replace("first", String(n));
      await replace("second", String(n));
    });
    const appended = repeat((n) => appendFile(join(mountPoint, "log"), `line ${n}\n`));
    const made = repeat((n) => writeFile(join(mountPoint, `a/made ${n}`), version(n)));
    const moved = repeat(async (n) => {
      const [from, into] = n % 2 === 0 ? ["b", "a"] : ["a", "b"];
      await rename(join(mountPoint, `${from}/moving`), join(mountPoint, `${into}/moving`));
    });
    const written = repeat(async (n) => {
      await client.write("/by client", version(n));
    });
    const writers = { replaced, paired, appended, made, moved, written };
    const snapshots: { id: string; before: Record<keyof typeof writers, number> }[] = [];
    try {
      await expect.poll(() => made.steps.ended, SOON).toBeGreaterThan(20);
      for (let round = 0; round < 2; round++) {
        const before = Object.fromEntries(
          Object.entries(writers).map(([name, { steps }]) => [name, steps.ended]),
        ) as (typeof snapshots)[number]["before"];
        snapshots.push({ before, id: await backUp({ mounted, to }) });
      }
    } finally {
      await Promise.all(Object.values(writers).map(({ stop }) => stop()));
    }
    expect(mounted.troubles).toStrictEqual([]);
    for (const { id, before } of snapshots) {
      const back = await restored(to, id);
      for (const [path, least] of [
        ["/replaced", before.replaced],
        ["/by client", before.written],
      ] as const) {
        const text = (await textOf(back, path)) ?? "";
        const n = Number.parseInt(text, 10);
        expect(text).toBe(version(n));
        expect(n).toBeGreaterThanOrEqual(least);
      }
      const [first, second] = [await textOf(back, "/first"), await textOf(back, "/second")];
      const apart = Number(first) - Number(second ?? 0);
      expect([0, 1]).toContain(apart);
      expect(Number(second)).toBeGreaterThanOrEqual(before.paired);
      const lines = ((await textOf(back, "/log")) ?? "").split("\n");
      expect(lines.length).toBeGreaterThan(before.appended);
      lines.slice(0, -1).forEach((line, index) => {
        expect(line).toBe(`line ${index + 1}`);
      });
      for (let n = 1; n <= before.made; n++)
        expect(await textOf(back, `/a/made ${n}`)).toBe(version(n));
      const places = await Promise.all(
        ["/a/moving", "/b/moving"].map((path) => textOf(back, path)),
      );
      expect(places.filter((text) => text === "moving")).toHaveLength(1);
    }
  });

  test("that is killed holds nothing up, and the next one goes on", async () => {
    const { mounted, to } = await start();
    const first = await backUp({ mounted, to });
    const stopped = await stoppedBackup({ mounted, to });
    expect(await holdsOf(mounted)).toMatchObject([
      { pid: stopped.pid, purpose: `a backup to ${to}` },
    ]);
    await killNow(stopped.pid);
    await expect.poll(() => holdsOf(mounted), SOON).toStrictEqual([]);
    expect(readdirSync(join(to, "snapshots"))).toStrictEqual([first]);
    // What it had held goes now, when its files do.
    const hash = hashOf(readFileSync(join(mounted.mountPoint, "f0")));
    for (const name of readdirSync(mounted.mountPoint)) {
      if (/^f/.test(name) && name !== "f1") await rm(join(mounted.mountPoint, name));
    }
    await expect
      .poll(() => blobsOf(mounted.dataDir).some((blob) => blob.hash === hash), SOON)
      .toBe(false);
    const second = await backUp({ mounted, to });
    expect(readdirSync(join(to, "snapshots"))).toStrictEqual([first, second]);
    expect((await textOf(await restored(to), "/f1"))?.length).toBeGreaterThan(0);
  });

  test("whose daemon is killed fails, and leaves the last snapshot whole", async () => {
    const { mounted, to } = await start();
    const first = await backUp({ mounted, to });
    const stopped = await stoppedBackup({ mounted, to });
    mounted.stopNow();
    await until("the daemon is gone", { holds: () => !isRunning(mounted.pid) });
    const { code, stderr } = await stopped.goOn();
    expect({ code, stderr }).toStrictEqual({ code: 1, stderr: expect.stringContaining("ended") });
    expect(readdirSync(join(to, "snapshots"))).toStrictEqual([first]);
    // Nobody has the store: the command opens it itself, and seals what was closed.
    await backUp({ mounted, to });
    expect(problemsIn(mounted.dataDir)).toStrictEqual([]);
    const back = await restored(to);
    for (let index = 0; index < FILES; index++) {
      expect((await back.read(`/f${index}`)).length).toBe(FILE_BYTES);
    }
  });

  test("keeps the daemon until it is done when the last mount ends meanwhile", async () => {
    const { mounted, to } = await start();
    const { pid, dataDir, mountPoint } = mounted;
    const stopped = await stoppedBackup({ mounted, to });
    const unmounting = mounted.run(["-u", mountPoint]);
    await until("it is unmounted", { holds: () => !mounted.isMounted });
    expect(isRunning(pid)).toBe(true);
    expect(await stopped.goOn()).toMatchObject({ code: 0, stderr: "" });
    expect(await unmounting).toMatchObject({ code: 0 });
    await until("the daemon has ended", { holds: () => !isRunning(pid) });
    expect(problemsIn(dataDir)).toStrictEqual([]);
    expect((await (await restored(to)).read("/f0")).length).toBe(FILE_BYTES);
  });
});

const FILES = 30;
const FILE_BYTES = 100_000;

/** A backup of some files that has begun, and was stopped when it had a part of what it needs. */
async function stoppedBackup({ mounted, to }: { mounted: Mounted; to: string }) {
  for (let index = 0; index < FILES; index++) {
    await writeFile(join(mounted.mountPoint, `f${index}`), bytesOfLength(FILE_BYTES, index + 1));
  }
  const args = [NEXUS, "backup", to, "--data-dir", mounted.dataDir];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const incoming = join(to, "incoming");
  const hasDatabase = () =>
    existsSync(incoming) &&
    readdirSync(incoming).some((id) => existsSync(join(incoming, id, "metadata.db")));
  await expect.poll(hasDatabase, { timeout: SOON.timeout, interval: 1 }).toBe(true);
  child.kill("SIGSTOP");
  return {
    pid: child.pid ?? 0,
    goOn: async () => {
      child.kill("SIGCONT");
      return { code: await ended, stderr };
    },
  };
}
