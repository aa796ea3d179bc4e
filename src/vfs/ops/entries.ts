import { authorize } from "../../core/isolation.js";
import { mimeTypeOf } from "../../core/mime-type.js";
import { isSameZone, isSettled, ownerOf, type Place } from "../../core/place.js";
import { requireRoom } from "../../core/room.js";
import {
  BLOCK_BYTES,
  isDirectory,
  isRegular,
  PERMISSION_BITS,
  S_IFDIR,
  S_IFLNK,
  S_IFREG,
  S_ISGID,
} from "../../model/attributes.js";
import { isKind, NexusError } from "../../model/errors.js";
import type { Caller } from "../../model/identity.js";
import type { Ino, StagingId, TenantId } from "../../model/ids.js";
import type { MaybePromise } from "../../model/maybe-promise.js";
import type { Timestamp } from "../../model/timestamp.js";
import type { InodeRecord, Unlinked } from "../../storage/metadata/metadata-store.js";
import type {
  CreateRequest,
  Entry,
  LinkRequest,
  MkdirRequest,
  MknodRequest,
  NameRequest,
  Opened,
  RenameRequest,
  SymlinkRequest,
  TmpfileRequest,
  UnlinkRequest,
} from "../file-system.js";
import type { Inode } from "../inode.js";
import type { Volume } from "../volume.js";
import { openInode } from "./open.js";

/** symlink(7): PATH_MAX without the NUL. */
const TARGET_MAX_BYTES = 4095;

export function lookup(
  volume: Volume,
  { caller, parent, name }: NameRequest & { caller: Caller },
): Entry | undefined {
  const place = volume.readablePlace(caller, { parent, name });
  const record = volume.metadata.lookup({ parent, name });
  return record === undefined ? undefined : volume.admit(caller, { record, place });
}

export function mknod(
  volume: Volume,
  { caller, mode, ...request }: MknodRequest & { caller: Caller },
): Entry {
  const place = volume.writableFilePlace(caller, request);
  const record = make(volume, { ...request, caller, place, mode });
  const entry = admitNew(volume, { caller, record, place });
  const staged = volume.staging.of(record.ino);
  if (staged !== undefined) volume.promotion.enqueue(staged);
  return entry;
}

export function mkdir(
  volume: Volume,
  { caller, mode, ...request }: MkdirRequest & { caller: Caller },
): Entry {
  const place = volume.writablePlace(caller, request);
  const directoryMode = S_IFDIR | (mode & PERMISSION_BITS);
  const record = make(volume, { ...request, caller, place, mode: directoryMode });
  return volume.admit(caller, { record, place });
}

export function symlink(
  volume: Volume,
  { caller, target, ...request }: SymlinkRequest & { caller: Caller },
): Entry {
  const place = volume.writableFilePlace(caller, request);
  if (target.length === 0) throw new NexusError("not-found", "a symlink needs a target");
  if (target.length > TARGET_MAX_BYTES) {
    throw new NexusError("name-too-long", `a target has at most ${TARGET_MAX_BYTES} bytes`);
  }
  const record = make(volume, { ...request, caller, place, mode: S_IFLNK | 0o777, target });
  return volume.admit(caller, { record, place });
}

export function link(
  volume: Volume,
  { caller, ino, newParent, newName }: LinkRequest & { caller: Caller },
): Entry {
  const inode = volume.changeable(caller, ino);
  const entry = { parent: newParent, name: newName };
  const place = volume.writablePlace(caller, entry);
  requireSameZone(inode.place, place);
  volume.requireFilePlace(caller, { place, ...entry });
  if (inode.isOrphan && !inode.isLinkable) {
    throw new NexusError("not-found", "the file was removed", { op: "link" });
  }
  requireRoomFor(volume, entry);
  const now = volume.clock.now();
  const mimeType = isRegular(inode.mode) ? mimeTypeOf(newName) : undefined;
  const record = volume.metadata.link({ ino, parent: newParent, name: newName, mimeType, now });
  volume.activity.raiseCtime(inode, now);
  volume.changes.note({ kind: "entry", ...entry }, caller);
  volume.changes.note({ kind: "attributes", ino }, caller);
  const staged = inode.isOrphan && inode.writers === 0 ? volume.staging.of(ino) : undefined;
  inode.isOrphan = false;
  inode.isLinkable = false;
  inode.quotaCredit = undefined;
  // Its last writer went while it had no name, and nothing was worth sealing.
  if (staged !== undefined) volume.promotion.enqueue(staged);
  return volume.admit(caller, { record, place });
}

export function unlink(
  volume: Volume,
  { mayReturn = false, ...request }: UnlinkRequest & { caller: Caller },
): void {
  const { ino } = remove(volume, request, (entry) => volume.metadata.unlink(entry));
  const inode = mayReturn ? volume.inodes.peek(ino) : undefined;
  if (inode?.isOrphan) inode.isLinkable = true;
}

export function rmdir(volume: Volume, request: NameRequest & { caller: Caller }): void {
  remove(volume, request, (entry) => volume.metadata.rmdir(entry));
}

export function rename(
  volume: Volume,
  { caller, whiteout, ...request }: RenameRequest & { caller: Caller },
): MaybePromise<void> {
  const { parent, name, newParent, newName, mode } = request;
  const from = volume.removablePlace(caller, { parent, name });
  const to = volume.removablePlace(caller, { parent: newParent, name: newName });
  requireSameZone(from, to);
  if (!isSettled(from) || !isSettled(to)) {
    // What lies below would change its place with it.
    throw new NexusError("busy", `'${name}' holds a mount or a zone boundary`, { op: "rename" });
  }
  if (whiteout) {
    requireRoom(volume.metadata);
    volume.quotas?.requireFiles(ownerOf(caller, from).tenantId, { files: 1, bytes: 0 });
  }
  const apply = (ends: Ends) => {
    const moved = activeInodes(volume, ends);
    const now = volume.clock.now();
    const result = volume.metadata.rename({
      ...request,
      ...(whiteout
        ? { whiteout: { uid: caller.uid, gid: caller.gid, ...ownerOf(caller, from) } }
        : {}),
      mimeType: mimeTypeOf(name),
      newMimeType: mimeTypeOf(newName),
      now,
    });
    for (const inode of moved) volume.activity.raiseCtime(inode, now);
    if (result.moved.length === 0) return;
    if (result.replaced !== undefined) volume.noteUnlinked(result.replaced, { now, caller });
    volume.changes.note({ kind: "entry", parent, name }, caller);
    volume.changes.note({ kind: "entry", parent: newParent, name: newName }, caller);
    for (const ino of result.moved) volume.changes.note({ kind: "attributes", ino }, caller);
  };
  const ends = endsOf(volume, request);
  const unsynced = mode === "replace" ? bytesToSync(volume, ends) : undefined;
  if (unsynced === undefined) return apply(ends);
  // Other calls came meanwhile.
  return unsynced.then(() => apply(endsOf(volume, request)));
}

/** O_CREAT: opens what is there, unless that was ruled out. */
export function create(
  volume: Volume,
  { caller, exclusive, flags, mode, ...request }: CreateRequest & { caller: Caller },
): MaybePromise<{ entry: Entry; opened: Opened }> {
  const place = volume.writableFilePlace(caller, request);
  let record: InodeRecord | undefined;
  try {
    const fileMode = S_IFREG | (mode & PERMISSION_BITS);
    record = make(volume, { ...request, caller, place, mode: fileMode });
  } catch (error) {
    if (exclusive || !isKind(error, "already-exists")) throw error;
    record = volume.metadata.lookup(request);
    if (record === undefined) throw error;
    return openEntry(volume, { caller, entry: volume.admit(caller, { record, place }), flags });
  }
  const entry = admitNew(volume, { caller, record, place });
  // There is nothing to truncate, and nobody whose set-id bits that would take.
  const openFlags = flags.truncate ? { ...flags, truncate: false } : flags;
  return openEntry(volume, { caller, entry, flags: openFlags });
}

export function tmpfile(
  volume: Volume,
  { caller, ino, name, mode, flags, exclusive }: TmpfileRequest & { caller: Caller },
): MaybePromise<{ entry: Entry; opened: Opened }> {
  const parent = volume.inodes.get(ino);
  const place =
    name === undefined
      ? unnamedPlace(volume, parent.place)
      : volume.writableFilePlace(caller, { parent: ino, name });
  authorize(caller.identity, { place, access: "write" });
  const directory = volume.record(parent);
  requireRoom(volume.metadata);
  const whose = ownerOf(caller, place);
  const quotaCredit = volume.quotas && creditFor(volume, { whose, parent: ino, name });
  const stagingId = volume.metadata.nextId() as StagingId;
  const record = volume.metadata.createUnnamed({
    mode: S_IFREG | (mode & PERMISSION_BITS),
    uid: caller.uid,
    // inode(7): in a set-group-id directory, files get its group.
    gid: (directory.mode & S_ISGID) === 0 ? caller.gid : directory.gid,
    rdev: 0,
    ...whose,
    mimeType: undefined,
    stagingId,
    now: volume.clock.now(),
  });
  volume.staging.startEmpty(record.ino, stagingId);
  const entry = admitNew(volume, { caller, record, place });
  const inode = volume.inodes.get(record.ino);
  inode.isOrphan = true;
  inode.isLinkable = !exclusive;
  inode.quotaCredit = quotaCredit;
  return openEntry(volume, { caller, entry, flags });
}

/** Makes an inode with its name; a regular file starts with an empty staged content. */
function make(
  volume: Volume,
  request: NameRequest & {
    caller: Caller;
    place: Place;
    mode: number;
    rdev?: number;
    target?: Uint8Array;
  },
): InodeRecord {
  const { caller, place, parent, name, mode, target } = request;
  requireRoomFor(volume, { parent, name });
  const whose = ownerOf(caller, place);
  requireQuotaFor(volume, { ...whose, entry: { parent, name }, bytes: initialSize(mode, target) });
  const stagingId = isRegular(mode) ? (volume.metadata.nextId() as StagingId) : undefined;
  const record = volume.metadata.create({
    parent,
    name,
    mode,
    uid: caller.uid,
    gid: caller.gid,
    rdev: request.rdev ?? 0,
    ...whose,
    mimeType: isRegular(mode) ? mimeTypeOf(name) : undefined,
    now: volume.clock.now(),
    ...(target === undefined ? {} : { target }),
    ...(stagingId === undefined ? {} : { stagingId }),
  });
  if (stagingId !== undefined) volume.staging.startEmpty(record.ino, stagingId);
  volume.changes.note({ kind: "entry", parent, name }, caller);
  return record;
}

function remove(
  volume: Volume,
  { caller, parent, name }: NameRequest & { caller: Caller },
  take: (entry: { parent: Ino; name: string; now: Timestamp }) => Unlinked,
): Unlinked {
  volume.removablePlace(caller, { parent, name });
  const now = volume.clock.now();
  const unlinked = take({ parent, name, now });
  volume.noteUnlinked(unlinked, { now, caller });
  volume.changes.note({ kind: "entry", parent, name }, caller);
  return unlinked;
}

/** That a name is taken comes before there being no room for it. Errors: `no-space`. */
function requireRoomFor(volume: Volume, entry: { parent: Ino; name: string }): void {
  if (volume.metadata.hasRoom() || volume.metadata.lookup(entry) !== undefined) return;
  requireRoom(volume.metadata);
}

/** The same for the tenant whose it will be. Errors: `quota-exceeded`. */
function requireQuotaFor(
  volume: Volume,
  {
    tenantId,
    entry,
    bytes,
  }: { tenantId: TenantId | undefined; entry: { parent: Ino; name: string }; bytes: number },
): void {
  if (volume.quotas === undefined) return;
  try {
    volume.quotas.requireFiles(tenantId, { files: 1, bytes });
  } catch (error) {
    if (!isKind(error, "quota-exceeded") || volume.metadata.lookup(entry) === undefined)
      throw error;
  }
}

/**
 * How much a file counts that one without a name is made to take the place of; it is one file with that one. Errors:
 * `quota-exceeded`, where it takes nobody's place.
 */
function creditFor(
  { metadata, quotas }: Volume,
  {
    whose: { tenantId },
    parent,
    name,
  }: { whose: ReturnType<typeof ownerOf>; parent: Ino; name: string | undefined },
): number | undefined {
  const replaced = name === undefined ? undefined : metadata.lookup({ parent, name });
  if (replaced === undefined) quotas?.requireFiles(tenantId, { files: 1, bytes: 0 });
  return replaced?.sizeBytes;
}

function initialSize(mode: number, target: Uint8Array | undefined): number {
  return isDirectory(mode) ? BLOCK_BYTES : (target?.length ?? 0);
}

/** What was just made can't carry what only somebody else could have given it. */
function admitNew(
  volume: Volume,
  { caller, record, place }: { caller: Caller; record: InodeRecord; place: Place },
): Entry {
  const entry = volume.admit(caller, { record, place });
  volume.inodes.get(record.ino).mayHaveCapabilities = false;
  return entry;
}

function openEntry(
  volume: Volume,
  { caller, entry, flags }: { caller: Caller; entry: Entry; flags: CreateRequest["flags"] },
): MaybePromise<{ entry: Entry; opened: Opened }> {
  const forget = (error: unknown): never => {
    const inode = volume.inodes.get(entry.ino);
    inode.lookups -= 1;
    volume.letGo(inode);
    throw error;
  };
  const answer = (opened: Opened) => {
    if (!flags.truncate) return { entry, opened };
    // The kernel goes by the size that it is told here.
    const inode = volume.inodes.get(entry.ino);
    const request = { record: volume.record(inode), place: inode.place };
    return { entry: { ...entry, attributes: volume.attributes(caller, request) }, opened };
  };
  try {
    const opened = openInode(volume, { caller, ino: entry.ino, flags });
    return opened instanceof Promise ? opened.then(answer, forget) : answer(opened);
  } catch (error) {
    return forget(error);
  }
}

/** Errors: `cross-zone`. */
export function requireSameZone(a: Place, b: Place): void {
  if (!isSameZone(a.zone, b.zone)) {
    throw new NexusError("cross-zone", "the two paths belong to different zones");
  }
}

/**
 * Where a file without a name lies: in the zone of its directory. In the root that is the open zone;
 * in a directory that tenants or agents share there is no telling whose it would be.
 */
function unnamedPlace(volume: Volume, parent: Place): Place {
  if (isSettled(parent)) return parent;
  if (parent.awaits === "tenant" || parent.awaits === "agent") {
    throw new NexusError("access-denied", `${parent.path} takes no files without a name`);
  }
  return volume.router.child(parent, "");
}

/** What the two names of a rename lead to. */
interface Ends {
  readonly source?: Ino | undefined;
  readonly target?: Ino | undefined;
}

/** Looked at only if it may matter: neither when all rows are up to date and nothing is staged. */
function endsOf(
  volume: Volume,
  { parent, name, newParent, newName }: Omit<RenameRequest, "mode" | "whiteout">,
): Ends {
  if (volume.activity.isIdle && volume.staging.size === 0) return {};
  return {
    source: volume.metadata.lookup({ parent, name })?.ino,
    target: volume.metadata.lookup({ parent: newParent, name: newName })?.ino,
  };
}

/** What a rename moves and whose row may not be up to date. Two names of one inode both stay. */
function activeInodes(volume: Volume, { source, target }: Ends): readonly Inode[] {
  if (source === target) return [];
  return [source, target].flatMap((ino) =>
    ino === undefined ? [] : (volume.inodes.peek(ino) ?? []),
  );
}

/**
 * DESIGN, section 5: after any crash a name that was replaced has the complete old or the complete
 * new content. So bytes that replace another file's are durable before the name moves.
 */
function bytesToSync(volume: Volume, { source, target }: Ends): Promise<void> | undefined {
  if (source === undefined || target === undefined || source === target) return undefined;
  const staged = volume.staging.of(source);
  if (staged === undefined || staged.isSynced) return undefined;
  return volume.staging.sync(staged).then(() => volume.failpoints.reach("replacement-synced"));
}
