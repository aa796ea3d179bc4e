import { Command } from "commander";
import { version } from "../telemetry/version.js";
import { COMMANDS, type CommandEntry } from "./command-table.js";
import { addHelpOf } from "./commands/help.js";
import type { Frame } from "./frame.js";
import { addGlobalOptions, GLOBAL_FLAGS, GLOBAL_OPTIONS_WITH_VALUE } from "./global-options.js";
import { errorLine } from "./terminal/visible.js";

const EXAMPLES = `
Examples:
  nexus write /jobs/hello.txt "Hello"     make a file
  nexus ls -l /jobs                       list a directory
  nexus work claim --worker w1            take the next work item
  nexus help grep                         what a command does, with an example

Paths are those of the namespace. Inside a mount they are also paths of the host: in ~/nexus/jobs,
'nexus cat a' and 'nexus cat ~/nexus/jobs/a' are 'nexus cat /jobs/a'.`;

/**
 * The program with its commands. Of those only the one that `args` name is loaded, or all of them when
 * they name none: for help, for completion, and to suggest what was meant.
 */
export async function buildProgram(
  frame: Frame,
  { args }: { args: readonly string[] },
): Promise<Command> {
  const { stdout, stderr } = frame.surroundings;
  const program = new Command("nexus")
    .description("The Nexus namespace on this machine.")
    .version(version(), "-V, --version", "print the version number alone")
    .showSuggestionAfterError()
    .enablePositionalOptions()
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      getOutHelpWidth: () => stdout.columns ?? 80,
      getErrHelpWidth: () => stderr.columns ?? 80,
      getOutHasColors: () => stdout.isTTY === true && stdout.hasColors?.() === true,
      getErrHasColors: () => stderr.isTTY === true && stderr.hasColors?.() === true,
      // One line, as for all other errors; commander puts its suggestions on a second one.
      outputError: (text, write) => write(errorLine(text.replace(/^error: /, ""))),
    })
    .configureHelp({ styleTitle: (title) => frame.output.paint("bold", title) })
    .addHelpText("after", EXAMPLES)
    .exitOverride();
  addGlobalOptions(program);
  const named = namedCommand(args);
  for (const entry of named === undefined ? COMMANDS : [named]) {
    program.commandsGroup(entry.group);
    const add = await entry.load();
    add(program, frame);
  }
  // There is a command of that name, whether it is loaded or not.
  program.helpCommand(false);
  for (const command of program.commands) completeCommand(command, frame);
  return program;
}

/** The first word that is no option, if it is a command. */
function namedCommand(args: readonly string[]): CommandEntry | undefined {
  let index = 0;
  for (; index < args.length; index += 1) {
    const word = args[index] ?? "";
    if ((GLOBAL_OPTIONS_WITH_VALUE as readonly string[]).includes(word)) index += 1;
    else if (!(GLOBAL_FLAGS as readonly string[]).includes(word) && !/^--[a-z-]+=/.test(word))
      break;
  }
  return COMMANDS.find(({ names }) => names.includes(args[index] ?? ""));
}

/** What is the same for all commands. What is handed on to another program stays as it is. */
function completeCommand(command: Command, frame: Frame): void {
  if (command.name() === "mount") return;
  addGlobalOptions(command);
  if (command.commands.length > 0) addHelpOf(command, frame);
  for (const subcommand of command.commands) completeCommand(subcommand, frame);
}
