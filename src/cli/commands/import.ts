import { Readable } from "node:stream";
import { type Command, Option } from "commander";
import type { Collision, ConflictMode, ImportResult } from "../../features/transfer/transfer.js";
import { NexusError } from "../../model/errors.js";
import { addExamples } from "../example.js";
import type { Frame } from "../frame.js";
import { openHostFile } from "../host-file.js";
import { untilAborted } from "../standard-input.js";
import { counted, humanSize } from "../terminal/human.js";
import { printJson } from "../terminal/json.js";
import { ofBytes, type Progress } from "../terminal/progress.js";
import { printTable } from "../terminal/table.js";

interface Options {
  readonly conflictMode?: ConflictMode;
  readonly overwrite?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

const CONFLICT_MODES = ["skip", "overwrite", "remap", "auto"] as const satisfies ConflictMode[];
const STANDARD_INPUT = "-";

/** `nexus import`: takes in what `nexus export` wrote, all of it or nothing. */
export function addImportCommand(program: Command, frame: Frame): void {
  const command = program
    .command("import")
    .description("take in an export, with contents or without; all of it or nothing")
    .argument("<file>", "the export, on the host; - for standard input")
    .addOption(
      new Option(
        "--conflict-mode <mode>",
        "what happens to a path that has another content (default: skip)",
      ).choices(CONFLICT_MODES),
    )
    .option("--overwrite", "the same as --conflict-mode overwrite")
    .option("--dry-run", "change nothing, and say what would be done")
    .option("--json", "print what was done as JSON")
    .action((file: string, options: Options, command: Command) => {
      const conflictMode = conflictModeOf(options);
      const dryRun = options.dryRun === true;
      return frame.withClient(command, {
        // What changes nothing makes nothing either.
        missingStore: dryRun ? "refuse" : "make",
        run: async ({ client, signal, progress }) => {
          const source = await openSource(file, { stdin: frame.surroundings.stdin, signal });
          try {
            const bar = await progress({ label: "importing", totalBytes: source.sizeBytes });
            const result = await client.importMetadata(source.counted(bar), {
              ...{ conflictMode, dryRun, signal },
            });
            bar.stop();
            if (options.json === true) return await printJson(frame.output, result);
            await printResult(frame, { result, dryRun });
          } finally {
            await source.close();
          }
        },
      });
    });
  addExamples(command, [
    "nexus import backup.jsonl --dry-run",
    "nexus import backup.jsonl --conflict-mode remap",
  ]);
}

function conflictModeOf({ conflictMode, overwrite }: Options): ConflictMode {
  if (overwrite !== true) return conflictMode ?? "skip";
  if (conflictMode === undefined || conflictMode === "overwrite") return "overwrite";
  throw new NexusError(
    "invalid-argument",
    `--overwrite and --conflict-mode ${conflictMode} don't go together`,
  );
}

interface Source {
  /** Undefined when nobody knows. */
  readonly sizeBytes: number | undefined;
  /** What is to be imported; shows on the bar how much of it was read. */
  counted(bar: Progress): Readable;
  close(): Promise<void>;
}

async function openSource(
  path: string,
  { stdin, signal }: { stdin: Readable; signal: AbortSignal },
): Promise<Source> {
  if (path === STANDARD_INPUT) {
    return {
      sizeBytes: undefined,
      counted: () => untilAborted(stdin, signal),
      close: async () => undefined,
    };
  }
  const { sizeBytes, content, close } = await openHostFile(path, { signal });
  return {
    sizeBytes,
    counted: (bar) => {
      const chunks = async function* () {
        let done = 0;
        for await (const chunk of content) {
          done += chunk.length;
          const note = sizeBytes === undefined ? humanSize(done) : ofBytes(done, sizeBytes);
          bar.update({ done, note });
          yield chunk;
        }
      };
      return Readable.from(chunks(), { objectMode: false });
    },
    close,
  };
}

async function printResult(
  { output }: Frame,
  { result, dryRun }: { result: ImportResult; dryRun: boolean },
): Promise<void> {
  const { created, updated, skipped, remapped, collisions } = result;
  await printTable<Collision>(output, {
    columns: [
      { title: "PATH", value: ({ path }) => path },
      { title: "RESOLUTION", value: ({ resolution }) => resolution },
      { title: "MESSAGE", value: ({ message }) => message },
    ],
    rows: collisions,
  });
  if (collisions.length > 0) await output.line();
  const counts = `${created} created, ${updated} updated, ${remapped} remapped; ${skipped} skipped`;
  const sum = counted(created + updated + remapped, "file");
  await output.line(dryRun ? `Would import ${sum}: ${counts}.` : `Imported ${sum}: ${counts}.`);
}
