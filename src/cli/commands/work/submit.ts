import type { Command } from "commander";
import { collect, parseWhole } from "../../arguments.js";
import { addExamples } from "../../example.js";
import type { Frame } from "../../frame.js";
import { printJson } from "../../terminal/json.js";

interface Options {
  readonly priority?: number;
  readonly dependsOn?: readonly string[];
  readonly json?: boolean;
}

const PATH_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** `nexus work submit`: makes a file a work item. */
export function addSubmit(work: Command, frame: Frame): void {
  const command = work
    .command("submit")
    .description("make a file a work item: ready, or blocked by what it depends on")
    .argument("<path>", "the file")
    .option("--priority <n>", "lower ones come first, none comes last", parseWhole)
    .option("--depends-on <path>", "an item that must be completed first; may be repeated", collect)
    .option("--json", "print the item")
    .action((path: string, options: Options, command: Command) => {
      const { priority, dependsOn = [] } = options;
      // A path_id is no path, and stays what it is.
      const others = dependsOn.filter((reference) => !PATH_ID.test(reference));
      return frame.withClient(command, {
        paths: [path, ...others],
        run: async ({ client, paths: [path = "", ...located] }) => {
          const references = dependsOn.map((reference) => {
            const index = others.indexOf(reference);
            return located[index] ?? reference;
          });
          const item = await client.queue.submit(path, {
            ...(priority === undefined ? {} : { priority }),
            ...(references.length === 0 ? {} : { dependsOn: references }),
          });
          if (options.json === true) await printJson(frame.output, item);
        },
      });
    });
  addExamples(command, [
    "nexus work submit /jobs/a.json --priority 1",
    "nexus work submit /jobs/b.json --depends-on /jobs/a.json",
  ]);
}
