import type { Scheduler } from "../model/clock.js";
import type { MaybePromise } from "../model/maybe-promise.js";

/**
 * Does long work piece by piece, the first one at once; after each the others who wait for the thread have their turn.
 * Without a scheduler nobody waits, and all is done when this returns.
 */
export function inTurns(
  pieces: Iterator<void>,
  scheduler: Pick<Scheduler, "turn"> | undefined,
): MaybePromise<void> {
  while (!pieces.next().done) {
    if (scheduler !== undefined) return takeTurns(pieces, scheduler);
  }
}

async function takeTurns(
  pieces: Iterator<void>,
  scheduler: Pick<Scheduler, "turn">,
): Promise<void> {
  do await scheduler.turn();
  while (!pieces.next().done);
}
