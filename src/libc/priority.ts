import { bind } from "./library.js";

const libcSetpriority = bind<(which: number, who: number, priority: number) => number>(
  "int setpriority(int which, int who, int priority)",
);

const PRIO_PROCESS = 0;
const NICE = 10;

/**
 * Makes the calling thread step back for others: nice(2), which Linux keeps by thread
 * (setpriority(2) with 0 means the caller). Lowering is always allowed.
 */
export function lowerPriority(): void {
  libcSetpriority(PRIO_PROCESS, 0, NICE);
}
