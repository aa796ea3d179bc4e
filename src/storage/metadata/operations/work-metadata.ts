import type { Ino } from "../../../model/ids.js";
import type { Timestamp } from "../../../model/timestamp.js";
import { parsePriority, parseStatus, WORK_KEY } from "../../../model/work.js";
import type { Script } from "../statement.js";
import type { WorkContext } from "../work-store.js";
import { resolveAwaited, setDependencies } from "./work-dependencies.js";
import { enterStatus, leaveQueue, setRank } from "./work-status.js";

/** A key that the queue knows got this value, as text. */
export interface WorkMetadata {
  readonly ino: Ino;
  readonly key: string;
  readonly value: string;
  readonly now: Timestamp;
}

/**
 * Refuses what the queue can't take, before anything is written. Errors: `invalid-argument`.
 */
export function requireWorkValue(key: string, value: string): void {
  if (key === WORK_KEY.status) parseStatus(value);
  if (key === WORK_KEY.priority) parsePriority(value);
}

/** Brings the queue's index up to what was written. Errors: `invalid-argument` (a cycle). */
export function* noteWorkMetadata(
  { ino, key, value, now }: WorkMetadata,
  { zone, dependencies = [] }: WorkContext,
): Script<void> {
  switch (key) {
    case WORK_KEY.status:
      yield* enterStatus(ino, { status: parseStatus(value), now, zone, isWritten: true });
      yield* resolveAwaited(ino, now);
      break;
    case WORK_KEY.priority:
      yield* setRank(ino, parsePriority(value));
      break;
    case WORK_KEY.dependsOn:
      yield* setDependencies(ino, { references: dependencies, now });
      break;
    default: // the other keys only tell
  }
}

/** A value was removed. */
export function* noteWorkMetadataRemoved({
  ino,
  key,
  now,
}: Omit<WorkMetadata, "value">): Script<void> {
  switch (key) {
    case WORK_KEY.status:
      yield* leaveQueue(ino, now);
      break;
    case WORK_KEY.priority:
      yield* setRank(ino, undefined);
      break;
    case WORK_KEY.dependsOn:
      yield* setDependencies(ino, { references: [], now });
      break;
    default: // the other keys only tell
  }
}
