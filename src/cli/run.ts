import { CommanderError } from "commander";
import { Frame, type Surroundings } from "./frame.js";
import { buildProgram } from "./program.js";

const USAGE = 2;

/** Runs one command line to its end. Returns what to exit with. */
export async function runNexus(
  args: readonly string[],
  surroundings: Surroundings,
): Promise<number> {
  const frame = new Frame(surroundings);
  const program = await buildProgram(frame, { args });
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    // commander has said it already, or printed what was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE;
    await frame.complain(error);
  }
  return frame.exitCode;
}
