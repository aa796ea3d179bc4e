import { basename } from "node:path/posix";
import type { Command } from "commander";
import type { ListedFile } from "../../features/files/files.js";
import { addExamples } from "../example.js";
import type { Frame, Session } from "../frame.js";
import { printJsonList } from "../terminal/json.js";
import { printLong, printNames } from "../terminal/listing.js";

interface Options {
  readonly recursive?: boolean;
  readonly long?: boolean;
  readonly json?: boolean;
}

/** `nexus ls`. Of a directory it prints names; with `-r`, paths that other commands take. */
export function addLsCommand(program: Command, frame: Frame): void {
  const command = program
    .command("ls")
    .description("list a directory")
    .argument("[path]", "a directory, or a file")
    .option("-r, --recursive", "all that lies below it, by paths")
    .option("-l, --long", "modes, owners, sizes and dates, too")
    .option("--json", "print it as JSON, with sizes in bytes")
    .action((path: string | undefined, options: Options, command: Command) =>
      frame.withClient(command, {
        onSignal: "end",
        paths: [path ?? "."],
        run: (session) => list(frame, { session, options }),
      }),
    );
  addExamples(command, ["nexus ls -l /jobs", "nexus ls -r --json /jobs"]);
}

async function list(
  frame: Frame,
  { session, options }: { session: Session; options: Options },
): Promise<void> {
  const { client, signal } = session;
  const [prefix = "/"] = session.paths;
  const recursive = options.recursive === true;
  const files = client.walk({ prefix, recursive, directories: true, signal });
  if (options.json === true) return await printJsonList(frame.output, files);
  const nameOf = ({ path }: ListedFile) => (recursive ? path : basename(path));
  // One a line needs no columns, so no waiting for the last one either.
  if (options.long !== true && (recursive || !frame.output.isTerminal)) {
    for await (const entry of files) {
      await printNames(frame.output, [{ name: nameOf(entry), entry }]);
    }
    return;
  }
  const entries: { name: string; entry: ListedFile }[] = [];
  for await (const entry of files) entries.push({ name: nameOf(entry), entry });
  if (options.long !== true) return await printNames(frame.output, entries);
  const { readOwnerNames } = await import("../terminal/owner-names.js");
  const now = frame.surroundings.now();
  await printLong(frame.output, { entries, owners: readOwnerNames(), now });
}
