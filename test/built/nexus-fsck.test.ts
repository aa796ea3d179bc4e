import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { afterKill } from "../support/crash.js";
import { nexusMount } from "../support/daemon.js";
import { problemsIn } from "../support/data-directory.js";
import { openNexus } from "../support/stores.js";
import { testDir } from "../support/temp-dir.js";

const NEXUS = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
/** Too large for the log of small contents. */
const LARGE_BYTES = 200_000;

/** What a process leaves that is killed before it has sealed what was written. */
async function killedStore(): Promise<string> {
  const dataDir = join(testDir(), "data");
  mkdirSync(dataDir);
  const nexus = openNexus(dataDir);
  try {
    const { files } = nexus.featuresFor({ isAdmin: true });
    await files.write("/small", "small");
    await files.write("/large", Buffer.alloc(LARGE_BYTES, "large"));
    return afterKill(dataDir);
  } finally {
    await nexus.close({ drainMs: 10_000 });
  }
}

test("a repair seals what a killed process has left, which threads do that keep no process alive", async () => {
  const dataDir = await killedStore();
  const { code, stdout, stderr } = await nexusMount(["fsck", "--repair", "--data-dir", dataDir], {
    ...{ program: NEXUS, home: testDir() },
  });
  expect({ code, stderr }).toStrictEqual({ code: 0, stderr: "" });
  expect(stdout).toMatch(/^all is as it must be \(/);
  expect(problemsIn(dataDir)).toStrictEqual([]);
});
