import type { Command } from "commander";
import { addExamples } from "../../example.js";
import type { Frame } from "../../frame.js";
import { printJson } from "../../terminal/json.js";
import { printTable } from "../../terminal/table.js";

/** `nexus work deps`: what an item waits for. */
export function addDependencies(work: Command, frame: Frame): void {
  const command = work
    .command("deps")
    .description("what an item waits for, and why")
    .argument("<path>", "the item")
    .option("--json", "print it as JSON")
    .action((path: string, { json }: { json?: boolean }, command: Command) =>
      frame.withClient(command, {
        onSignal: "end",
        paths: [path],
        run: async ({ client, paths: [path = ""] }) => {
          const rows = await client.queue.dependencies(path);
          if (json === true) return await printJson(frame.output, rows);
          await printTable(frame.output, {
            columns: [
              { title: "STATE", value: ({ state }) => state },
              { title: "PATH", value: ({ path }) => path ?? "-" },
              { title: "AS WRITTEN", value: ({ reference }) => reference },
            ],
            rows,
          });
        },
      }),
    );
  addExamples(command, ["nexus work deps /jobs/b.json"]);
}
