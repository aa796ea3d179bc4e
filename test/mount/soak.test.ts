import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { whyNoMounts } from "../support/daemon.js";
import { testDir } from "../support/temp-dir.js";

const SCRIPTS = fileURLToPath(new URL("../../scripts", import.meta.url));
/** What `scripts/soak` runs once everything is built, as it is here. */
const SOAK = ["--import", `${SCRIPTS}/typescript.mjs`, `${SCRIPTS}/soaking/soak.mjs`];
/** The first round of this one ends with a kill. */
const SEED = "2";

test.skipIf(whyNoMounts() !== undefined)(
  "the soak works, kills, looks, and leaves nothing behind when nothing was lost",
  async () => {
    const dir = testDir();
    const options = ["--minutes", "0.01", "--seed", SEED, "--mounts", "1", "--dir", dir];
    const { stdout } = await promisify(execFile)(process.execPath, [...SOAK, ...options]);
    expect(stdout).toMatch(/^round 1: [1-9]\d* steps in .*, killed; .* [1-9]\d* things whole$/m);
    expect(stdout).toMatch(/^soak: nothing was lost in 1 rounds, 1 kills/m);
    expect(readdirSync(dir)).toStrictEqual([]);
  },
);
