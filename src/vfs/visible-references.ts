import { refusal } from "../core/isolation.js";
import type { Place } from "../core/place.js";
import type { Identity } from "../model/identity.js";
import { type ContentHash, type Ino, ROOT_INO } from "../model/ids.js";
import type { Volume } from "./volume.js";

/**
 * How many files have a content, of those that an identity may read. The number of all references
 * would tell whether somebody else has a file that one can only guess.
 */
export function visibleReferences(
  volume: Volume,
  { identity, hash }: { identity: Identity; hash: ContentHash },
): number {
  const places = new Map<Ino, Place | undefined>();
  const placeOf = (ino: Ino): Place | undefined => {
    if (!places.has(ino)) places.set(ino, findPlace(volume, { ino, placeOf }));
    return places.get(ino);
  };
  const visible = volume.metadata.entriesOfContent(hash).filter(({ parent, name }) => {
    const directory = placeOf(parent);
    if (directory === undefined) return false;
    const place = volume.router.child(directory, name);
    return refusal(identity, { place, access: "read" }) === undefined;
  });
  return visible.length;
}

/** The place of a directory; undefined when it is none any more. */
function findPlace(
  volume: Volume,
  { ino, placeOf }: { ino: Ino; placeOf: (ino: Ino) => Place | undefined },
): Place | undefined {
  if (ino === ROOT_INO) return volume.router.root;
  const known = volume.inodes.peek(ino);
  if (known !== undefined) return known.place;
  const entry = volume.metadata.entryOf(ino);
  const parent = entry === undefined ? undefined : placeOf(entry.parent);
  return entry === undefined || parent === undefined
    ? undefined
    : volume.router.child(parent, entry.name);
}
