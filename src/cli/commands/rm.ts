import type { Command } from "commander";
import { isKind } from "../../model/errors.js";
import type { NexusClient } from "../../sdk/client.js";
import { addExamples } from "../example.js";
import type { Frame } from "../frame.js";

interface Options {
  readonly recursive?: boolean;
  readonly force?: boolean;
}

/** `nexus rm`. What can't be removed doesn't stop the others. */
export function addRmCommand(program: Command, frame: Frame): void {
  const command = program
    .command("rm")
    .description("remove files")
    .argument("<path...>", "what to remove")
    .option("-r, --recursive", "directories, too, with all that is in them")
    .option("-f, --force", "what isn't there is no error")
    .action((paths: string[], options: Options, command: Command) =>
      frame.withClient(command, {
        paths,
        run: async ({ client, paths, signal }) => {
          for (const path of paths) {
            signal.throwIfAborted();
            try {
              await remove(client, { path, options });
            } catch (error) {
              await frame.complain(error);
            }
          }
        },
      }),
    );
  addExamples(command, ["nexus rm /jobs/a.json", "nexus rm -rf /scratch"]);
}

async function remove(
  client: NexusClient,
  { path, options }: { path: string; options: Options },
): Promise<void> {
  const missingOk = options.force === true;
  try {
    await client.delete(path, { missingOk });
  } catch (error) {
    if (options.recursive !== true || !isKind(error, "is-a-directory")) throw error;
    await client.rmdir(path, { recursive: true, missingOk });
  }
}
