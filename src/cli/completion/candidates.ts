import type { Argument, Command, Option } from "commander";

/** One way to go on, and what it is. */
export interface Candidate {
  readonly word: string;
  readonly about: string;
}

/** What may stand where the cursor is. */
export type Completion =
  | { readonly kind: "words"; readonly candidates: readonly Candidate[] }
  /** Paths of the host: the shell knows how. */
  | { readonly kind: "files" }
  | { readonly kind: "directories" }
  | PathCompletion;

/** Paths of the namespace that begin like this. */
export interface PathCompletion {
  readonly kind: "paths";
  readonly begin: string;
  /** What stands before it in the same word: `--prefix=`. */
  readonly lead: string;
  /** It knows which store has them. */
  readonly command: Command;
}

/** What a value is, by the name that it has in the command's help. */
const KIND_OF_VALUE: ReadonlyMap<string, "paths" | "files" | "directories"> = new Map([
  ["path", "paths"],
  ["source", "paths"],
  ["destination", "paths"],
  ["file", "files"],
  ["dir", "directories"],
  ["mountpoint", "directories"],
]);

const NOTHING: Completion = { kind: "words", candidates: [] };

/**
 * What can stand for the last one of these words, which may be empty. It asks the commands themselves, so
 * it knows each option that they have.
 */
export function complete(program: Command, words: readonly string[]): Completion {
  const current = words.at(-1) ?? "";
  let command = program;
  let waiting: Option | undefined;
  let positionals = 0;
  let onlyPositionals = false;
  for (const word of words.slice(0, -1)) {
    if (waiting !== undefined) {
      takeValue(command, { option: waiting, value: word });
      waiting = undefined;
      continue;
    }
    if (word === "--") {
      onlyPositionals = true;
    } else if (!onlyPositionals && word.startsWith("-")) {
      const [name = "", value] = word.split(/=(.*)/s);
      const option = findOption(command, name);
      if (option !== undefined && value !== undefined) takeValue(command, { option, value });
      else if (option?.required === true) waiting = option;
    } else {
      const next = positionals === 0 ? findCommand(command, word) : undefined;
      if (next === undefined) positionals += 1;
      else command = next;
    }
  }
  if (waiting !== undefined) return completeValue(waiting, { command, begin: current });
  if (!onlyPositionals && current.startsWith("-")) return completeOption(command, current);
  return completeArgument(command, { positionals, current });
}

/** Global options say which store has the paths. */
function takeValue(command: Command, { option, value }: { option: Option; value: string }): void {
  command.setOptionValue(option.attributeName(), value);
}

function completeOption(command: Command, current: string): Completion {
  const [, name, begin] = /^(--[^=]+)=(.*)$/s.exec(current) ?? [];
  if (name !== undefined) {
    const option = findOption(command, name);
    if (option === undefined) return NOTHING;
    const completion = completeValue(option, { command, begin: begin ?? "" });
    if (completion.kind === "paths") return { ...completion, lead: `${name}=` };
    if (completion.kind !== "words") return completion;
    // The shell replaces the whole word.
    const candidates = completion.candidates.map(({ word, about }) => ({
      ...{ word: `${name}=${word}`, about },
    }));
    return { kind: "words", candidates };
  }
  const candidates = command
    .createHelp()
    .visibleOptions(command)
    .flatMap(({ long, description }) => (long == null ? [] : [{ word: long, about: description }]));
  return wordsThatBegin(current, candidates);
}

function completeValue(
  option: Option,
  { command, begin }: { command: Command; begin: string },
): Completion {
  return completeKind(option, { name: valueName(option), command, begin });
}

function completeArgument(
  command: Command,
  { positionals, current }: { positionals: number; current: string },
): Completion {
  if (positionals === 0 && command.commands.length > 0) {
    const candidates = command
      .createHelp()
      .visibleCommands(command)
      .map((each) => ({ word: each.name(), about: each.description() }));
    return wordsThatBegin(current, candidates);
  }
  const { registeredArguments } = command;
  const last = registeredArguments.at(-1);
  const argument = registeredArguments[positionals] ?? (last?.variadic === true ? last : undefined);
  if (argument === undefined) return NOTHING;
  return completeKind(argument, { name: argument.name(), command, begin: current });
}

function completeKind(
  { argChoices }: Pick<Argument & Option, "argChoices">,
  { name, command, begin }: { name: string; command: Command; begin: string },
): Completion {
  if (argChoices !== undefined) {
    return wordsThatBegin(
      begin,
      argChoices.map((word) => ({ word, about: "" })),
    );
  }
  const kind = KIND_OF_VALUE.get(name);
  if (kind === undefined) return NOTHING;
  return kind === "paths" ? { kind, begin, lead: "", command } : { kind };
}

function wordsThatBegin(begin: string, candidates: readonly Candidate[]): Completion {
  return { kind: "words", candidates: candidates.filter(({ word }) => word.startsWith(begin)) };
}

function findCommand(command: Command, name: string): Command | undefined {
  return command.commands.find((each) => each.name() === name || each.aliases().includes(name));
}

function findOption(command: Command, name: string): Option | undefined {
  return command.options.find(({ long, short }) => long === name || short === name);
}

/** `file` for `--config <file>`. */
function valueName({ flags }: Option): string {
  return /[<[]([^\]>.]+)/.exec(flags)?.[1] ?? "";
}
