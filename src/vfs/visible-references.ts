import { refusal } from "../core/isolation.js";
import type { Place } from "../core/place.js";
import type { Identity } from "../model/identity.js";
import { type ContentHash, type Ino, ROOT_INO } from "../model/ids.js";
import type { EntryName } from "../storage/metadata/metadata-store.js";
import type { Volume } from "./volume.js";

/**
 * How many files have a content, of those that an identity may read. The number of all references
 * would tell whether somebody else has a file that one can only guess.
 */
export function visibleReferences(
  volume: Volume,
  { identity, hash }: { identity: Identity; hash: ContentHash },
): number {
  return volume.metadata.entriesOfContent(hash).filter(visibleTo(volume, identity)).length;
}

/** Whether one of the files that an identity may read has this content. */
export function isVisibleContent(
  volume: Volume,
  { identity, hash }: { identity: Identity; hash: ContentHash },
): boolean {
  return volume.metadata.entriesOfContent(hash).some(visibleTo(volume, identity));
}

function visibleTo(volume: Volume, identity: Identity): (entry: EntryName) => boolean {
  const places = new Map<Ino, Place | undefined>();
  return ({ parent, name }) => {
    const directory = findPlace(volume, parent, places);
    if (directory === undefined) return false;
    const place = volume.router.child(directory, name);
    return refusal(identity, { place, access: "read" }) === undefined;
  };
}

/**
 * The place of a directory, also of one that nobody looked up; undefined when it is none any more.
 * `known` spares who asks for many to ask twice.
 */
export function findPlace(
  volume: Volume,
  ino: Ino,
  known = new Map<Ino, Place | undefined>(),
): Place | undefined {
  if (ino === ROOT_INO) return volume.router.root;
  const open = volume.inodes.peek(ino);
  if (open !== undefined) return open.place;
  if (known.has(ino)) return known.get(ino);
  // For who comes by it again on its way up: damage may have put it below itself.
  known.set(ino, undefined);
  const entry = volume.metadata.entryOf(ino);
  const parent = entry === undefined ? undefined : findPlace(volume, entry.parent, known);
  const place =
    entry === undefined || parent === undefined
      ? undefined
      : volume.router.child(parent, entry.name);
  known.set(ino, place);
  return place;
}
