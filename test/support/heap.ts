import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** What this process's heap has in it that somebody still needs. */
export function neededBytes(): number {
  // What a first collection finds to be finished, a second one takes.
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}
