import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { launch } from "../../src/daemon/launch.js";
import { isRunning, until } from "../support/processes.js";
import { testDir } from "../support/temp-dir.js";

/** A program in the place of the daemon; `say` tells the one who started it. */
function daemonOf(script: string): { program: string; directory: string } {
  const directory = testDir();
  const program = join(directory, "daemon.mjs");
  writeFileSync(program, `const say = (message) => process.send(message);\n${script}\n`);
  return { program, directory };
}

async function start(program: string): Promise<{ heard: string[]; end: unknown }> {
  const heard: string[] = [];
  const onWait = (message: string) => heard.push(message);
  const end = await launch(program, { args: [], onWait }).catch((error: unknown) => error);
  return { heard, end };
}

test("a daemon that ends without a word is reported, with how to see why", async () => {
  const { end } = await start(daemonOf("process.exit(3)").program);
  expect(end).toMatchObject({
    kind: "internal",
    message: "the daemon ended before it had mounted (exit code 3); run it with -f to see why",
  });
});

test("what a daemon waits for is passed on, and why it failed", async () => {
  const { heard, end } = await start(
    daemonOf(`say({ state: "waiting", message: "for process 1" });
      say({ state: "failed", kind: "in-use", message: "it is in use" });`).program,
  );
  expect(heard).toStrictEqual(["for process 1"]);
  expect(end).toMatchObject({ kind: "in-use", message: "it is in use" });
});

test("a daemon whose mount doesn't answer is stopped", async () => {
  const { program, directory } = daemonOf(`
    import { writeFileSync } from "node:fs";
    const mountPoint = import.meta.dirname + "/absent";
    writeFileSync(import.meta.dirname + "/pid", String(process.pid));
    say({ state: "ready", serving: { mountPoint, dataDir: "/data", pid: process.pid } });
    setInterval(() => undefined, 1000);`);
  const { end } = await start(program);
  expect(end).toMatchObject({
    kind: "io-failure",
    message: expect.stringMatching(/^the mount doesn't answer: ENOENT/),
  });
  const pid = Number(readFileSync(join(directory, "pid"), "utf8"));
  await until("it has ended", { holds: () => !isRunning(pid) });
});
