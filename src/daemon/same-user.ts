import { NexusError } from "../model/errors.js";
import type { CallContext } from "./control-server.js";

/** A mount belongs to the user who makes it, and what that user asks for shall be theirs. Errors: `not-permitted`. */
export function requireSameUser({ credentials }: CallContext): void {
  const uid = process.geteuid?.();
  if (uid === undefined || credentials.uid === uid) return;
  const who = uid === 0 ? "root" : `the user with id ${uid}`;
  throw new NexusError(
    "not-permitted",
    `the daemon (process ${process.pid}) is ${who}'s: ask as that user`,
  );
}
