import type { Command } from "commander";
import { addExamples } from "../example.js";
import type { Frame } from "../frame.js";
import { targetOf } from "../target.js";
import { counted } from "../terminal/human.js";

interface Options {
  readonly recursive?: boolean;
  /** False after `--no-clobber`. */
  readonly clobber: boolean;
}

/** `nexus cp`: copies within the namespace, by reference. */
export function addCpCommand(program: Command, frame: Frame): void {
  const command = program
    .command("cp")
    .description("copy a file or a tree; contents are shared, not copied")
    .argument("<source>", "what to copy")
    .argument("<destination>", "its new path, or the directory to put it into")
    .option("-r, --recursive", "a directory, with all that is in it")
    .option("-n, --no-clobber", "leave files that are there as they are")
    .action((source: string, destination: string, options: Options, command: Command) =>
      frame.withClient(command, {
        paths: [source, destination],
        run: async ({ client, paths: [from = "", into = ""], signal, progress }) => {
          const to = await targetOf(client, { from, to: into });
          const bar = await progress({ label: "copying" });
          let done = 0;
          await client.copy(from, to, {
            recursive: options.recursive === true,
            overwrite: options.clobber,
            signal,
            onProgress: () => {
              done += 1;
              bar.update({ done, note: counted(done, "file") });
            },
          });
        },
      }),
    );
  addExamples(command, ["nexus cp /jobs/a.json /archive/", "nexus cp -r /jobs /jobs-of-yesterday"]);
}
