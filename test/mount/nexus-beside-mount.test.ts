import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync, readdirSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connect } from "../../src/sdk/connect.js";
import { type Ended, Mounted, nexusMount, shell, whyNoMounts } from "../support/daemon.js";
import { idleTicks } from "../support/processes.js";

const NEXUS = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const LOAD = fileURLToPath(new URL("mixed-load.py", import.meta.url));
const LOAD_SECONDS = 8;

describe.skipIf(whyNoMounts() !== undefined)("beside two mounts of a store", () => {
  let mounted: Mounted;
  let second: string;

  beforeAll(async () => {
    mounted = await Mounted.start({ args: ["--tenant", "acme", "--agent", "one"] });
    second = join(mounted.base, "second");
    const args = ["--data-dir", mounted.dataDir, "--tenant", "acme", "--agent", "two"];
    expect(await mounted.run([second, ...args])).toMatchObject({ code: 0 });
  });

  afterAll(async () => {
    await mounted?.run(["-u", second]);
    await mounted?.stop();
  });

  const nexus = (args: readonly string[], cwd = mounted.base): Promise<Ended> =>
    nexusMount([...args], { program: NEXUS, cwd, home: mounted.base });
  const onStore = (...args: readonly string[]) => nexus([...args, "--data-dir", mounted.dataDir]);

  test("a command works on the same files, by their names here and there", async () => {
    await shell("mkdir -p jobs; echo text > jobs/a", { cwd: mounted.mountPoint });
    const text = { code: 0, stdout: "text\n", stderr: "" };
    expect(await onStore("cat", "/jobs/a")).toStrictEqual(text);
    expect(await nexus(["cat", join(second, "jobs/a")])).toStrictEqual(text);
    expect(await nexus(["cat", "a"], join(mounted.mountPoint, "jobs"))).toStrictEqual(text);
  });

  test("ls, cp, rm and work status of a busy mount say what is, and are seen at once", async () => {
    const { mountPoint } = mounted;
    await shell("mkdir -p busy; echo 1 > busy/a; setfattr -n user.status -v ready busy/a", {
      cwd: mountPoint,
    });
    const writer = spawn("bash", ["-c", "while :; do echo x > busy/noise; rm busy/noise; done"], {
      cwd: mountPoint,
      stdio: "ignore",
    });
    try {
      expect(existsSync(join(second, "busy/b"))).toBe(false);
      expect(await onStore("cp", "/busy/a", "/busy/b")).toMatchObject({ code: 0 });
      expect(existsSync(join(second, "busy/b"))).toBe(true);
      const { stdout } = await onStore("ls", "/busy");
      expect(stdout.split("\n").filter((name) => name !== "noise")).toStrictEqual(["a", "b", ""]);
      const status = JSON.parse((await onStore("work", "status", "--json")).stdout);
      expect(status).toMatchObject({ ready: 1 });
      expect(await onStore("rm", "/busy/b")).toMatchObject({ code: 0 });
      expect(readdirSync(join(second, "busy"))).not.toContain("b");
    } finally {
      await ended(writer);
    }
  });

  test("tail -f follows what another mount and a command append", async () => {
    const { mountPoint } = mounted;
    await shell("echo first > log", { cwd: mountPoint });
    const tail = spawn("tail", ["-f", "-s", "0.1", "log"], { cwd: mountPoint });
    const lines = createInterface({ input: tail.stdout })[Symbol.asyncIterator]();
    try {
      expect((await lines.next()).value).toBe("first");
      await shell("echo from the other mount >> log", { cwd: second });
      expect((await lines.next()).value).toBe("from the other mount");
      await shell(
        `echo from a command | ${process.execPath} ${NEXUS} write --append --data-dir ${mounted.dataDir} /log -`,
      );
      expect((await lines.next()).value).toBe("from a command");
      await shell("echo and from here >> log", { cwd: mountPoint });
      expect((await lines.next()).value).toBe("and from here");
    } finally {
      await ended(tail);
    }
  });

  test("a name that was looked up and absent is there as soon as somebody makes it", async () => {
    const client = await connect({ dataDir: mounted.dataDir, tenantId: "acme" });
    try {
      for (let round = 0; round < 20; round++) {
        const [here, there] = [mounted.mountPoint, second].map((at) => join(at, `new${round}`));
        expect([here, there].map((path) => existsSync(path ?? ""))).toStrictEqual([false, false]);
        if (round % 2 === 0) closeSync(openSync(there ?? "", "w"));
        else await client.write(`/new${round}`, "");
        expect([here, there].map((path) => existsSync(path ?? ""))).toStrictEqual([true, true]);
      }
    } finally {
      await client.close();
    }
  });

  test("what two mounts append to one file that stays open is all there", () => {
    const [here, there] = [mounted.mountPoint, second].map((at) => openSync(join(at, "both"), "a"));
    try {
      for (let round = 0; round < 100; round++) {
        for (const fd of [here, there]) writeSync(fd ?? -1, `line ${round}\n`);
      }
    } finally {
      for (const fd of [here, there]) closeSync(fd ?? -1);
    }
    const expected = Array.from({ length: 100 }, (_, round) => `line ${round}\n`.repeat(2)).join(
      "",
    );
    expect(statSync(join(second, "both")).size).toBe(expected.length);
  });

  test("mixed load on all faces brings no error, the same views, and then rest", async () => {
    const { mountPoint, pid, dataDir } = mounted;
    await shell("mkdir load", { cwd: mountPoint });
    const client = await connect({ dataDir });
    try {
      const workers = [mountPoint, second, mountPoint, second].map((at, index) =>
        shell(`python3 '${LOAD}' load ${index} ${LOAD_SECONDS}`, { cwd: at }),
      );
      const deadline = performance.now() + LOAD_SECONDS * 1000;
      for (let round = 0; performance.now() < deadline; round++) {
        const path = `/load/client${round % 20}`;
        await client.write(path, "x".repeat(round % 7000));
        await client.metadata.set(path, "round", round);
        await client.list({ prefix: "/load" });
        if (round % 3 === 0) await client.delete(path);
      }
      expect(await Promise.all(workers)).toStrictEqual(workers.map(() => ""));
    } finally {
      await client.close();
    }
    const listing = "cd load; find . -printf '%p %i %y %m %n %s %T@ %C@\\n' | sort; md5sum -- * ";
    const views = await Promise.all([mountPoint, second].map((cwd) => shell(listing, { cwd })));
    expect(views[1]).toBe(views[0]);
    expect(await idleTicks(pid, { withinMs: 20_000 })).toBe(0);
  });
});

async function ended(child: ChildProcess): Promise<void> {
  child.kill();
  if (child.exitCode === null && child.signalCode === null) await once(child, "close");
}
