import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { expect } from "vitest";
import type { User } from "./daemon.js";

/**
 * Starts programs that each print a line when they are ready and wait for one, lets them go at once, and returns
 * the lines that each has printed after that.
 */
export async function runTogether(
  commands: readonly (readonly string[])[],
  { user }: { readonly user?: User } = {},
): Promise<string[][]> {
  const as = user === undefined ? {} : { uid: user.uid, gid: user.gid };
  const workers = commands.map(([program = "", ...args]) => {
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"], ...as });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    return { child, lines, ended: once(child, "close") };
  });
  try {
    for (const { lines } of workers) await lines.next();
    for (const { child } of workers) child.stdin.end("go\n");
    const outputs = await Promise.all(
      workers.map(async ({ lines }) => {
        const printed: string[] = [];
        for await (const line of { [Symbol.asyncIterator]: () => lines }) printed.push(line);
        return printed;
      }),
    );
    for (const { ended } of workers) expect((await ended)[0]).toBe(0);
    return outputs;
  } finally {
    for (const { child } of workers) child.kill();
  }
}
