import {
  type Attributes,
  isDirectory,
  isRegular,
  isSymlink,
  PERMISSION_BITS,
} from "../../model/attributes.js";
import type { Caller } from "../../model/identity.js";
import { timestampToDate } from "../../model/timestamp.js";
import type { Entry, FileDescription, FileSystem } from "../../vfs/file-system.js";
import type { FileStat, FileType, ListedFile } from "./files.js";

/** An inode as a listing shows it. */
export function listedFile(path: string, attributes: Attributes): ListedFile {
  const { ino, mode, uid, gid, nlink, sizeBytes, mtime, btime } = attributes;
  return {
    path,
    type: fileTypeOf(mode),
    ino,
    mode: mode & PERMISSION_BITS,
    uid,
    gid,
    nlink,
    size: sizeBytes,
    createdAt: timestampToDate(btime),
    modifiedAt: timestampToDate(mtime),
  };
}

/** Everything that is known of an inode. With `etag` its content is hashed, if it wasn't yet. */
export async function fileStat(
  { fs, caller }: { fs: FileSystem; caller: Caller },
  { path, entry: { ino }, etag }: { path: string; entry: Entry; etag: boolean },
): Promise<FileStat> {
  const description = await fs.describe(caller, { ino, etag });
  // Afterwards, so that both are of one moment: nothing runs between the answers.
  const attributes = await fs.getattr(caller, { ino });
  return describedFile(listedFile(path, attributes), { attributes, description });
}

function describedFile(
  listed: ListedFile,
  { attributes, description }: { attributes: Attributes; description: FileDescription },
): FileStat {
  const { pathId, etag, version, mimeType, tenantId, agentId } = description;
  return {
    ...listed,
    pathId,
    etag,
    version,
    mimeType,
    accessedAt: timestampToDate(attributes.atime),
    changedAt: timestampToDate(attributes.ctime),
    tenantId,
    agentId,
    exactTimes: { createdAt: attributes.btime, modifiedAt: attributes.mtime },
  };
}

/** Of the type bits of a mode. */
export function fileTypeOf(mode: number): FileType {
  if (isRegular(mode)) return "file";
  if (isDirectory(mode)) return "directory";
  return isSymlink(mode) ? "symlink" : "other";
}
