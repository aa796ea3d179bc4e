import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { pruneBackups } from "../../../src/sdk/backup.js";
import { runCommand } from "../../cli/run-command.js";
import { makeStore } from "../../support/checked-store.js";
import { testDir } from "../../support/temp-dir.js";

// What keeps older snapshots from being removed takes nothing from the one that was made.

const { signal } = new AbortController();

/** `nexus backup`. */
async function backup(dataDir: string, ...args: string[]) {
  return await runCommand(["backup", ...args, "--data-dir", dataDir]);
}

function snapshotsIn(to: string): string[] {
  return readdirSync(join(to, "snapshots")).sort();
}

test.each([
  ["isn't as it was written", (path: string) => writeFileSync(path, "changed")],
  ["is missing", (path: string) => rmSync(path)],
])(
  "a kept snapshot whose database %s keeps the others, and is told of after the new one",
  async (trouble, spoil) => {
    const [dataDir, to] = [await makeStore(), testDir()];
    for (let count = 0; count < 2; count++) await backup(dataDir, to);
    const [, second = ""] = snapshotsIn(to);
    const database = join(to, "snapshots", second, "metadata.db");
    spoil(database);
    const why = `no snapshot was removed, as nobody knows what ${join(to, "snapshots", second)} has (${database} ${trouble}); mend its metadata.db, or remove the directory if it needn't be kept`;

    const said = await backup(dataDir, to, "--keep", "2");
    expect(said).toMatchObject({ code: 1, stderr: `nexus: ${why}\n` });
    expect(said.stdout).toMatch(/^Backed up 2 files .* 3 snapshots there\.\n$/);
    const json = await backup(dataDir, to, "--keep", "3", "--json");
    expect(json).toMatchObject({ code: 1, stderr: `nexus: ${why}\n` });
    expect(JSON.parse(json.stdout)).toMatchObject({
      removed: null,
      snapshots: 4,
      prune_failure: why,
    });
    const pruned = pruneBackups({ directory: to, keep: 3, signal });
    await expect(pruned).rejects.toMatchObject({ kind: "corrupt", message: why });
    expect(snapshotsIn(to)).toHaveLength(4);

    // As it is advised.
    rmSync(join(to, "snapshots", second), { recursive: true });
    const after = await backup(dataDir, to, "--keep", "1", "--json");
    expect(after).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(after.stdout)).toMatchObject({ snapshots: 1, prune_failure: null });
  },
);
