import { refusal } from "../../core/isolation.js";
import { isSettled } from "../../core/place.js";
import { isDirectory, S_IFDIR } from "../../model/attributes.js";
import { NexusError } from "../../model/errors.js";
import type { Caller } from "../../model/identity.js";
import { isName } from "../../model/path.js";
import type { DirectoryEntry, DirectoryPage } from "../../storage/metadata/metadata-store.js";
import type {
  InodeRequest,
  ListByNameRequest,
  ListedEntry,
  NamePage,
  ReaddirPlusRequest,
  ReaddirRequest,
} from "../file-system.js";
import type { Inode } from "../inode.js";
import type { Volume } from "../volume.js";
import { noteAccess } from "./access-time.js";

/** Cookies of `.` and `..`; those of all other entries are higher. */
const DOT = 1;
const DOT_DOT = 2;

/** Entries asked of the store at a time. */
const MOST_AT_ONCE = 1024;

export function opendir(volume: Volume, { caller, ino }: InodeRequest & { caller: Caller }): void {
  requireDirectory(volume.readable(caller, ino));
}

export function readdir(
  volume: Volume,
  { caller, ino, cookie, limit, noAtime, emit }: ReaddirRequest & { caller: Caller },
): void {
  const directory = requireDirectory(volume.readable(caller, ino));
  if (cookie === 0 && !noAtime) noteAccess(volume, { caller, inode: directory });
  if (!emitDots(volume, { directory, cookie, emit })) return;
  eachEntry(
    { directory, cookie, limit, list: (page) => volume.metadata.readdir(page) },
    (entry) => isHidden(volume, { caller, directory, entry }) || emit(entry),
  );
}

export function readdirPlus(
  volume: Volume,
  { caller, ino, cookie, limit, noAtime, emit }: ReaddirPlusRequest & { caller: Caller },
): void {
  const directory = requireDirectory(volume.readable(caller, ino));
  if (cookie === 0 && !noAtime) noteAccess(volume, { caller, inode: directory });
  const emitDot = (entry: ListedEntry) => emit({ ...entry, attributes: undefined });
  if (!emitDots(volume, { directory, cookie, emit: emitDot })) return;
  eachEntry(
    { directory, cookie, limit, list: (page) => volume.metadata.readdirPlus(page) },
    (entry) => {
      if (isHidden(volume, { caller, directory, entry })) return true;
      const place = volume.router.child(directory.place, entry.name);
      const attributes = volume.attributes(caller, { record: entry.inode, place });
      if (!emit({ ...entry, attributes })) return false;
      volume.countLookup({ record: entry.inode, place });
      return true;
    },
  );
}

export function listByName(
  volume: Volume,
  { caller, ino, after, limit }: ListByNameRequest & { caller: Caller },
): NamePage {
  const directory = requireDirectory(volume.readable(caller, ino));
  if (after === "") noteAccess(volume, { caller, inode: directory });
  const page = volume.metadata.readdirByName({ ino, after, limit });
  const visible = page.filter((entry) => !isHidden(volume, { caller, directory, entry }));
  const entries = visible.map(({ name, inode: record }) => {
    const place = volume.router.child(directory.place, name);
    return { name, attributes: volume.attributes(caller, { record, place }) };
  });
  return { entries, last: page.length < limit ? undefined : page.at(-1)?.name };
}

function requireDirectory(inode: Inode): Inode {
  if (isDirectory(inode.mode)) return inode;
  throw new NexusError("not-a-directory", `inode ${inode.ino} is no directory`);
}

/** False when there was no room for them. A directory that was removed has not even these. */
function emitDots(
  volume: Volume,
  {
    directory,
    cookie,
    emit,
  }: { directory: Inode; cookie: number; emit: (entry: ListedEntry) => boolean },
): boolean {
  const { ino } = directory;
  if (cookie >= DOT_DOT || directory.isOrphan) return true;
  if (cookie < DOT && !emit({ name: ".", ino, mode: S_IFDIR, cookie: DOT })) return false;
  const parent = volume.metadata.entryOf(ino)?.parent ?? ino;
  return emit({ name: "..", ino: parent, mode: S_IFDIR, cookie: DOT_DOT });
}

function eachEntry<E extends DirectoryEntry>(
  {
    directory,
    cookie,
    limit,
    list,
  }: {
    directory: Inode;
    cookie: number;
    limit: number;
    list: (page: DirectoryPage) => E[];
  },
  visit: (entry: E) => boolean,
): void {
  const size = Math.max(1, Math.min(limit, MOST_AT_ONCE));
  for (let after = cookie; ; ) {
    const entries = list({ ino: directory.ino, after, limit: size });
    for (const entry of entries) if (!visit(entry)) return;
    const last = entries.at(-1);
    if (last === undefined || entries.length < size) return;
    after = last.cookie;
  }
}

/** Once for a directory: anybody can list it as often as they like. */
function noteMisnamed(
  { logger, misnamed }: Volume,
  { directory, name }: { directory: Inode; name: string },
): void {
  if (misnamed.has(directory)) return;
  misnamed.add(directory);
  logger.warn({ ino: directory.ino, name }, "a name that is none is left out: see nexus fsck");
}

/**
 * Listings leave out what the caller may not enter; and what no file can be called, which is damage: a kernel fails the
 * whole listing for it (`fuse_emit`, `parse_dirfile` in fs/fuse/readdir.c).
 */
function isHidden(
  volume: Volume,
  { caller, directory, entry }: { caller: Caller; directory: Inode; entry: DirectoryEntry },
): boolean {
  if (!isName(entry.name)) {
    noteMisnamed(volume, { directory, name: entry.name });
    return true;
  }
  if (isSettled(directory.place)) return false;
  const place = volume.router.child(directory.place, entry.name);
  return refusal(caller.identity, { place, access: "read" }) !== undefined;
}
