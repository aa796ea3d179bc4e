import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { bytesOfLength } from "../support/bytes.js";
import { Mounted, shell, whyNoMounts } from "../support/daemon.js";
import { problemsIn } from "../support/data-directory.js";
import { isRunning, killNow, until } from "../support/processes.js";
import { testDir } from "../support/temp-dir.js";

const FILES_A_DIRECTORY = 25;
const SIZES = [0, 300, 5_000, 66_000, 250_000];

/** A tree in which each second file has the content of another one. */
function makeTree(): string {
  const root = join(testDir(), "tree");
  for (let directory = 0; directory < 12; directory++) {
    const path = join(root, `directory ${directory}`);
    mkdirSync(path, { recursive: true });
    for (let index = 0; index < FILES_A_DIRECTORY; index++) {
      const size = SIZES[index % SIZES.length] ?? 0;
      const seed = 1 + Math.floor((directory * FILES_A_DIRECTORY + index) / 2);
      writeFileSync(join(path, `file ${index}`), bytesOfLength(size, seed));
    }
  }
  return root;
}

async function start(): Promise<Mounted> {
  const mounted = await Mounted.start();
  onTestFinished(() => mounted.stop());
  return mounted;
}

/** Copies a tree; returns the files that cp had closed before the daemon was killed. */
async function copyUntilKilled(
  { tree, to }: { tree: string; to: string },
  { mounted, afterFiles }: { mounted: Mounted; afterFiles: number },
): Promise<string[]> {
  // A line for each file when it begins: when the next one begins, the file is closed.
  const copy = spawn("stdbuf", ["-oL", "cp", "-av", tree, to], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  let output = "";
  copy.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    output += chunk;
  });
  const closed = new Promise((resolve) => copy.once("close", resolve));
  const begun = () => output.split("\n").slice(0, -1);
  let before: string[];
  try {
    await until(`cp has begun ${afterFiles} files`, { holds: () => begun().length > afterFiles });
    // Not later: cp goes on, and names files that it can't copy any more.
    before = begun().slice(0, -1);
    await killNow(mounted.pid);
    await closed;
  } finally {
    copy.kill("SIGKILL");
  }
  return before.map((line) => line.replace(/^'(.*)' -> '.*'$/, "$1"));
}

describe.skipIf(whyNoMounts() !== undefined)("a daemon that is killed", () => {
  test("during a copy of a tree has every file whole that was closed, and the copy can go on", async () => {
    const mounted = await start();
    const { mountPoint, dataDir } = mounted;
    const tree = makeTree();
    for (const afterFiles of [20, 90, 210]) {
      const to = join(mountPoint, `copy ${afterFiles}`);
      const whole = await copyUntilKilled({ tree, to }, { mounted, afterFiles });
      expect(whole.length).toBeGreaterThanOrEqual(afterFiles);
      await mounted.mount();
      const pairs = whole.map(
        (from) => `[ -d '${from}' ] || cmp '${from}' '${from.replace(tree, to)}'`,
      );
      await shell(pairs.join("\n"));
    }
    await shell(`rm -r '${mountPoint}/copy 20'; cp -a '${tree}/.' '${mountPoint}/copy 90'`);
    await shell(`diff -r '${tree}' '${mountPoint}/copy 90'`);
    await mounted.unmount();
    expect(problemsIn(dataDir)).toStrictEqual([]);
  });

  test.each([[20], [120]])(
    "%i ms into its last sealing goes on with it at the next start",
    async (delayMs) => {
      const mounted = await start();
      const { mountPoint, dataDir, pid } = mounted;
      const tree = makeTree();
      await shell(`cp -a '${tree}' '${mountPoint}/tree'`);
      await shell(`umount '${mountPoint}'`);
      await setTimeout(delayMs);
      if (isRunning(pid)) await killNow(pid);

      await mounted.mount();
      // And once more, while it takes up what was left.
      await killNow(mounted.pid);
      await mounted.mount();
      await shell(`diff -r '${tree}' '${mountPoint}/tree'`);
      await mounted.unmount();
      expect(problemsIn(dataDir)).toStrictEqual([]);
    },
  );

  test("before anything was written at all leaves a store that works", async () => {
    const mounted = await start();
    await killNow(mounted.pid);
    await mounted.mount();
    await shell("echo text > file; cat file", { cwd: mounted.mountPoint });
    await mounted.unmount();
    expect(problemsIn(mounted.dataDir)).toStrictEqual([]);
  });
});
