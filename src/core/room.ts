import { NexusError } from "../model/errors.js";

/** A store that keeps some room for the day when its disk is full. */
export interface Roomy {
  /** False once only that is left. */
  hasRoom(): boolean;
}

/**
 * Asked before anything that takes more room: it would eat what is kept for removing, and then a full
 * disk could never be emptied again. Errors: `no-space`.
 */
export function requireRoom(store: Roomy): void {
  if (store.hasRoom()) return;
  throw new NexusError("no-space", "the disk has only the room left that removing files needs");
}
