import { createHash } from "node:crypto";
import { readFileSync, writeSync } from "node:fs";
import { setImmediate } from "node:timers/promises";

// What the loads share: they do one thing after the other until they are told to stop or something fails, and
// say on stdout what they are about to do and what was done, a JSON line each (see `Ledger`).

export function say(event) {
  writeSync(1, `${JSON.stringify(event)}\n`);
}

/** Calls `act` again and again. A line on standard input ends it; what it throws is the last thing said. */
export async function workUntilTold(act) {
  say({ working: true });
  let isOver = false;
  process.stdin.once("data", () => {
    isOver = true;
  });
  process.stdin.once("end", () => {
    isOver = true;
  });
  try {
    while (!isOver) {
      await act();
      await setImmediate();
    }
  } catch (error) {
    say({ ended: `${error.code ?? error.kind ?? ""} ${error.message}` });
  }
  // Not more than what is needed: on a dead mount, closing fails, too.
  process.exit(0);
}

export function hashOf(bytes) {
  return createHash("sha256").update(bytes).digest("hex");
}

/** The state of a file, as the ledger has it. */
export function stateOf(path) {
  try {
    return hashOf(readFileSync(path));
  } catch (error) {
    return error.code === "ENOENT" ? "absent" : `unreadable (${error.code})`;
  }
}
