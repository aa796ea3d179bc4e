import { Argument, type Command } from "commander";
import { SCRIPTS, SHELLS, type Shell } from "../completion/scripts.js";
import { addExamples } from "../example.js";
import type { Frame } from "../frame.js";

/** `nexus completion`: what a shell needs to complete command lines. */
export function addCompletionCommand(program: Command, frame: Frame): void {
  const command = program
    .command("completion")
    .description("print the script that makes a shell complete nexus commands")
    .addArgument(new Argument("<shell>", "which shell").choices(SHELLS))
    .action((shell: Shell) => frame.output.write(SCRIPTS[shell]));
  addExamples(command, [
    'eval "$(nexus completion bash)"      in ~/.bashrc',
    'eval "$(nexus completion zsh)"       in ~/.zshrc, after compinit',
    "nexus completion fish | source       in ~/.config/fish/config.fish",
  ]);
}
