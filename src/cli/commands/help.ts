import type { Command } from "commander";
import { addExamples } from "../example.js";
import type { Frame } from "../frame.js";

/** `nexus help`: what the program or one of its commands does. */
export function addHelpCommand(program: Command, frame: Frame): void {
  const command = addHelpTo(program, { frame, above: [] });
  addExamples(command, ["nexus help grep", "nexus help work claim"]);
}

/** The same for a command with commands of its own: `nexus work help claim`. */
export function addHelpOf(group: Command, frame: Frame): void {
  const command = addHelpTo(group, { frame, above: [group.name()] });
  const [first] = group.commands;
  addExamples(command, [`nexus ${group.name()} help ${first?.name() ?? ""}`]);
}

/** In the place of commander's own, which says nothing about a word that is no command. */
function addHelpTo(
  parent: Command,
  { frame, above }: { frame: Frame; above: readonly string[] },
): Command {
  parent.helpCommand(false);
  return parent
    .command("help")
    .description("print what a command does, with an example")
    .argument("[command...]", "which one")
    .action(async (words: string[]) => {
      const { buildProgram } = await import("../program.js");
      // All of them: help lists commands, and suggests one for a word that is none.
      const program = await buildProgram(frame, { args: [] });
      const command = await find(program, [...above, ...words]);
      command.help();
    });
}

/** Ends the program when a word is no command of the one before. */
async function find(program: Command, words: readonly string[]): Promise<Command> {
  let command = program;
  for (const word of words) {
    const next = command.commands.find((each) => [each.name(), ...each.aliases()].includes(word));
    command = next ?? (await failUnknown(command, word));
  }
  return command;
}

/** Says it, with what was probably meant, as it is said when the word itself is run. */
async function failUnknown(command: Command, word: string): Promise<never> {
  // Whatever has commands does nothing by itself: commander fails for the word.
  if (command.commands.length > 0) await command.parseAsync(["--", word], { from: "user" });
  return command.error(`error: unknown command '${word}'`);
}
