import { refusal } from "../../libc/refusal.js";
import { isKind, type NexusError } from "../../model/errors.js";

/** Whether the disk is full, or the quota used up. */
export function isForLackOfRoom(error: unknown): boolean {
  return isKind(error, "no-space") || isKind(error, "quota-exceeded");
}

/** The error for a directory of backups whose disk is full, as whatever found that has it. */
export function noRoom(error: unknown, path: string): NexusError {
  return refusal(error, {
    what: `${path} has no room for the backup`,
    advice: "nexus backup with --prune --keep N makes none, and removes old ones",
    path,
  });
}
