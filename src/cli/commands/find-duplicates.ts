import type { Command } from "commander";
import type { DuplicateReport } from "../../features/search/search.js";
import { addExamples } from "../example.js";
import type { Frame } from "../frame.js";
import { counted, humanSize } from "../terminal/human.js";
import { printJson } from "../terminal/json.js";

interface Options {
  readonly prefix?: string;
  readonly json?: boolean;
}

/** `nexus find-duplicates`: contents that several files have. They are stored once in any case. */
export function addFindDuplicatesCommand(program: Command, frame: Frame): void {
  const command = program
    .command("find-duplicates")
    .description("find files with equal contents")
    .option("-p, --prefix <path>", "only what lies at or below this path")
    .option("--json", "print it as JSON")
    .action((options: Options, command: Command) =>
      frame.withClient(command, {
        onSignal: "end",
        paths: [options.prefix ?? "."],
        run: async ({ client, paths: [prefix = "/"], signal, progress }) => {
          const bar = await progress({ label: "comparing" });
          const report = await client.findDuplicates({
            prefix,
            signal,
            onProgress: ({ filesSeen }) =>
              bar.update({ done: filesSeen, note: counted(filesSeen, "file") }),
          });
          bar.stop();
          if (options.json === true) return await printJson(frame.output, forPrograms(report));
          await printReport(frame, report);
        },
      }),
    );
  addExamples(command, ["nexus find-duplicates -p /workspace/acme"]);
}

function forPrograms({ duplicates, ...counts }: DuplicateReport): object {
  const { totalFiles, uniqueHashes, duplicateGroups, duplicateFiles } = counts;
  return {
    ...{ totalFiles, uniqueHashes, duplicateGroups, duplicateFiles },
    duplicates: duplicates.map(({ contentHash, paths }) => ({ contentHash, paths })),
  };
}

async function printReport({ output }: Frame, report: DuplicateReport): Promise<void> {
  let savedBytes = 0;
  for (const { contentHash, sizeBytes, paths } of report.duplicates) {
    savedBytes += sizeBytes * (paths.length - 1);
    const title = `${counted(paths.length, "file")} of ${humanSize(sizeBytes)}`;
    await output.line(`${output.paint("bold", title)}  ${output.paint("dim", contentHash)}`);
    for (const path of paths) await output.line(`  ${output.foreign(path)}`);
    await output.line();
  }
  const groups = report.duplicateGroups;
  await output.line(
    groups === 0
      ? `No content twice in ${counted(report.totalFiles, "file")}.`
      : `${counted(groups, "content")} in ${counted(report.duplicateFiles, "file")}, of ${counted(
          report.totalFiles,
          "file",
        )}. Stored once, they save ${humanSize(savedBytes)}.`,
  );
}
