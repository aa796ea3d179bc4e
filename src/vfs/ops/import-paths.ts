import { mayBeFile, refusal } from "../../core/isolation.js";
import type { Place } from "../../core/place.js";
import { isDirectory, isRegular } from "../../model/attributes.js";
import { NexusError } from "../../model/errors.js";
import type { Caller } from "../../model/identity.js";
import { type Ino, ROOT_INO } from "../../model/ids.js";
import { splitPath } from "../../model/path.js";
import type { InodeRecord } from "../../storage/metadata/metadata-store.js";
import type { Volume } from "../volume.js";

/** One component of a path, and where it lies. */
export interface Step {
  readonly name: string;
  readonly place: Place;
}

/**
 * The components of a path that a file is going to have, once the caller may write there. By the path
 * alone. Errors: `access-denied`, `read-only`, `not-permitted` (it can only be a directory).
 */
export function writableSteps(
  volume: Volume,
  { caller, path }: { caller: Caller; path: string },
): Step[] {
  let parent = volume.router.root;
  let place = parent;
  const steps = splitPath(path).map((name) => {
    parent = place;
    place = volume.router.child(parent, name);
    return { name, place };
  });
  const refused = refusal(caller.identity, { place, access: "write" });
  if (refused !== undefined) {
    throw new NexusError(refused.kind, `${path}: ${refused.message}`, { op: "import", path });
  }
  if (steps.length === 0) throw new NexusError("is-a-directory", "/ is a directory", { path });
  if (!mayBeFile(caller.identity, { place, parent })) {
    throw new NexusError("not-permitted", `${path} can only be a directory`, { path });
  }
  return steps;
}

/** What is there of a path: the directories on the way as far as they are, and the file. */
export interface Found {
  /** As many of the steps as lead to directories. */
  readonly directories: readonly Ino[];
  readonly file: InodeRecord | undefined;
}

/** Errors: `not-a-directory`, `is-a-directory`, `not-supported`. */
export function findFile(
  volume: Volume,
  { path, steps }: { path: string; steps: readonly Step[] },
): Found {
  const directories: Ino[] = [ROOT_INO];
  for (const [index, { name }] of steps.entries()) {
    const record = volume.metadata.lookup({ parent: directories.at(-1) ?? ROOT_INO, name });
    if (record === undefined) return { directories, file: undefined };
    if (index === steps.length - 1) {
      requireRegular(record, path);
      return { directories, file: record };
    }
    if (!isDirectory(record.mode)) {
      throw new NexusError("not-a-directory", `${path} leads through '${name}', no directory`, {
        path,
      });
    }
    directories.push(record.ino);
  }
  return { directories, file: undefined };
}

function requireRegular({ mode }: InodeRecord, path: string): void {
  if (isRegular(mode)) return;
  if (isDirectory(mode)) throw new NexusError("is-a-directory", `${path} is a directory`, { path });
  throw new NexusError("not-supported", `${path} is no regular file`, { path });
}
