import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

// Compiled code is part of the heap. V8 makes and drops it when it likes to, some hundred KB at a time, so there must be
// none: who imports this needs a process of its own.
for (const flag of ["--no-opt", "--no-sparkplug", "--no-flush-bytecode", "--expose-gc"]) {
  setFlagsFromString(flag);
}
const collect = runInNewContext("gc") as () => void;

/** What this process's heap has in it that somebody still needs. */
export function neededBytes(): number {
  // What a first collection finds to be finished, a second one takes.
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}
