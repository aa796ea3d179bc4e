import type { Command } from "commander";

/** Puts examples below a command's help. */
export function addExamples(command: Command, examples: readonly string[]): Command {
  const title = examples.length === 1 ? "Example" : "Examples";
  return command.addHelpText(
    "after",
    `\n${title}:\n${examples.map((line) => `  ${line}`).join("\n")}`,
  );
}
