import { join, relative, resolve } from "node:path";
import type { Command } from "commander";
import { addExamples } from "../example.js";
import type { Frame } from "../frame.js";

/** Where a command looks for a store first. */
const LOCAL_NAME = "nexus-data";

/** `nexus init`: makes a store in a directory, for the commands that run there. */
export function addInitCommand(program: Command, frame: Frame): void {
  const command = program
    .command("init")
    .description("make a store in a directory; commands that run there use it")
    .argument("[dir]", "the directory (default: the working directory)")
    .action((directory: string | undefined, _options: unknown, command: Command) => {
      const cwd = frame.surroundings.cwd();
      const dataDir = {
        value: resolve(cwd, directory ?? ".", LOCAL_NAME),
        source: "the directory that nexus init was given",
      };
      return frame.withClient(command, {
        missingStore: "make",
        dataDir,
        run: async ({ client }) => {
          const { output } = frame;
          const place = client.dataDir;
          const step = relative(cwd, join(place, ".."));
          await output.line(`${output.foreign(place)} is a Nexus store`);
          if (step === "" || !place.endsWith(`/${LOCAL_NAME}`)) return;
          await output.line(`cd ${output.foreign(step)}, and the command nexus uses it`);
        },
      });
    });
  addExamples(command, ["nexus init my-project"]);
}
