import { appendFileSync } from "node:fs";
import {
  type ArmedFailpoint,
  type Failpoint,
  type Failpoints,
  NO_FAILPOINTS,
} from "../model/failpoint.js";

/** The failpoints of a process or a thread that was started with this one armed, or with none. */
export function failpointsFor(armed: ArmedFailpoint | undefined): Failpoints {
  return armed === undefined ? NO_FAILPOINTS : new KillingFailpoints(armed);
}

/** Ends the process as a crash does, where it was told to: nothing more of it runs, on any thread. */
class KillingFailpoints implements Failpoints {
  readonly #armed: ArmedFailpoint;
  #times = 0;

  constructor(armed: ArmedFailpoint) {
    this.#armed = armed;
  }

  reach(name: Failpoint): void {
    const { name: armed, count, reachedFile } = this.#armed;
    if (name !== armed || ++this.#times !== count) return;
    if (reachedFile !== undefined) appendFileSync(reachedFile, `${name}\n`);
    // kill(2): a signal to oneself is there before the call returns.
    process.kill(process.pid, "SIGKILL");
  }
}
