import type { Command } from "commander";
import type { WorkItem, WorkQueue } from "../../../features/queue/queue.js";
import { addExamples } from "../../example.js";
import type { Frame } from "../../frame.js";
import { printJson } from "../../terminal/json.js";

interface Options {
  readonly worker: string;
  readonly error?: string;
  readonly retry?: boolean;
  readonly json?: boolean;
}

interface Ending {
  readonly verb: string;
  readonly description: string;
  end(queue: WorkQueue, request: Options & { readonly path: string }): Promise<WorkItem>;
}

/** `nexus work release`: gives an item back. */
export function addRelease(work: Command, frame: Frame): void {
  addEnding(work, {
    frame,
    verb: "release",
    description: "give an item back: it is ready again",
    end: (queue, { path, worker }) => queue.release(path, { worker }),
  });
}

/** `nexus work complete`: the item is done, and what waited for it may go on. */
export function addComplete(work: Command, frame: Frame): void {
  addEnding(work, {
    frame,
    verb: "complete",
    description: "an item is done; what waited for it alone becomes ready",
    end: (queue, { path, worker }) => queue.complete(path, { worker }),
  });
}

/** `nexus work fail`. */
export function addFail(work: Command, frame: Frame): void {
  addEnding(work, {
    frame,
    verb: "fail",
    description: "an item couldn't be done",
    end: (queue, { path, worker, error, retry }) =>
      queue.fail(path, {
        ...{ worker, retry: retry === true },
        ...(error === undefined ? {} : { error }),
      }),
  })
    .option("--error <text>", "why; it is kept with the item")
    .option("--retry", "it is ready again, and the attempt counts");
}

function addEnding(
  work: Command,
  { frame, verb, description, end }: Ending & { readonly frame: Frame },
): Command {
  const command = work
    .command(verb)
    .description(description)
    .argument("<path>", "the item")
    .requiredOption("-w, --worker <name>", "who has it")
    .option("--json", "print the item")
    .action((path: string, options: Options, command: Command) =>
      frame.withClient(command, {
        paths: [path],
        run: async ({ client: { queue }, paths: [path = ""] }) => {
          const item = await end(queue, { ...options, path });
          if (options.json === true) await printJson(frame.output, item);
        },
      }),
    );
  return addExamples(command, [`nexus work ${verb} /jobs/a.json --worker w1`]);
}
