import { createHash } from "node:crypto";
import { fsError } from "../../../libc/system-error.js";
import { isKind } from "../../../model/errors.js";
import type { ContentHash } from "../../../model/ids.js";
import { MediumFile } from "./medium-file.js";

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
 * Reads a sealed content from its disk and says whether it is what its name says. What can't be read is an answer, not
 * an error. Errors: those of `onBytes`, `too-many-open-files`.
 */
export async function lookAtBlob({ path, hash, onBytes }: LookOptions): Promise<BlobState> {
  return await withBlob(path, async (file, mode) => {
    const digest = createHash("sha256");
    let sizeBytes = 0;
    const chunks = file.chunks();
    for (;;) {
      const next = await chunks.next().catch(unreadable);
      if ("is" in next) return next;
      if (next.done === true) break;
      digest.update(next.value);
      sizeBytes += next.value.length;
      await onBytes(next.value.length);
    }
    const found = digest.digest("hex") as ContentHash;
    if (found !== hash) return { is: "damaged", sizeBytes, hash: found };
    return { is: "whole", sizeBytes, mode };
  });
}

/** As `lookAtBlob`, without a look at the bytes: what is there counts as whole. */
export async function glanceAtBlob(path: string): Promise<BlobState> {
  return await withBlob(path, async (file, mode) => {
    const { size: sizeBytes } = await file.stat();
    return { is: "whole", sizeBytes, mode };
  });
}

async function withBlob(
  path: string,
  look: (file: MediumFile, mode: number) => Promise<BlobState>,
): Promise<BlobState> {
  const file = await open(path);
  if ("is" in file) return file;
  try {
    const stat = await file.stat();
    if (!stat.isFile()) return { is: "unreadable", reason: "it is no regular file" };
    return await look(file, stat.mode & 0o7777);
  } finally {
    await file.close();
  }
}

async function open(path: string): Promise<MediumFile | BlobState> {
  try {
    return await MediumFile.open(path);
  } catch (error) {
    const failure = fsError(error, { op: "open content", path });
    return isKind(failure, "not-found") ? { is: "missing" } : unreadable(failure);
  }
}

function unreadable(error: unknown): BlobState & { is: "unreadable" } {
  const failure = fsError(error, { op: "read content" });
  const { message } = failure;
  if (isKind(failure, "too-many-open-files")) throw failure;
  return { is: "unreadable", reason: message };
}
