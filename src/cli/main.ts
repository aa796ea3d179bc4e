#!/usr/bin/env node
import { Command, CommanderError } from "commander";
import { messageOf } from "../model/errors.js";
import { version } from "../telemetry/version.js";
import { addMountCommand, addUnmountCommand } from "./commands/mount.js";
import { addVersionCommand } from "./commands/version.js";
import { exitCodeOf } from "./exit-code.js";
import { surviveClosedOutput } from "./standard-output.js";

const USAGE = 2;

const program = new Command("nexus")
  .description("The Nexus namespace on this machine.")
  .version(version(), "-V, --version", "print the version number alone")
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
  .exitOverride();

addMountCommand(program);
addUnmountCommand(program);
addVersionCommand(program);

surviveClosedOutput("nexus");
try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = exitCode(error);
  // commander has said it already, or printed what was asked for.
  if (!(error instanceof CommanderError)) console.error(`nexus: ${messageOf(error)}`);
}

function exitCode(error: unknown): number {
  if (!(error instanceof CommanderError)) return exitCodeOf(error);
  return error.exitCode === 0 ? 0 : USAGE;
}
