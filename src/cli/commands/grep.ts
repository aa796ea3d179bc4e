import type { Command } from "commander";
import { parseAmount, parseCount } from "../arguments.js";
import { addExamples } from "../example.js";
import type { Frame } from "../frame.js";
import { GrepPrinter } from "../grep-printer.js";
import { counted, humanSize } from "../terminal/human.js";
import { printJsonList } from "../terminal/json.js";

interface Options {
  readonly path?: string;
  readonly fileGlob?: string;
  readonly ignoreCase?: boolean;
  readonly fixedStrings?: boolean;
  readonly maxResults?: number;
  readonly afterContext?: number;
  readonly beforeContext?: number;
  readonly context?: number;
  readonly json?: boolean;
}

/** As grep(1): somebody may want to know whether it is there. */
const NOTHING_MATCHED = 1;

/** `nexus grep`: lines by a regular expression. */
export function addGrepCommand(program: Command, frame: Frame): void {
  const command = program
    .command("grep")
    .description("find lines in files; ends with 1 when none matches")
    .argument("<pattern>", "a regular expression, as JavaScript has them")
    .option("-p, --path <path>", "where to look: a directory or a file")
    .option("-f, --file-glob <glob>", "only in files whose names match, as '*.ts'")
    .option("-i, --ignore-case", "capitals and small letters are the same")
    .option("-F, --fixed-strings", "the pattern is plain text")
    .option("-n, --max-results <max>", "end after so many lines that match", parseCount)
    .option("-A, --after-context <n>", "print so many lines after each", parseAmount)
    .option("-B, --before-context <n>", "print so many lines before each", parseAmount)
    .option("-C, --context <n>", "print so many lines before and after each", parseAmount)
    .option("--json", "print it as JSON")
    .action((pattern: string, options: Options, command: Command) =>
      frame.withClient(command, {
        onSignal: "end",
        paths: [options.path ?? "."],
        run: async ({ client, paths: [path = "/"], signal, progress }) => {
          // Matches on the same terminal say well enough how far it is.
          const bar = frame.output.isTerminal ? undefined : await progress({ label: "searching" });
          const before = options.beforeContext ?? options.context ?? 0;
          const after = options.afterContext ?? options.context ?? 0;
          const matches = client.grep(pattern, {
            ...{ path, before, after, signal },
            ignoreCase: options.ignoreCase === true,
            fixedString: options.fixedStrings === true,
            ...(options.fileGlob === undefined ? {} : { fileGlob: options.fileGlob }),
            ...(options.maxResults === undefined ? {} : { limit: options.maxResults }),
            onProgress: ({ filesSeen, bytesRead }) => {
              const note = `${counted(filesSeen, "file")}, ${humanSize(bytesRead)}`;
              bar?.update({ done: filesSeen, note });
            },
          });
          const printer = new GrepPrinter(frame.output, { hasContext: before + after > 0 });
          let count = 0;
          const counting = (async function* () {
            for await (const match of matches) {
              count += 1;
              yield match;
            }
          })();
          if (options.json === true) {
            await printJsonList(frame.output, counting);
          } else {
            for await (const match of counting) await printer.print(match);
            await printer.end();
          }
          if (count === 0) frame.endWith(NOTHING_MATCHED);
        },
      }),
    );
  addExamples(command, [
    "nexus grep TODO -p /src -f '*.ts' -C 2",
    "nexus grep -i 'error|failed' -p /logs -n 20",
  ]);
}
