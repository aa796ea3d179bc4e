import { isRegular, withoutSetId } from "../../../model/attributes.js";
import { NexusError } from "../../../model/errors.js";
import type { ContentHash, Ino, PathId } from "../../../model/ids.js";
import type { Timestamp } from "../../../model/timestamp.js";
import type {
  Imported,
  ImportedDirectory,
  ImportedFile,
  ImportParent,
  ImportRequest,
  NewFile,
} from "../import-store.js";
import type { SealedContent } from "../metadata-store.js";
import {
  all,
  command,
  first,
  integer,
  optionalText,
  query,
  recordingTime,
  run,
  type Script,
  text,
} from "../statement.js";
import { recordChange } from "./changes.js";
import { dropReference, selectUnreferenced } from "./contents.js";
import { create, type NewInode } from "./create.js";
import { enterWork, leaveWork } from "./import-work.js";
import { addMetadata } from "./metadata-row.js";
import { sqlValueOf } from "./value.js";

const FIND_CONTENT = query(
  "SELECT size_bytes, blocks FROM contents WHERE hash = ? AND ref_count > 0",
);
const FIND_FILE = query("SELECT mode, content_hash, version FROM inodes WHERE ino = ?");
const FIND_PATH_ID = query("SELECT 1 FROM inodes WHERE path_id = ?");
const REFER = command("UPDATE contents SET ref_count = ref_count + 1 WHERE hash = ?");
const IMPORT = command(
  `UPDATE inodes SET mode = ?, content_hash = ?, size_bytes = ?, blocks = ?, version = ?,
     staging_id = NULL, mime_type = ?, mtime_sec = ?, mtime_nsec = ?, btime_sec = ?, btime_nsec = ?,
     ctime_sec = ?, ctime_nsec = ?
   WHERE ino = ?`,
);
const METADATA_KEYS = query("SELECT key FROM file_metadata WHERE ino = ? ORDER BY key");
const CLEAR_METADATA = command("DELETE FROM file_metadata WHERE ino = ?");
/** A new content takes a program's capabilities; capabilities(7). */
const DROP_CAPABILITIES = command(
  "DELETE FROM system_attributes WHERE ino = ? AND key = 'security.capability'",
);

/** The numbers of what is made: of each directory, and of each file that isn't there. */
export interface ImportNumbers {
  readonly directories: readonly NewInode[];
  readonly files: readonly (NewInode | undefined)[];
}

/** A sealed content that an inode has; undefined when none has it. */
export function* findContent(hash: ContentHash): Script<SealedContent | undefined> {
  const row = yield* first(FIND_CONTENT, hash);
  return row && { hash, sizeBytes: integer(row, 0), blocks: integer(row, 1) };
}

export function* importFiles(request: ImportRequest, numbers: ImportNumbers): Script<Imported> {
  const contents = yield* requireContents(request.files);
  yield* requireRegularTargets(request.files);
  const made: Ino[] = [];
  for (const [index, directory] of request.directories.entries()) {
    made.push(yield* make(directory, { request, made, number: numbers.directories[index] }));
  }
  const inos: Ino[] = [];
  const dropped: ContentHash[] = [];
  for (const [index, file] of request.files.entries()) {
    const ino = yield* target(file.target, { request, made, number: numbers.files[index] });
    const content = contents.get(file.contentHash);
    if (content === undefined) throw missing(file.contentHash);
    const lost = yield* point(ino, { file, content, now: request.now });
    if (lost !== undefined) dropped.push(lost);
    yield* leaveWork(file, request.now);
    yield* replaceMetadata(ino, { metadata: file.metadata, now: request.now });
    inos.push(ino);
  }
  yield* enterWork(request, inos);
  // A later file may have referred to it anew.
  return { inos, unreferenced: yield* selectUnreferenced([...new Set(dropped)]) };
}

function* requireContents(
  files: readonly ImportedFile[],
): Script<ReadonlyMap<ContentHash, SealedContent>> {
  const contents = new Map<ContentHash, SealedContent>();
  for (const { contentHash } of files) {
    if (contents.has(contentHash)) continue;
    const content = yield* findContent(contentHash);
    if (content === undefined) throw missing(contentHash);
    contents.set(contentHash, content);
  }
  return contents;
}

function missing(hash: ContentHash): NexusError {
  return new NexusError("not-found", `no file has the content ${hash}`, { op: "import" });
}

function* requireRegularTargets(files: readonly ImportedFile[]): Script<void> {
  for (const { target } of files) {
    if (!("ino" in target)) continue;
    const row = yield* first(FIND_FILE, target.ino);
    if (row === undefined || !isRegular(integer(row, 0))) {
      throw new NexusError("not-found", `inode ${target.ino} is no file`, { op: "import" });
    }
  }
}

interface Making {
  readonly request: ImportRequest;
  readonly made: readonly Ino[];
  readonly number: NewInode | undefined;
}

function* make(
  { parent, ...entry }: ImportedDirectory | NewFile,
  { request: { now, uid, gid }, made, number }: Making,
): Script<Ino> {
  const rest = { now, uid, gid, rdev: 0, mimeType: undefined };
  const at = "ino" in parent ? parent.ino : madeDirectory(parent, made);
  if (number === undefined) throw new NexusError("internal", "what is made needs a number");
  return (yield* create({ ...rest, ...entry, ...number, parent: at })).ino;
}

function madeDirectory(parent: Extract<ImportParent, { made: number }>, made: readonly Ino[]): Ino {
  const ino = made[parent.made];
  if (ino === undefined) throw new NexusError("internal", "a parent comes before what is in it");
  return ino;
}

function* target(file: ImportedFile["target"], making: Making): Script<Ino> {
  if ("ino" in file) return file.ino;
  const number = making.number && (yield* withPathId(file.pathId, making.number));
  return yield* make(file, { ...making, number });
}

function* withPathId(pathId: PathId | undefined, number: NewInode): Script<NewInode> {
  const isFree = pathId !== undefined && (yield* first(FIND_PATH_ID, pathId)) === undefined;
  return isFree ? { ...number, pathId } : number;
}

/** Returns the content that the file had, when nothing refers to it any more. */
function* point(
  ino: Ino,
  { file, content, now }: { file: ImportedFile; content: SealedContent; now: Timestamp },
): Script<ContentHash | undefined> {
  const { mtime, btime, mimeType } = file;
  const row = yield* first(FIND_FILE, ino);
  if (row === undefined) throw new NexusError("internal", `inode ${ino} went in between`);
  const before = optionalText<ContentHash>(row, 1);
  const changed = before !== content.hash;
  const isThere = "ino" in file.target;
  const least = isThere ? integer(row, 2) + (changed ? 1 : 0) : 0;
  yield* run(
    IMPORT,
    changed ? withoutSetId(integer(row, 0)) : integer(row, 0),
    content.hash,
    content.sizeBytes,
    content.blocks,
    Math.max(least, file.version),
    mimeType ?? null,
    mtime.sec,
    mtime.nsec,
    btime.sec,
    btime.nsec,
    now.sec,
    now.nsec,
    ino,
  );
  if (isThere) yield* recordChange(ino, { kind: changed ? "modified" : "attributes" });
  if (!changed) return undefined;
  if (isThere) yield* run(DROP_CAPABILITIES, ino);
  yield* run(REFER, content.hash);
  return before !== undefined && (yield* dropReference(before)) ? before : undefined;
}

function* replaceMetadata(
  ino: Ino,
  { metadata, now }: { metadata: ImportedFile["metadata"]; now: Timestamp },
): Script<void> {
  const had = (yield* recordingTime()) === undefined ? [] : yield* all(METADATA_KEYS, ino);
  yield* run(CLEAR_METADATA, ino);
  for (const [key, value] of metadata) {
    yield* addMetadata(ino, { key, value: sqlValueOf(value), now });
  }
  const keys = [...new Set([...had.map((row) => text(row, 0)), ...metadata.keys()])];
  if (keys.length > 0) yield* recordChange(ino, { kind: "metadata", keys });
}
