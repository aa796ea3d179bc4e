import type { Command } from "commander";
import { loadConfig } from "../../config/load.js";
import type { Collected } from "../../sdk/collect-garbage.js";
import { addExamples } from "../example.js";
import type { Frame } from "../frame.js";
import { counted, humanSize } from "../terminal/human.js";
import { printJson } from "../terminal/json.js";

interface Options {
  readonly dryRun?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
}

const REFUSED = 1;

/** `nexus gc`: removes what takes room in a data directory and nothing needs. */
export function addGcCommand(program: Command, frame: Frame): void {
  const command = program
    .command("gc")
    .description("remove contents that no file has, also while the store is mounted")
    .option("--dry-run", "say what would be removed, and remove nothing")
    .option("--force", "also remove them when they are most of all contents")
    .option("--json", "print what was done as JSON")
    .action(({ dryRun = false, force = false, json = false }: Options, command: Command) =>
      frame.withSignal(async ({ signal, progress }) => {
        const { settings: explicit, configPath } = frame.locate(command);
        const { cwd, control } = frame.surroundings;
        const config = loadConfig({ explicit, configPath, face: "command", cwd: cwd() });
        const { patienceOf, requireStore } = await import("../open-client.js");
        const { collectGarbage } = await import("../../sdk/collect-garbage.js");
        requireStore(config);
        const bar = await progress({ label: "looking for contents that no file has" });
        const collected = await collectGarbage({
          ...{ config, control, signal, action: actionOf({ dryRun, force }) },
          patience: patienceOf({ signal, onWait: (message) => void frame.say(message) }),
          onProgress: ({ done, of }) =>
            bar.update({ done, note: `${Math.floor((done / of) * 100)}%` }),
        });
        bar.stop();
        if (json) await printJson(frame.output, collected);
        else await printCollected(frame, collected);
        if (collected.outcome !== "refused") return;
        await frame.say(refusal(collected));
        frame.endWith(REFUSED);
      }),
    );
  addExamples(command, ["nexus gc --dry-run", "nexus gc"]);
}

function actionOf({ dryRun, force }: { dryRun: boolean; force: boolean }) {
  if (dryRun) return "look";
  return force ? "remove-most" : "remove";
}

async function printCollected({ output }: Frame, collected: Collected): Promise<void> {
  const { outcome, contents, unfinished, young, held } = collected;
  if (outcome !== "refused") {
    const files = contents.files + unfinished.files;
    const size = humanSize(contents.bytes + unfinished.bytes);
    const verb = outcome === "looked" ? "Would remove" : "Removed";
    await output.line(
      `${verb} ${counted(files, "file")} (${size}): ${counted(contents.files, "content")} that no file has, ${unfinished.files} left unfinished.`,
    );
  }
  if (young.files > 0) {
    await output.line(`Kept ${counted(young.files, "file")} (${humanSize(young.bytes)}) as young.`);
  }
  if (held.files > 0) {
    await output.line(
      `Kept ${counted(held.files, "content")} (${humanSize(held.bytes)}) while a backup is made.`,
    );
  }
}

function refusal({ contents, known }: Collected): string {
  return `${counted(contents.files, "content")} (${humanSize(contents.bytes)}) have no file, and only ${known} have one: nothing is removed, because the database may be an older one or another store's. Look at it with nexus ls and nexus fsck; if it is the right one, nexus gc --force removes them`;
}
