import { S_ISGID, S_ISUID } from "../../model/attributes.js";
import { NexusError } from "../../model/errors.js";
import type { Caller } from "../../model/identity.js";
import type { StagingFile } from "../../storage/content/content-store.js";
import type { StagedContent } from "../content/staged-content.js";
import type { Inode } from "../inode.js";
import type { Volume } from "../volume.js";

/** Sizes and offsets stay exact in a double, and below ext4's limit of 16 TiB. */
export const FILE_MAX_BYTES = 16 * 1024 ** 4 - 4096;

/** Write permission for the group or for all: who asks may be one of them. */
const WRITABLE_BY_OTHERS = 0o022;

/** The attribute that holds a program's capabilities; capabilities(7). */
export const CAPABILITIES = "security.capability";

/** Errors: `file-too-large`. */
export function requireSize(endBytes: number): void {
  if (endBytes > FILE_MAX_BYTES) {
    throw new NexusError("file-too-large", `a file has at most ${FILE_MAX_BYTES} bytes`);
  }
}

/** Errors: `file-too-large`, `quota-exceeded`. */
export function requireEnd(
  volume: Volume,
  { inode, staged, endBytes }: { inode: Inode; staged: StagedContent; endBytes: number },
): void {
  requireSize(endBytes);
  volume.quotas?.requireSize(inode, { from: staged.sizeBytes, to: endBytes });
}

/** A change of some bytes, and by whom. */
export interface ContentSpan {
  readonly caller: Caller;
  readonly offset: number;
  readonly length: number | "to the end";
  /** The last byte of the span, if it is known. */
  readonly lastByte?: number | undefined;
}

/**
 * Changes the bytes of a file, tells of it, and notes what its row will have to say, also when the
 * change fails: then a part of it may be there.
 */
export function changeContent<T>(
  volume: Volume,
  { inode, staged, span }: { inode: Inode; staged: StagedContent; span: ContentSpan },
  change: (file: StagingFile) => T,
): T {
  const file = volume.staging.file(staged);
  const before = staged.sizeBytes;
  try {
    return change(file);
  } finally {
    staged.sizeBytes = file.sizeBytes;
    // A change that waited for its content counts from here on: a sync that was asked for before
    // didn't mean it.
    staged.noteChange();
    const now = volume.clock.now();
    volume.activity.note(inode, { sizeBytes: staged.sizeBytes, mtime: now, ctime: now });
    inode.isAtimeSettled = false;
    if (staged.sizeBytes !== before) volume.quotas?.noteSize(inode);
    noteContent(volume, { inode, sizeBytes: staged.sizeBytes, span });
  }
}

/** Tells whoever keeps these bytes, or the size, that both are different now. */
export function noteContent(
  volume: Volume,
  { inode, sizeBytes, span }: { inode: Inode; sizeBytes: number; span: ContentSpan },
): void {
  const { caller, offset, length } = span;
  const isLast = length !== "to the end" && offset + length === sizeBytes;
  const lastByte = isLast ? span.lastByte : undefined;
  const { ino } = inode;
  volume.changes.note({ kind: "content", ino, offset, length, sizeBytes, lastByte }, caller);
}

/** The same for a file that has got another content altogether. */
export function noteNewContent(
  volume: Volume,
  { caller, inode, sizeBytes }: { caller: Caller; inode: Inode; sizeBytes: number },
): void {
  noteContent(volume, { inode, sizeBytes, span: { caller, offset: 0, length: "to the end" } });
}

/**
 * Changing a file takes its capabilities, security.capability, whoever does it; the kernel leaves
 * that to us (FUSE_HANDLE_KILLPRIV_V2).
 */
export function dropCapabilities(volume: Volume, inode: Inode): void {
  if (!inode.mayHaveCapabilities) return;
  const now = volume.clock.now();
  const { ino } = inode;
  volume.metadata.removeAttribute({ ino, family: "system", key: CAPABILITIES, now });
  inode.mayHaveCapabilities = false;
}

/**
 * Refuses to take a file's set-id bits or capabilities, if it has any, from who can neither own nor
 * write it. The kernel asks for that before a write, and then it was checked; but also for
 * chown(f, -1, -1) by anybody, which other file systems refuse. The two requests look the same.
 * Errors: `not-permitted`.
 */
export function requireOwnerOrWriter(
  volume: Volume,
  { caller, inode }: { caller: Caller; inode: Inode },
): void {
  const mayWrite = (inode.mode & WRITABLE_BY_OTHERS) !== 0 || inode.writers > 0;
  if (caller.uid === 0 || mayWrite || volume.record(inode).uid === caller.uid) return;
  if (!hasPrivileges(volume, inode)) return;
  throw new NexusError("not-permitted", "only its owner takes a file's privileges");
}

function hasPrivileges({ metadata }: Volume, { ino, mode, mayHaveCapabilities }: Inode): boolean {
  if ((mode & (S_ISUID | S_ISGID)) !== 0) return true;
  if (!mayHaveCapabilities) return false;
  return metadata.getAttribute({ ino, family: "system", key: CAPABILITIES }) !== undefined;
}
