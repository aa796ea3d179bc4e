import type { Command } from "commander";
import type { EffectiveSetting } from "../../config/effective.js";
import { addExamples } from "../example.js";
import type { Frame } from "../frame.js";
import { printJson } from "../terminal/json.js";
import { printTable } from "../terminal/table.js";

/** `nexus config show`: what counts, and who said so. */
export function addConfigCommand(program: Command, frame: Frame): void {
  const config = program.command("config").description("the configuration");
  addExamples(config, ["nexus config show"]);
  const show = config
    .command("show")
    .description("print the value of every setting, and where it came from")
    .option("--json", "print it as JSON")
    .action(async ({ json }: { json?: boolean }, command: Command) => {
      const { effectiveSettings } = await import("../../config/effective.js");
      const { settings: explicit, configPath } = frame.locate(command);
      const { cwd } = frame.surroundings;
      const settings = effectiveSettings({ explicit, configPath, face: "command", cwd: cwd() });
      if (json === true) {
        const entries = settings.map(({ key, value, source }) => [key, { value, source }] as const);
        return await printJson(frame.output, new Map(entries));
      }
      await printTable<EffectiveSetting>(frame.output, {
        columns: [
          { title: "SETTING", value: ({ key }) => key },
          { title: "VALUE", value: ({ value }) => shown(value) },
          { title: "FROM", value: from },
        ],
        rows: settings,
      });
    });
  addExamples(show, ["nexus config show", "nexus config show --json --tenant acme"]);
}

function shown(value: unknown): string {
  if (value === undefined) return "-";
  return typeof value === "string" ? value : JSON.stringify(value);
}

function from({ source, isPlanned }: EffectiveSetting): string {
  return isPlanned ? `${source} (does nothing yet)` : source;
}
