import type { Command } from "commander";
import { version } from "../../telemetry/version.js";
import type { Frame } from "../frame.js";

/** `nexus version`, with the versions that a report of a problem needs. */
export function addVersionCommand(program: Command, frame: Frame): void {
  program
    .command("version")
    .description("print the version")
    .option("--json", "print it as JSON")
    .addHelpText("after", "\nExample:\n  nexus version --json")
    .action(async ({ json }: { json?: boolean }) => {
      const versions = { nexus: version(), node: process.version, platform: process.platform };
      const { nexus, node, platform } = versions;
      if (json === true) await frame.output.line(JSON.stringify(versions));
      else await frame.output.line(`nexus ${nexus} (Node.js ${node}, ${platform})`);
    });
}
