import type { Command } from "commander";
import { loadConfig } from "../../config/load.js";
import { type CheckReport, checkData, type Finding } from "../../sdk/check-data.js";
import { addExamples } from "../example.js";
import type { Frame } from "../frame.js";
import { counted, humanSize } from "../terminal/human.js";
import { printJson } from "../terminal/json.js";
import type { Output, OutputStream } from "../terminal/output.js";
import { ofBytes, type Progress, startProgress } from "../terminal/progress.js";

interface Options {
  readonly repair?: boolean;
  readonly json?: boolean;
}

const DAMAGED = 1;

/** `nexus fsck`: whether all is as it must be in a data directory. */
export function addFsckCommand(program: Command, frame: Frame): void {
  const command = program
    .command("fsck")
    .description("check a store, also while it is mounted, and repair it")
    .option("--repair", "mend what needs no guess; nobody may have the store then")
    .option("--json", "print what was found as JSON")
    .action(({ repair, json }: Options, command: Command) => {
      const { settings: explicit, configPath } = frame.locate(command);
      const cwd = frame.surroundings.cwd();
      const config = loadConfig({ explicit, configPath, face: "command", cwd });
      const action = repair === true ? "repair" : "check";
      return frame.withSignal(async ({ signal }) => {
        const bar = new HashingBar(frame.surroundings.stderr);
        const onProgress = bar.update.bind(bar);
        const report = await checkData({ config, action, signal, onProgress }).finally(() =>
          bar.stop(),
        );
        if (!report.isHealthy) frame.endWith(DAMAGED);
        if (json === true) return await printJson(frame.output, report);
        await printReport(frame.output, { report, action });
      });
    });
  addExamples(command, ["nexus fsck", "nexus umount --all && nexus fsck --repair"]);
}

/** How much of the contents was read. It is known how much there is when the first bytes were. */
class HashingBar {
  readonly #stream: OutputStream;
  #bar: Promise<Progress> | undefined;

  constructor(stream: OutputStream) {
    this.#stream = stream;
  }

  update({ doneBytes, totalBytes }: { doneBytes: number; totalBytes: number }): void {
    this.#bar ??= startProgress(this.#stream, { label: "reading contents", totalBytes });
    const state = { done: doneBytes, note: ofBytes(doneBytes, totalBytes) };
    void this.#bar.then((bar) => bar.update(state));
  }

  async stop(): Promise<void> {
    (await this.#bar)?.stop();
  }
}

async function printReport(
  output: Output,
  { report, action }: { report: CheckReport; action: "check" | "repair" },
): Promise<void> {
  for (const finding of report.repaired) await printFinding(output, { finding, state: "repaired" });
  for (const finding of report.findings) {
    const canBe = action === "check" && finding.repair !== undefined;
    await printFinding(output, { finding, state: canBe ? "repairable" : "left" });
  }
  for (const { table, rows, isWhole } of report.readable) {
    const extent = isWhole ? "all that there is, as far as can be told" : "up to the damage";
    await output.line(`readable  ${output.foreign(table)}: ${counted(rows, "row")}, ${extent}`);
  }
  for (const what of report.leftOut) await output.line(`left out  ${what}`);
  await output.line(summary(report, action));
}

type State = "repaired" | "repairable" | "left";

/** One line: what, where, what it means, and what can be done. */
async function printFinding(
  output: Output,
  { finding, state }: { finding: Finding; state: State },
): Promise<void> {
  const { rule, severity, what, paths, morePaths, effect, repair } = finding;
  const title = state === "repaired" ? state : severity;
  const colour = { repaired: "green", damage: "red", waste: "yellow" } as const;
  const more = morePaths > 0 ? ` and ${counted(morePaths, "other file")}` : "";
  const where = paths.length > 0 ? `${paths.join(", ")}${more}: ` : "";
  const advice = {
    repaired: `--repair ${repair}`,
    repairable: `${effect}; --repair ${repair}`,
    left: repair === undefined ? `${effect}; no repair without a guess` : effect,
  }[state];
  await output.line(
    `${output.paint(colour[title], title.padEnd(8))}  ${output.foreign(`${where}${what}`)} (${rule}). ${output.foreign(capital(advice))}.`,
  );
}

function capital(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

function summary(
  { findings, repaired, checked, isHealthy, mode }: CheckReport,
  action: "check" | "repair",
): string {
  const { names, contents, bytes } = checked;
  const looked = `${counted(names, "name")}, ${counted(contents, "content")}, ${humanSize(bytes)}B`;
  const how = mode === "online" ? `${looked}, beside a daemon` : looked;
  const mended = repaired.length > 0 ? `${counted(repaired.length, "finding")} repaired; ` : "";
  if (findings.length === 0) return `${mended}all is as it must be (${how})`;
  const found = isHealthy ? "no damage, and some room is wasted" : "damage";
  const left = action === "repair" ? " left" : "";
  return `${mended}${found}: ${counted(findings.length, "finding")}${left} (${how})`;
}
