import { NexusError } from "../../model/errors.js";
import type { ChangePosition } from "../../storage/metadata/change-store.js";

/** A position as text that means nothing to anybody else. */
export function cursorOf({ store, seq, time }: ChangePosition): string {
  return Buffer.from(JSON.stringify([store, seq, time.sec, time.nsec])).toString("base64url");
}

/** The inverse. Errors: `invalid-argument`. */
export function parseCursor(cursor: string): ChangePosition {
  const [store, seq, sec, nsec] = partsOf(cursor);
  if (typeof store === "string" && isCount(seq) && Number.isSafeInteger(sec) && isCount(nsec)) {
    return { store, seq, time: { sec: Number(sec), nsec } };
  }
  throw new NexusError("invalid-argument", "this is no cursor of a watch", { op: "watch" });
}

function partsOf(cursor: string): unknown[] {
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
    return Array.isArray(parts) ? parts : [];
  } catch {
    return []; // not of ours
  }
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
