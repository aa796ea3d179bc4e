import { resolve } from "node:path";
import type { Command } from "commander";
import { loadConfig } from "../../config/load.js";
import { NexusError } from "../../model/errors.js";
import type { RestoreResult, Snapshot, Snapshots } from "../../sdk/restore.js";
import { printDamage } from "../damage.js";
import { addExamples } from "../example.js";
import type { Frame } from "../frame.js";
import { requestOf } from "../global-options.js";
import { counted, humanSize, humanTime } from "../terminal/human.js";
import { printJson } from "../terminal/json.js";
import { BytesBar } from "../terminal/progress.js";
import { printTable } from "../terminal/table.js";

interface Options {
  readonly snapshot?: string;
  readonly list?: boolean;
  readonly json?: boolean;
}

/** `nexus restore`: a store from a snapshot that `nexus backup` made. */
export function addRestoreCommand(program: Command, frame: Frame): void {
  const command = program
    .command("restore")
    .description("make a store of a backup, in the empty directory that --data-dir names")
    .argument("<dir>", "the directory of backups, on the host")
    .option("--snapshot <id>", "this one (default: the newest)")
    .option("--list", "only say which snapshots there are")
    .option("--json", "print it as JSON")
    .action((given: string, { snapshot, list, json = false }: Options, command: Command) =>
      frame.withSignal(async ({ signal, progress }) => {
        const cwd = frame.surroundings.cwd();
        const directory = resolve(cwd, given);
        const { listSnapshots, restore } = await import("../../sdk/restore.js");
        if (list === true) {
          return await printSnapshots(frame, { snapshots: await listSnapshots(directory), json });
        }
        const { settings: explicit, configPath } = requestOf(command);
        if (!explicit.has("data_dir")) {
          const message = "--data-dir has to say where the store is to be";
          throw new NexusError("invalid-argument", message);
        }
        // Who mounts it with the same settings looks for the database where they say.
        const config = loadConfig({ explicit, configPath, face: "command", cwd });
        const { dataDir, dbPath: databasePath } = config;
        const bar = new BytesBar({ label: "restoring", progress });
        const result = await restore({
          ...{ directory, snapshot, dataDir, databasePath, signal },
          onPlan: ({ bytes }) => bar.begin(bytes),
          onProgress: ({ bytes }) => bar.update(bytes),
        });
        bar.stop();
        if (json) await printJson(frame.output, { dataDir, ...result });
        else await printResult(frame, { dataDir, result });
        await printDamage(frame, { damaged: result.damaged, of: "backup" });
      }),
    );
  addExamples(command, [
    "nexus restore /mnt/backup/nexus --data-dir /srv/nexus",
    "nexus restore /mnt/backup/nexus --list",
  ]);
}

async function printResult(
  { output }: Frame,
  { dataDir, result }: { dataDir: string; result: RestoreResult },
): Promise<void> {
  const { files, bytes, takenAt } = result;
  const all = `${counted(files, "file")} (${humanSize(bytes)})`;
  await output.line(`Restored ${all} to ${output.foreign(dataDir)}, as they were at ${takenAt}.`);
}

async function printSnapshots(
  frame: Frame,
  { snapshots, json }: { snapshots: Snapshots; json: boolean },
): Promise<void> {
  const { readable, unreadable } = snapshots;
  if (json) {
    await printJson(frame.output, [
      ...readable.map(({ id, manifest }) => ({ id, ...manifest })),
      ...unreadable.map(({ id, failure }) => ({ id, unreadable: failure.message })),
    ]);
  } else await printTableOf(frame, readable);
  for (const { id, failure } of unreadable) {
    const message = `${id}: this snapshot can't be read: ${failure.message}`;
    await frame.complain(new NexusError(failure.kind, message));
  }
}

async function printTableOf(
  { output, surroundings }: Frame,
  snapshots: readonly Snapshot[],
): Promise<void> {
  const now = surroundings.now();
  const alignment = "right" as const;
  const isOfSeveral = new Set(snapshots.map(({ manifest }) => manifest.dataDir)).size > 1;
  await printTable<Snapshot>(output, {
    columns: [
      { title: "SNAPSHOT", value: ({ id }) => id },
      { title: "TAKEN", value: ({ manifest }) => humanTime(new Date(manifest.takenAt), now) },
      { title: "FILES", alignment, value: ({ manifest }) => String(manifest.files) },
      { title: "SIZE", alignment, value: ({ manifest }) => humanSize(manifest.bytes) },
      { title: "DAMAGED", alignment, value: ({ manifest }) => String(manifest.damaged) },
      ...(isOfSeveral
        ? [{ title: "DATA DIRECTORY", value: ({ manifest }: Snapshot) => manifest.dataDir }]
        : []),
    ],
    rows: snapshots,
  });
}
