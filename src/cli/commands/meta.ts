import type { Command } from "commander";
import { NexusError } from "../../model/errors.js";
import { addExamples } from "../example.js";
import type { Frame } from "../frame.js";
import { readStandardInput } from "../standard-input.js";
import { printJson } from "../terminal/json.js";
import { printTable } from "../terminal/table.js";

interface Pair {
  readonly key: string;
  readonly value: string | Buffer;
}

/** `nexus meta`: the custom metadata of files, which is `user.*` on a mount. */
export function addMetaCommand(program: Command, frame: Frame): void {
  const meta = program.command("meta").description("read and set the metadata of files");
  addExamples(meta, ["nexus meta set /jobs/a.json status ready", "nexus meta list /jobs/a.json"]);
  addGet(meta, frame);
  addSet(meta, frame);
  addRm(meta, frame);
  addList(meta, frame);
}

function addGet(meta: Command, frame: Frame): void {
  const command = meta
    .command("get")
    .description("print a value; ends with 1 when there is none")
    .argument("<path>", "the file")
    .argument("<key>", "the name of the value")
    .action((path: string, key: string, _options: unknown, command: Command) =>
      frame.withClient(command, {
        onSignal: "end",
        paths: [path],
        run: async ({ client, paths: [path = ""] }) => {
          const value = await client.metadata.getBytes(path, key);
          if (value === undefined) throw noValue(path, key);
          const { output } = frame;
          if (!output.isTerminal) await output.write(value);
          else await output.write(output.foreignLines(value.toString()));
          if (value.at(-1) !== "\n".charCodeAt(0)) await output.line();
        },
      }),
    );
  addExamples(command, ["nexus meta get /jobs/a.json status"]);
}

function addSet(meta: Command, frame: Frame): void {
  const command = meta
    .command("set")
    .description("set a value")
    .argument("<path>", "the file")
    .argument("<key>", "the name of the value")
    .argument("<value>", "a text, or - for standard input")
    .action((path: string, key: string, value: string, _options: unknown, command: Command) =>
      frame.withClient(command, {
        paths: [path],
        run: async ({ client, paths: [path = ""], signal }) => {
          const { stdin } = frame.surroundings;
          const bytes = value === "-" ? await readStandardInput(stdin, signal) : value;
          await client.metadata.set(path, key, bytes);
        },
      }),
    );
  addExamples(command, ["nexus meta set /jobs/a.json priority 3"]);
}

function addRm(meta: Command, frame: Frame): void {
  const command = meta
    .command("rm")
    .description("remove a value; ends with 1 when there is none")
    .argument("<path>", "the file")
    .argument("<key>", "the name of the value")
    .action((path: string, key: string, _options: unknown, command: Command) =>
      frame.withClient(command, {
        paths: [path],
        run: async ({ client, paths: [path = ""] }) => {
          if (!(await client.metadata.remove(path, key))) throw noValue(path, key);
        },
      }),
    );
  addExamples(command, ["nexus meta rm /jobs/a.json priority"]);
}

function addList(meta: Command, frame: Frame): void {
  const command = meta
    .command("list")
    .description("print all values of a file")
    .argument("<path>", "the file")
    .option("--json", "print it as JSON")
    .action((path: string, { json }: { json?: boolean }, command: Command) =>
      frame.withClient(command, {
        onSignal: "end",
        paths: [path],
        run: async ({ client, paths: [path = ""] }) => {
          const values = await client.metadata.list(path);
          if (json === true) return await printJson(frame.output, values);
          await printTable<Pair>(frame.output, {
            columns: [
              { title: "KEY", value: ({ key }) => key },
              { title: "VALUE", value: ({ value }) => shown(value) },
            ],
            rows: [...values].map(([key, value]) => ({ key, value })),
          });
        },
      }),
    );
  addExamples(command, ["nexus meta list --json /jobs/a.json"]);
}

function shown(value: string | Buffer): string {
  return typeof value === "string" ? value : `<${value.length} bytes>`;
}

function noValue(path: string, key: string): NexusError {
  return new NexusError("no-attribute", `${path} has no value '${key}'`, { path });
}
