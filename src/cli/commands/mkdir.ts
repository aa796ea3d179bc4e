import type { Command } from "commander";
import { addExamples } from "../example.js";
import type { Frame } from "../frame.js";

/** `nexus mkdir`. */
export function addMkdirCommand(program: Command, frame: Frame): void {
  const command = program
    .command("mkdir")
    .description("make a directory")
    .argument("<path>", "the directory")
    .option("-p, --parents", "those above it, too; no error when it is there")
    .action((path: string, { parents = false }: { parents?: boolean }, command: Command) =>
      frame.withClient(command, {
        missingStore: "make",
        paths: [path],
        run: ({ client, paths: [path = ""] }) => client.mkdir(path, { parents, existOk: parents }),
      }),
    );
  addExamples(command, ["nexus mkdir -p /projects/alpha/input"]);
}
