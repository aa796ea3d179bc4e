import { NexusError } from "../../model/errors.js";
import type { MetadataStore } from "../../storage/metadata/metadata-store.js";

/**
 * Asked before anything that takes more room: contents would eat what is kept for removing, and then
 * a full disk could never be emptied again. Errors: `no-space`.
 */
export function requireRoom(metadata: MetadataStore): void {
  if (metadata.hasRoom()) return;
  throw new NexusError("no-space", "the disk has only the room left that removing files needs");
}
