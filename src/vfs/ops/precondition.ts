import { NexusError } from "../../model/errors.js";
import type { ContentHash } from "../../model/ids.js";
import type { InodeRecord } from "../../storage/metadata/metadata-store.js";
import type { Placement } from "../file-system.js";
import type { Volume } from "../volume.js";

/** What is known of the content that a name has: nothing while it is written. */
type Content = { readonly etag: ContentHash } | "none" | "unknown";

/**
 * Refuses a placement whose conditions don't hold. A content that somebody has open for writing, or
 * that changed since it was looked at, is no known one: no condition on an etag holds for it.
 * Errors: `precondition-failed`.
 */
export function requirePreconditions(
  volume: Volume,
  { placement, target }: { placement: Placement; target: InodeRecord | undefined },
): void {
  const { ifMatch, ifNoneMatch, name } = placement;
  if (ifMatch === undefined && ifNoneMatch === undefined) return;
  const content = contentOf(volume, target);
  if (ifNoneMatch === "*") {
    if (content !== "none") fail(name, "exists already");
  } else if (ifNoneMatch !== undefined && content !== "none") {
    if (content === "unknown") fail(name, "is being written");
    if (content.etag === ifNoneMatch) fail(name, `has the content ${ifNoneMatch}`);
  }
  if (ifMatch === undefined) return;
  if (content === "none") fail(name, "doesn't exist");
  if (content === "unknown") fail(name, "is being written");
  if (content.etag !== ifMatch) fail(name, `has the content ${content.etag}, not ${ifMatch}`);
}

function contentOf(volume: Volume, target: InodeRecord | undefined): Content {
  if (target === undefined) return "none";
  if (volume.staging.of(target.ino) !== undefined || target.contentHash === undefined) {
    return "unknown";
  }
  return { etag: target.contentHash };
}

function fail(name: string, reason: string): never {
  throw new NexusError("precondition-failed", `'${name}' ${reason}`, { path: name });
}
