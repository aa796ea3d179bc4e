import { resolve } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { loadConfig } from "../../config/load.js";
import { NexusError } from "../../model/errors.js";
import type { BackupResult } from "../../sdk/backup.js";
import { printDamage, printLacking } from "../damage.js";
import { addExamples } from "../example.js";
import type { Frame } from "../frame.js";
import { counted, humanSize } from "../terminal/human.js";
import { printJson } from "../terminal/json.js";
import { BytesBar } from "../terminal/progress.js";

interface Options {
  readonly keep?: number;
  readonly prune?: boolean;
  readonly verify?: boolean;
  readonly json?: boolean;
}

interface PruneRequest {
  readonly directory: string;
  readonly keep: number | undefined;
  readonly verify: boolean;
  readonly json: boolean;
  readonly signal: AbortSignal;
}

/** `nexus backup`: a snapshot of the store, while its mounts go on. */
export function addBackupCommand(program: Command, frame: Frame): void {
  const command = program
    .command("backup")
    .description("copy the store as it is now to a directory, with what is new since the last time")
    .argument("<dir>", "the directory of backups, on the host")
    .option(
      "--keep <n>",
      "keep the newest n snapshots of a data directory, and remove its others",
      parseCount,
    )
    .option(
      "--prune",
      "only remove what --keep leaves out, and what no snapshot needs: none is made",
    )
    .option("--verify", "also read what was copied before, and copy anew what is damaged")
    .option("--json", "print what was done as JSON")
    .action(
      (
        directory: string,
        { keep, prune, verify = false, json = false }: Options,
        command: Command,
      ) =>
        frame.withSignal(async ({ signal, progress }) => {
          if (prune === true) {
            return await pruneOnly(frame, { directory, keep, verify, json, signal });
          }
          const { settings: explicit, configPath } = frame.locate(command);
          const { cwd, control, readMounts } = frame.surroundings;
          const config = loadConfig({ explicit, configPath, face: "command", cwd: cwd() });
          const { patienceOf, requireStore } = await import("../open-client.js");
          const { backUp } = await import("../../sdk/backup.js");
          requireStore(config);
          const bar = new BytesBar({ label: "backing up", progress });
          const result = await backUp({
            ...{ config, control, directory: resolve(cwd(), directory), keep, verify, signal },
            mounts: readMounts(),
            patience: patienceOf({ signal, onWait: (message) => void frame.say(message) }),
            onPlan: ({ bytes }) => bar.begin(bytes),
            onProgress: ({ bytes }) => bar.update(bytes),
          });
          bar.stop();
          const { pruneFailure, ...made } = result;
          if (json) {
            const why = pruneFailure?.message;
            await printJson(frame.output, { directory, ...made, pruneFailure: why });
          } else await printResult(frame, { directory, result });
          await printDamage(frame, { damaged: result.damaged, of: "store" });
          await printLacking(frame, result.lacking);
          if (pruneFailure !== undefined) await frame.complain(pruneFailure);
        }),
    );
  addExamples(command, [
    "nexus backup /mnt/backup/nexus",
    "nexus backup /mnt/backup/nexus --keep 14",
    "nexus backup /mnt/backup/nexus --prune --keep 3",
  ]);
}

async function printResult(
  { output }: Frame,
  { directory, result }: { directory: string; result: BackupResult },
): Promise<void> {
  const { files, bytes, copied, snapshot, snapshots, removed } = result;
  if (result.isNewDirectory) {
    await output.line(`A new directory of backups was begun at ${output.foreign(directory)}.`);
  }
  const all = `${counted(files, "file")} (${humanSize(bytes)})`;
  const what = `${counted(copied.contents, "content")} (${humanSize(copied.bytes)})`;
  await output.line(
    `Backed up ${all} to ${output.foreign(directory)} as ${snapshot}: copied ${what}, ${counted(snapshots, "snapshot")} there.`,
  );
  if (removed === undefined || removed.snapshots + removed.contents === 0) return;
  await output.line(`Removed ${whatOf(removed)}.`);
}

/** With no store, and no daemon: only the directory of backups is looked at. */
async function pruneOnly(
  frame: Frame,
  { directory, keep, verify, json, signal }: PruneRequest,
): Promise<void> {
  if (keep === undefined || verify) {
    const message = verify ? "--prune reads nothing to --verify" : "--prune needs --keep";
    throw new NexusError("invalid-argument", message);
  }
  const { output, surroundings } = frame;
  const { pruneBackups } = await import("../../sdk/backup.js");
  const path = resolve(surroundings.cwd(), directory);
  const result = await pruneBackups({ directory: path, keep, signal });
  const { removed, snapshots } = result;
  if (json) await printJson(output, { directory, ...result });
  else await output.line(`Removed ${whatOf(removed)}: ${counted(snapshots, "snapshot")} there.`);
  await printLacking(frame, result.lacking);
}

function whatOf({ snapshots, contents, bytes }: NonNullable<BackupResult["removed"]>): string {
  return `${counted(snapshots, "snapshot")} and ${counted(contents, "content")} (${humanSize(bytes)})`;
}

function parseCount(text: string): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(count) && count > 0) return count;
  throw new InvalidArgumentError("It has to be a whole number from 1.");
}
