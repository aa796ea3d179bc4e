import type { Clock } from "../model/clock.js";
import { timestampToMs } from "../model/timestamp.js";
import type { Logger } from "../telemetry/logger.js";
import { type Behind, type BehindNote, isRepairing } from "./behind-note.js";
import { whyBehind } from "./metadata/check/database-behind.js";

/** So long somebody has to see that something is wrong, and to put away what he needs, with a repair. */
const REST_MS = 7 * 24 * 3600 * 1000;

/**
 * Notes that a database lacks changes, before it is opened to go on without them. After a power failure that may
 * be, and can't be told from an older database, or one whose log was taken away; then contents without a file are
 * all that there is of what it lacks.
 */
export function noteIfBehind(
  paths: { readonly databasePath: string; readonly journalPath: string },
  { note, clock, logger }: { note: BehindNote; clock: Clock; logger: Logger },
): void {
  const noted = note.read();
  if (noted !== undefined && isRepairing(noted)) {
    logger.warn(
      { why: noted.why },
      "a repair hasn't come to its end, and what no file has is kept until it has: see nexus fsck --repair",
    );
  }
  const why = whyBehind(paths);
  if (why === undefined) return;
  logger.warn(
    { why },
    "the database lacks changes that were committed, and the store goes on without them: as it may be after a power failure; else restore the database that was here. What has no file now isn't collected by itself for a week. See nexus fsck",
  );
  note.goOn({ sinceMs: timestampToMs(clock.now()), why });
}

/**
 * How long from now nothing is to be collected that nobody asks for, in milliseconds; Infinity until a repair has come
 * to its end. A note that is too old is removed.
 */
export function restAfter(note: BehindNote, { clock }: { clock: Clock }): number {
  const behind = note.read();
  if (behind === undefined) return 0;
  const restMs = restOf(behind, timestampToMs(clock.now()));
  if (restMs === 0) note.clear();
  return restMs;
}

/** The same of what is noted, at a moment: milliseconds, 0 when it is over. */
export function restOf(behind: Behind, nowMs: number): number {
  if (isRepairing(behind)) return Number.POSITIVE_INFINITY;
  return Math.min(REST_MS, Math.max(0, behind.sinceMs + REST_MS - nowMs));
}
