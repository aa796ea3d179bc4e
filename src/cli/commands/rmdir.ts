import type { Command } from "commander";
import { addExamples } from "../example.js";
import type { Frame } from "../frame.js";

interface Options {
  readonly recursive?: boolean;
  readonly force?: boolean;
}

/** `nexus rmdir`. */
export function addRmdirCommand(program: Command, frame: Frame): void {
  const command = program
    .command("rmdir")
    .description("remove a directory")
    .argument("<path>", "the directory")
    .option("-r, --recursive", "with all that is in it")
    .option("-f, --force", "what isn't there is no error")
    .action((path: string, { recursive = false, force = false }: Options, command: Command) =>
      frame.withClient(command, {
        paths: [path],
        run: ({ client, paths: [path = ""] }) =>
          client.rmdir(path, { recursive, missingOk: force }),
      }),
    );
  addExamples(command, ["nexus rmdir /projects/alpha", "nexus rmdir -r /projects"]);
}
