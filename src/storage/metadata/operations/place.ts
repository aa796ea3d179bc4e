import { isDirectory, isRegular } from "../../../model/attributes.js";
import { NexusError } from "../../../model/errors.js";
import type { ContentHash, Ino } from "../../../model/ids.js";
import type { Timestamp } from "../../../model/timestamp.js";
import type { PlaceFileRequest } from "../metadata-store.js";
import { command, run, type Script } from "../statement.js";
import { recordChange } from "./changes.js";
import { referenceContent, selectUnreferenced } from "./contents.js";
import { link } from "./create.js";
import { findInode } from "./inode-row.js";
import { type FoundEntry, findEntry } from "./remove.js";

/** Takes the staged content from an inode, which is empty then; tells what it was. */
const TAKE_STAGED = command(
  `UPDATE inodes SET staging_id = NULL, size_bytes = 0, blocks = 0
   WHERE ino = ? AND staging_id IS NOT NULL`,
);
const GIVE_STAGED = command(
  `UPDATE inodes SET (staging_id, size_bytes, blocks, mtime_sec, mtime_nsec) =
     (SELECT s.staging_id, s.size_bytes, s.blocks, s.mtime_sec, s.mtime_nsec FROM inodes s WHERE s.ino = ?),
     ctime_sec = ?, ctime_nsec = ?
   WHERE ino = ? AND EXISTS (SELECT 1 FROM inodes s WHERE s.ino = ? AND s.staging_id IS NOT NULL)`,
);

/**
 * Gives each file without a name its name, or its content to the file that has the name. Returns the
 * contents that nothing refers to now.
 */
export function* placeFiles(
  requests: readonly (PlaceFileRequest & { cookie: number })[],
): Script<ContentHash[]> {
  const targets: (FoundEntry | undefined)[] = [];
  for (const request of requests) targets.push(yield* requirePlaceable(request));
  const unreferenced: ContentHash[] = [];
  for (const [index, request] of requests.entries()) {
    const target = targets[index];
    const { ino, now } = request;
    if (target === undefined) {
      yield* link(request);
      continue;
    }
    const lost = yield* giveContent({ from: ino, to: target.ino, now });
    if (lost !== undefined) unreferenced.push(lost);
  }
  return yield* selectUnreferenced([...new Set(unreferenced)]);
}

/** What has the name now; undefined when it is free. Comes before all changes. */
function* requirePlaceable({
  ino,
  parent,
  name,
}: PlaceFileRequest): Script<FoundEntry | undefined> {
  const source = yield* findInode(ino);
  if (source === undefined || source.nlink > 0 || !isRegular(source.mode)) {
    throw new NexusError("not-found", `inode ${ino} is no file without a name`, { op: "place" });
  }
  const directory = yield* findInode(parent);
  if (directory === undefined || directory.nlink === 0) {
    throw new NexusError("not-found", "the directory was removed", { op: "place" });
  }
  const target = yield* findEntry({ parent, name });
  if (target === undefined || isRegular(target.mode)) return target;
  const isTaken = isDirectory(target.mode) ? "is a directory" : "is no regular file";
  const kind = isDirectory(target.mode) ? "is-a-directory" : "not-supported";
  throw new NexusError(kind, `'${name}' ${isTaken}`, { op: "place", path: name });
}

/** Moves what is staged, in one transaction with the row; what is sealed gets one more reference. */
function* giveContent({
  from,
  to,
  now,
}: {
  from: Ino;
  to: Ino;
  now: Timestamp;
}): Script<ContentHash | undefined> {
  const isStaged = (yield* run(GIVE_STAGED, from, now.sec, now.nsec, to, from)) > 0;
  if (!isStaged) return yield* referenceContent({ from, to, now });
  yield* run(TAKE_STAGED, from);
  yield* recordChange(to, { kind: "modified" });
  return undefined;
}
