import { resolve } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { loadConfig } from "../../config/load.js";
import type { BackupResult } from "../../sdk/backup.js";
import { printDamage } from "../damage.js";
import { addExamples } from "../example.js";
import type { Frame } from "../frame.js";
import { counted, humanSize } from "../terminal/human.js";
import { printJson } from "../terminal/json.js";
import { BytesBar } from "../terminal/progress.js";

interface Options {
  readonly keep?: number;
  readonly verify?: boolean;
  readonly json?: boolean;
}

/** `nexus backup`: a snapshot of the store, while its mounts go on. */
export function addBackupCommand(program: Command, frame: Frame): void {
  const command = program
    .command("backup")
    .description("copy the store as it is now to a directory, with what is new since the last time")
    .argument("<dir>", "the directory of backups, on the host")
    .option("--keep <n>", "keep the newest n snapshots, and remove the others", parseCount)
    .option("--verify", "also read what was copied before, and copy anew what is damaged")
    .option("--json", "print what was done as JSON")
    .action(
      (directory: string, { keep, verify = false, json = false }: Options, command: Command) =>
        frame.withSignal(async ({ signal, progress }) => {
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
          if (json) await printJson(frame.output, { directory, ...result });
          else await printResult(frame, { directory, result });
          await printDamage(frame, { damaged: result.damaged, of: "store" });
        }),
    );
  addExamples(command, [
    "nexus backup /mnt/backup/nexus",
    "nexus backup /mnt/backup/nexus --keep 14",
  ]);
}

async function printResult(
  { output }: Frame,
  { directory, result }: { directory: string; result: BackupResult },
): Promise<void> {
  const { files, bytes, copied, snapshot, snapshots, removed } = result;
  const all = `${counted(files, "file")} (${humanSize(bytes)})`;
  const what = `${counted(copied.contents, "content")} (${humanSize(copied.bytes)})`;
  await output.line(
    `Backed up ${all} to ${output.foreign(directory)} as ${snapshot}: copied ${what}, ${counted(snapshots, "snapshot")} there.`,
  );
  if (removed === undefined || removed.snapshots + removed.contents === 0) return;
  const contents = `${counted(removed.contents, "content")} (${humanSize(removed.bytes)})`;
  await output.line(`Removed ${counted(removed.snapshots, "snapshot")} and ${contents}.`);
}

function parseCount(text: string): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(count) && count > 0) return count;
  throw new InvalidArgumentError("It has to be a whole number from 1.");
}
