import { isDirectory } from "../../model/attributes.js";
import type { Caller } from "../../model/identity.js";
import { compareTimestamps } from "../../model/timestamp.js";
import type { InodeRecord } from "../../storage/metadata/metadata-store.js";
import type { Inode } from "../inode.js";
import type { Volume } from "../volume.js";

/** relatime: an access time older than this moves even if the file didn't change; mount(8). */
const RELATIME_SECONDS = 24 * 60 * 60;

/**
 * Moves the access time as the policy says; in memory, until the file is closed or changed. Returns
 * the inode's row, if it had to be looked at.
 */
export function noteAccess(
  volume: Volume,
  { caller, inode }: { caller: Caller; inode: Inode },
): InodeRecord | undefined {
  if (inode.isAtimeSettled || volume.atimePolicy === "noatime") return undefined;
  const { zone } = inode.place;
  if (zone.namespace?.readonly || zone.mount.readonly) return undefined;
  const now = volume.clock.now();
  let row: InodeRecord | undefined;
  if (volume.atimePolicy === "relatime") {
    // What comes and goes in a directory changes its row, and doesn't tell the inode.
    inode.isAtimeSettled = !isDirectory(inode.mode);
    row = volume.record(inode);
    const { atime, mtime, ctime } = { ...row, ...inode.activity };
    const isNewer = compareTimestamps(atime, mtime) > 0 && compareTimestamps(atime, ctime) > 0;
    if (isNewer && now.sec - atime.sec < RELATIME_SECONDS) return row;
  }
  volume.activity.note(inode, { atime: now });
  volume.changes.note({ kind: "access", ino: inode.ino }, caller);
  return row;
}
