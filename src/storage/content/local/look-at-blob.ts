import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { fsError } from "../../../libc/system-error.js";
import { isKind } from "../../../model/errors.js";
import type { ContentHash } from "../../../model/ids.js";

const CHUNK_BYTES = 1024 * 1024;

/** What lies where a sealed content should be. */
export type BlobState =
  | { readonly is: "whole"; readonly sizeBytes: number; readonly mode: number }
  /** Other bytes than its name says. */
  | { readonly is: "damaged"; readonly sizeBytes: number; readonly hash: ContentHash }
  | { readonly is: "unreadable"; readonly reason: string }
  | { readonly is: "missing" };

export interface LookOptions {
  readonly path: string;
  /** The one that its bytes should have. */
  readonly hash: ContentHash;
  /** Called after so many bytes more were read; the next ones are read when that is done. It may throw to end it. */
  readonly onBytes: (bytes: number) => void | Promise<void>;
}

/**
 * Reads a sealed content and says whether it is what its name says. What can't be read is an answer, not an
 * error. Errors: those of `onBytes`, `too-many-open-files`.
 */
export async function lookAtBlob({ path, hash, onBytes }: LookOptions): Promise<BlobState> {
  const file = await openBlob(path);
  if ("is" in file) return file;
  try {
    const stat = await file.stat();
    if (!stat.isFile()) return { is: "unreadable", reason: "it is no regular file" };
    const digest = createHash("sha256");
    const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    let sizeBytes = 0;
    for (;;) {
      const read = await file.read(buffer, 0, CHUNK_BYTES, sizeBytes).catch(unreadable);
      if ("is" in read) return read;
      if (read.bytesRead === 0) break;
      digest.update(buffer.subarray(0, read.bytesRead));
      sizeBytes += read.bytesRead;
      await onBytes(read.bytesRead);
    }
    const found = digest.digest("hex") as ContentHash;
    if (found !== hash) return { is: "damaged", sizeBytes, hash: found };
    return { is: "whole", sizeBytes, mode: stat.mode & 0o7777 };
  } finally {
    await file.close();
  }
}

/** As `lookAtBlob`, without a look at the bytes: what is there counts as whole. */
export async function glanceAtBlob(path: string): Promise<BlobState> {
  const file = await openBlob(path);
  if ("is" in file) return file;
  try {
    const stat = await file.stat();
    if (!stat.isFile()) return { is: "unreadable", reason: "it is no regular file" };
    return { is: "whole", sizeBytes: stat.size, mode: stat.mode & 0o7777 };
  } finally {
    await file.close();
  }
}

/** Opened so that a FIFO in its place doesn't hold anybody up, and a symlink isn't followed. */
async function openBlob(path: string): Promise<FileHandle | BlobState> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  try {
    return await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    const failure = fsError(error, { op: "open content", path });
    if (isKind(failure, "too-many-open-files")) throw failure;
    if (isKind(failure, "not-found")) return { is: "missing" };
    return unreadable(failure);
  }
}

function unreadable(error: unknown): BlobState & { is: "unreadable" } {
  return { is: "unreadable", reason: fsError(error, { op: "read content" }).message };
}
