import { type FileHandle, open } from "node:fs/promises";
import { fsError } from "../libc/system-error.js";
import type { ErrorKind } from "../model/errors.js";
import { NexusError } from "../model/errors.js";

const REASONS: Partial<Record<ErrorKind, string>> = {
  "not-found": "there is no such file",
  "access-denied": "permission denied",
  "is-a-directory": "it is a directory",
  "not-a-directory": "a part of its path is no directory",
};

/**
 * Opens a file of the host to read it. Whoever opens it closes it. Errors: those of the host, in words
 * for people.
 */
export async function openHostFile(path: string): Promise<{ file: FileHandle; size: number }> {
  let file: FileHandle | undefined;
  try {
    file = await open(path);
    const info = await file.stat();
    if (info.isDirectory()) throw Object.assign(new Error(), { code: "EISDIR" });
    return { file, size: info.size };
  } catch (error) {
    await file?.close();
    const failure = fsError(error, { op: "read", path });
    const reason = REASONS[failure.kind];
    if (reason === undefined) throw failure;
    throw new NexusError(failure.kind, `${path} can't be read: ${reason}`, { path, cause: error });
  }
}
