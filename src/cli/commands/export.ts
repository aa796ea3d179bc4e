import type { Command } from "commander";
import { parseMoment } from "../arguments.js";
import { addExamples } from "../example.js";
import type { Frame } from "../frame.js";
import { counted, humanSize } from "../terminal/human.js";
import { printJson } from "../terminal/json.js";

interface Options {
  readonly prefix?: string;
  readonly tenantId?: string;
  readonly after?: Date;
  readonly withContent?: boolean;
  readonly json?: boolean;
}

const STANDARD_OUTPUT = "-";

/** `nexus export`: metadata as JSON Lines, or an archive of that and the contents. */
export function addExportCommand(program: Command, frame: Frame): void {
  const command = program
    .command("export")
    .description("write the metadata of files to a file, one JSON object a line")
    .argument("<file>", "the file, on the host; - for standard output")
    .option("-p, --prefix <path>", "only what lies at or below this path")
    .option("--tenant-id <id>", "only this tenant's files")
    .option("--after <moment>", "only what was modified after this, in ISO 8601", parseMoment)
    .option("--with-content", "put the contents into it, too, as one archive")
    .option("--json", "print what was done as JSON")
    .action((file: string, options: Options, command: Command) =>
      frame.withClient(command, {
        paths: [options.prefix ?? "."],
        run: async ({ client, paths: [prefix = "/"], signal, progress }) => {
          const isPiped = file === STANDARD_OUTPUT;
          const bar = await progress({ label: "exporting" });
          const { tenantId, after, withContent = false } = options;
          const result = await client.exportMetadata(isPiped ? frame.output.asWritable() : file, {
            ...{ prefix, withContent, signal },
            ...(tenantId === undefined ? {} : { tenantId }),
            ...(after === undefined ? {} : { after }),
            onProgress: ({ files, bytes }) => {
              const size = withContent ? `, ${humanSize(bytes)}` : "";
              bar.update({ done: files, note: counted(files, "file") + size });
            },
          });
          bar.stop();
          // Standard output is the export itself.
          if (isPiped) return;
          if (options.json === true) return await printJson(frame.output, result);
          const size = withContent ? ` and ${humanSize(result.bytes)} of contents` : "";
          const target = frame.output.foreign(file);
          await frame.output.line(`Exported ${counted(result.files, "file")}${size} to ${target}.`);
        },
      }),
    );
  addExamples(command, [
    "nexus export backup.jsonl",
    "nexus export - -p /workspace/acme | jq -r .path",
    "nexus export all.nexus --with-content",
  ]);
}
