import type { Command } from "commander";
import { NexusError } from "../../../model/errors.js";
import { parseDuration } from "../../arguments.js";
import { addExamples } from "../../example.js";
import type { Frame } from "../../frame.js";
import { printJson } from "../../terminal/json.js";

interface Options {
  readonly worker: string;
  readonly lease?: number;
  readonly wait?: number | true;
  readonly json?: boolean;
}

/** A script asks with this whether there is something to do. */
const NOTHING_READY = 1;

/** `nexus work claim`: takes an item. What it prints on stdout is the item's path alone. */
export function addClaim(work: Command, frame: Frame): void {
  const command = work
    .command("claim")
    .description("take the next item that is ready, or this one; prints its path, or ends with 1")
    .argument("[path]", "the item")
    .requiredOption("-w, --worker <name>", "who takes it")
    .option(
      "--lease <duration>",
      "how long it is the worker's, as 30s or 5m (default: 5m)",
      parseDuration,
    )
    .option(
      "--wait [duration]",
      "wait until something is ready, so long or without end",
      parseDuration,
    )
    .option("--json", "print the item")
    .action((path: string | undefined, options: Options, command: Command) => {
      const { worker, lease, wait, json } = options;
      if (path !== undefined && wait !== undefined) {
        throw new NexusError("invalid-argument", "--wait waits for any item, so it takes no path");
      }
      return frame.withClient(command, {
        paths: path === undefined ? [] : [path],
        run: async ({ client: { queue }, paths: [path], signal }) => {
          const claim = { worker, ...(lease === undefined ? {} : { leaseMs: lease }), signal };
          const item =
            path === undefined
              ? await queue.claim(wait === undefined ? claim : { ...claim, wait })
              : await queue.claimPath(path, claim);
          if (item === undefined) {
            await frame.say("nothing is ready");
            return frame.endWith(NOTHING_READY);
          }
          if (json === true) await printJson(frame.output, item);
          else await frame.output.line(frame.output.foreign(item.path));
        },
      });
    });
  addExamples(command, [
    "nexus work claim --worker w1 --lease 10m",
    "while job=$(nexus work claim --worker w1); do ./work-on $job; done",
  ]);
}

/** `nexus work renew`: keeps an item for longer. */
export function addRenew(work: Command, frame: Frame): void {
  const command = work
    .command("renew")
    .description("keep an item for longer")
    .argument("<path>", "the item")
    .requiredOption("-w, --worker <name>", "who has it")
    .option("--lease <duration>", "from now on, as 30s or 5m (default: 5m)", parseDuration)
    .option("--json", "print the item")
    .action((path: string, { worker, lease, json }: Options, command: Command) =>
      frame.withClient(command, {
        paths: [path],
        run: async ({ client: { queue }, paths: [path = ""] }) => {
          const claim = { worker, ...(lease === undefined ? {} : { leaseMs: lease }) };
          const item = await queue.renew(path, claim);
          if (json === true) await printJson(frame.output, item);
        },
      }),
    );
  addExamples(command, ["nexus work renew /jobs/a.json --worker w1 --lease 10m"]);
}
