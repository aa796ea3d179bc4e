import type { Command } from "commander";
import { addExamples } from "../example.js";
import type { Frame } from "../frame.js";
import { printJsonList } from "../terminal/json.js";

interface Options {
  readonly path?: string;
  readonly json?: boolean;
}

/** `nexus glob`: paths by a pattern of names. */
export function addGlobCommand(program: Command, frame: Frame): void {
  const command = program
    .command("glob")
    .description("find files whose paths match a pattern")
    .argument("<pattern>", "with **, *, ?, [...] and {a,b}; quote it for the shell")
    .option("-p, --path <path>", "where to begin")
    .option("--json", "print it as JSON")
    .action((pattern: string, options: Options, command: Command) =>
      frame.withClient(command, {
        onSignal: "end",
        paths: [options.path ?? "."],
        run: async ({ client, paths: [path = "/"], signal }) => {
          const found = client.glob(pattern, { path, signal });
          if (options.json === true) return await printJsonList(frame.output, found);
          for await (const match of found) await frame.output.line(frame.output.foreign(match));
        },
      }),
    );
  addExamples(command, ["nexus glob '**/*.json' -p /jobs", "nexus glob '/jobs/{a,b}/*.txt'"]);
}
