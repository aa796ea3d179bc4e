import type { Command } from "commander";
import { addExamples } from "../example.js";
import type { Frame } from "../frame.js";
import { targetOf } from "../target.js";
import { counted } from "../terminal/human.js";

/** `nexus mv`: renames, also from one tenant's or agent's part to another. */
export function addMvCommand(program: Command, frame: Frame): void {
  const command = program
    .command("mv")
    .description("rename or move a file or a directory")
    .argument("<source>", "what to move")
    .argument("<destination>", "its new path, or the directory to put it into")
    .action((source: string, destination: string, _options: unknown, command: Command) =>
      frame.withClient(command, {
        paths: [source, destination],
        run: async ({ client, paths: [from = "", into = ""], signal, progress }) => {
          const to = await targetOf(client, { from, to: into });
          const bar = await progress({ label: "moving" });
          let done = 0;
          const onProgress = () => {
            done += 1;
            bar.update({ done, note: counted(done, "file") });
          };
          await client.move(from, to, { recursive: true, signal, onProgress });
        },
      }),
    );
  addExamples(command, ["nexus mv /jobs/a.json /jobs/b.json", "nexus mv /jobs/a.json /done/"]);
}
