#!/usr/bin/env node
import { Command } from "commander";
import { messageOf } from "../model/errors.js";
import { addMountCommand, addUnmountCommand } from "./commands/mount.js";
import { addVersionCommand } from "./commands/version.js";
import { exitCodeOf } from "./exit-code.js";

const USAGE = 2;

const program = new Command("nexus")
  .description("The Nexus namespace on this machine.")
  .showSuggestionAfterError()
  // One line, as for all other errors; commander puts its suggestions on a second one.
  .configureOutput({
    outputError: (text, write) => {
      write(
        `nexus: ${text
          .trimEnd()
          .replace(/^error: /, "")
          .replaceAll("\n", " ")}\n`,
      );
    },
  })
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : USAGE));

addMountCommand(program);
addUnmountCommand(program);
addVersionCommand(program);

try {
  await program.parseAsync();
} catch (error) {
  console.error(`nexus: ${messageOf(error)}`);
  process.exitCode = exitCodeOf(error);
}
