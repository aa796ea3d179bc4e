import type { Command } from "commander";
import { addExamples } from "../example.js";
import type { Frame } from "../frame.js";

/** `nexus cat`: contents, one after the other. A file that can't be read doesn't stop the others. */
export function addCatCommand(program: Command, frame: Frame): void {
  const command = program
    .command("cat")
    .description("print the contents of files")
    .argument("<path...>", "the files")
    .action((paths: string[], _options: unknown, command: Command) =>
      frame.withClient(command, {
        onSignal: "end",
        paths,
        run: async ({ client, paths, signal }) => {
          for (const path of paths) {
            try {
              for await (const chunk of client.createReadStream(path, { signal })) {
                signal.throwIfAborted();
                await frame.output.write(chunk as Buffer);
              }
            } catch (error) {
              signal.throwIfAborted();
              await frame.complain(error);
            }
          }
        },
      }),
    );
  addExamples(command, ["nexus cat /jobs/build.json", "nexus cat /logs/today.log | head -1"]);
}
