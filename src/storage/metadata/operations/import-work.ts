import type { Ino } from "../../../model/ids.js";
import type { Timestamp } from "../../../model/timestamp.js";
import { DEFAULT_LEASE_MS, parseStatus, WORK_KEY } from "../../../model/work.js";
import type { ImportedFile, ImportRequest } from "../import-store.js";
import type { Script } from "../statement.js";
import { getMetadata } from "./metadata-row.js";
import { lease } from "./work-claim.js";
import { resolveAwaited, setDependencies } from "./work-dependencies.js";
import { enterStatus, leaveQueue } from "./work-status.js";

/** Before a file gets other metadata: what it was for the queue is over. */
export function* leaveWork(file: ImportedFile, now: Timestamp): Script<void> {
  if (!("ino" in file.target)) return;
  const { ino } = file.target;
  yield* leaveQueue(ino, now);
  yield* setDependencies(ino, { references: [], now });
}

/**
 * A worker has it, or had it where it comes from. It gets the time of a claim to say so; else the item
 * would be in progress for ever.
 */
export function isClaimed(file: ImportedFile | undefined): boolean {
  const status = file?.metadata.get(WORK_KEY.status);
  if (status === undefined || Buffer.from(status).toString() !== "in_progress") return false;
  return file?.metadata.has(WORK_KEY.workerId) === true;
}

/**
 * Brings the queue's index up to what was imported. First all items, then what they wait for: so the
 * order of the files doesn't matter, and a cycle is found. Errors: `invalid-argument` (a cycle).
 */
export function* enterWork({ files, now }: ImportRequest, inos: readonly Ino[]): Script<void> {
  for (const [index, ino] of inos.entries()) {
    const status = files[index]?.metadata.has(WORK_KEY.status)
      ? yield* getMetadata(ino, WORK_KEY.status)
      : undefined;
    const zone = files[index]?.work.zone ?? "/";
    if (status === undefined) continue;
    yield* enterStatus(ino, { status: parseStatus(status), now, zone, isWritten: true });
    if (isClaimed(files[index])) yield* lease({ ino, leaseMs: DEFAULT_LEASE_MS, now });
  }
  for (const [index, ino] of inos.entries()) {
    const dependencies = files[index]?.work.dependencies ?? [];
    const references = dependencies.map(({ reference, ino: known, file }) => {
      return { reference, ino: known ?? (file === undefined ? undefined : inos[file]) };
    });
    if (references.length > 0) yield* setDependencies(ino, { references, now });
  }
  for (const ino of inos) yield* resolveAwaited(ino, now);
}
