import type { Command } from "commander";
import type { WatchEvent } from "../../features/watch/watch.js";
import { addExamples } from "../example.js";
import type { Frame, Session } from "../frame.js";
import { humanClock } from "../terminal/human.js";
import { printJsonLine } from "../terminal/json.js";
import type { Output } from "../terminal/output.js";

interface Options {
  readonly json?: boolean;
  readonly cursor?: string;
  readonly recursive: boolean;
}

/** The longest is `attributes`. */
const KIND_WIDTH = 10;

/** `nexus watch`: what happens, a line for each event, until it is ended. */
export function addWatchCommand(program: Command, frame: Frame): void {
  const command = program
    .command("watch")
    .description("tell of changes as they happen, until Ctrl-C")
    .argument("[path]", "a directory with all that is below it, or a file")
    .option("--no-recursive", "not what is below directories in it")
    .option("--cursor <cursor>", "begin after the event that had it, within an hour")
    .option("--json", "print each event as a line of JSON, with its cursor")
    .action((path: string | undefined, options: Options, command: Command) =>
      frame.withClient(command, {
        paths: [path ?? "."],
        run: (session) => watch(frame, { session, options }),
      }),
    );
  addExamples(command, [
    "nexus watch /jobs",
    'nexus watch --json /jobs | while read -r event; do ./handle "$event"; done',
  ]);
}

async function watch(
  { output }: Frame,
  { session, options }: { session: Session; options: Options },
): Promise<void> {
  const { client, signal } = session;
  const [path = "/"] = session.paths;
  const { recursive, json = false } = options;
  // Since the event of a cursor the path may have gone; without one it has to be there.
  if (options.cursor === undefined) await client.stat(path, { etag: false });
  const cursor = options.cursor ?? (await client.watchCursor());
  // From here on nothing is missed: who reads this can look at what is there.
  if (json) await printJsonLine(output, { kind: "started", path, cursor });
  for await (const event of client.watch({ path, recursive, cursor, signal })) {
    if (json) await printJsonLine(output, event);
    else await output.line(lineOf(output, event));
  }
}

/** `12:00:01  renamed     /jobs/a -> /jobs/b`, in local time. */
function lineOf(output: Output, event: WatchEvent): string {
  const time = output.paint("dim", humanClock(event.time));
  return `${time}  ${event.kind.padEnd(KIND_WIDTH)}  ${output.foreign(whatOf(event))}`;
}

function whatOf(event: WatchEvent): string {
  const path = event.type === "directory" ? `${event.path}/` : event.path;
  switch (event.kind) {
    case "renamed":
      return `${event.from} -> ${path}`;
    case "metadata":
      return `${path}  ${event.keys.join(", ")}`;
    case "work":
      return `${path}  ${event.previousStatus ?? "no work"} -> ${event.status ?? "no work"}`;
    case "created":
    case "modified":
    case "removed":
    case "attributes":
      return path;
  }
}
