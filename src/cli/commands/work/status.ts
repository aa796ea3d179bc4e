import type { Command } from "commander";
import { WORK_STATUSES } from "../../../model/work.js";
import { addExamples } from "../../example.js";
import type { Frame } from "../../frame.js";
import { printJson } from "../../terminal/json.js";
import { printTable } from "../../terminal/table.js";

/** `nexus work status`: how many items there are. */
export function addStatus(work: Command, frame: Frame): void {
  const command = work
    .command("status")
    .description("how many items there are, by where they stand")
    .option("--json", "print it as JSON: what is open, and its sum")
    .action(({ json }: { json?: boolean }, command: Command) =>
      frame.withClient(command, {
        onSignal: "end",
        run: async ({ client }) => {
          const counts = await client.queue.status();
          const { ready, pending, blocked, in_progress } = counts;
          if (json === true) {
            const total = ready + pending + blocked + in_progress;
            return await printJson(frame.output, { ready, pending, blocked, in_progress, total });
          }
          await printTable(frame.output, {
            columns: [
              { title: "STATUS", value: (status) => status },
              { title: "ITEMS", alignment: "right", value: (status) => String(counts[status]) },
            ],
            rows: WORK_STATUSES,
          });
        },
      }),
    );
  addExamples(command, ["nexus work status", "nexus work status --json"]);
}
