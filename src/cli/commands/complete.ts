import { dirname, join as joinPath } from "node:path/posix";
import type { Command } from "commander";
import { type Candidate, complete, type PathCompletion } from "../completion/candidates.js";
import type { Frame } from "../frame.js";

/** More than that no one reads. */
const MOST_PATHS = 200;

/** The hidden command that completion scripts ask. It never fails and never complains. */
export function addCompleteCommand(program: Command, frame: Frame): void {
  program
    .command("__complete", { hidden: true })
    .argument("[words...]", "the words of the command line up to the cursor")
    .action(async (words: string[]) => {
      const { buildProgram } = await import("../program.js");
      // All of them: the names of commands are completed, too.
      const whole = await buildProgram(frame, { args: [] });
      const completion = complete(whole, words);
      if (completion.kind === "files" || completion.kind === "directories") {
        return await frame.output.line(`:${completion.kind}`);
      }
      const candidates =
        completion.kind === "words"
          ? completion.candidates
          : await pathsOf(frame, completion).catch(() => []);
      await frame.output.line(":words");
      for (const { word, about } of candidates) await frame.output.line(`${word}\t${about}`);
    });
}

/** Paths of the namespace that begin like this. Errors: those of opening the store. */
async function pathsOf(
  frame: Frame,
  { begin, lead, command }: PathCompletion,
): Promise<Candidate[]> {
  // What is typed stays as it is: a relative one doesn't become absolute.
  const typed = begin.slice(0, begin.lastIndexOf("/") + 1);
  const directory = typed === "" ? "." : typed;
  const candidates: Candidate[] = [];
  await frame.withClient(command, {
    paths: [directory],
    patience: "none",
    onSignal: "end",
    run: async ({ client, paths: [prefix = "/"], signal }) => {
      const listing = client.walk({ prefix, recursive: false, directories: true, signal });
      for await (const { path, type } of listing) {
        const name = path.slice(joinPath(dirname(path), "/").length);
        const word = typed + name + (type === "directory" ? "/" : "");
        if (word.startsWith(begin)) candidates.push({ word: lead + word, about: type });
        if (candidates.length >= MOST_PATHS) break;
      }
    },
  });
  return candidates;
}
