import type { Command } from "commander";
import { version } from "../../telemetry/version.js";

/** `nexus version`, with the versions that a report of a problem needs. */
export function addVersionCommand(program: Command): void {
  program
    .command("version")
    .description("print the version")
    .option("--json", "print it as JSON")
    .addHelpText("after", "\nExample:\n  nexus version --json")
    .action(({ json }: { json?: boolean }) => {
      const versions = { nexus: version(), node: process.version, platform: process.platform };
      if (json === true) console.log(JSON.stringify(versions));
      else console.log(`nexus ${versions.nexus} (Node.js ${versions.node}, ${versions.platform})`);
    });
}
