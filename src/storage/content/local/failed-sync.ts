import { NexusError } from "../../../model/errors.js";
import type { StagingId } from "../../../model/ids.js";

/**
 * A sync failed that should have made staging files durable. The kernel says so once and then takes
 * their pages for clean (fsync(2), "Bugs"), so no later sync of these files means anything.
 */
export class FailedSync extends NexusError {
  readonly ids: readonly StagingId[];

  constructor(ids: readonly StagingId[], { kind, message, op, path, cause }: NexusError) {
    super(kind, message, {
      cause,
      ...(op === undefined ? {} : { op }),
      ...(path === undefined ? {} : { path }),
    });
    this.ids = ids;
  }
}

/** The bytes that couldn't be synced aren't those any more that were hashed: they are lost. */
export function lostBytes(path: string): NexusError {
  const message = `a sync of ${path} failed, and it hasn't the bytes any more that were hashed`;
  return new NexusError("io-failure", message, { op: "seal contents", path });
}
