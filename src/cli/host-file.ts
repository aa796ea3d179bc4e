import { constants, openSync } from "node:fs";
import { open, stat } from "node:fs/promises";
import { Socket } from "node:net";
import type { Readable } from "node:stream";
import { fsError } from "../libc/system-error.js";
import type { ErrorKind } from "../model/errors.js";
import { NexusError } from "../model/errors.js";
import { untilAborted } from "./standard-input.js";

const REASONS: Partial<Record<ErrorKind, string>> = {
  "not-found": "there is no such file",
  "access-denied": "permission denied",
  "is-a-directory": "it is a directory",
  "not-a-directory": "a part of its path is no directory",
};

/** A file of the host that is open to be read. Whoever opened it closes it. */
export interface HostFile {
  /** Undefined for a pipe, of which nobody knows. */
  readonly sizeBytes: number | undefined;
  /** All of it, once. */
  readonly content: Readable;
  close(): Promise<void>;
}

/**
 * Opens a file of the host, or a pipe. Reading ends with an error when the signal aborts. Errors: those of the host, in
 * words for people.
 */
export async function openHostFile(
  path: string,
  { signal }: { signal: AbortSignal },
): Promise<HostFile> {
  try {
    const info = await stat(path);
    if (info.isDirectory()) throw Object.assign(new Error(), { code: "EISDIR" });
    return info.isFIFO() ? openPipe(path, signal) : await openFile(path, signal);
  } catch (error) {
    const failure = fsError(error, { op: "read", path });
    const reason = REASONS[failure.kind];
    if (reason === undefined) throw failure;
    throw new NexusError(failure.kind, `${path} can't be read: ${reason}`, { path, cause: error });
  }
}

async function openFile(path: string, signal: AbortSignal): Promise<HostFile> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const content = untilAborted(file.createReadStream({ autoClose: false }), signal);
    return { sizeBytes: size, content, close: () => file.close() };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Opened as a file is, it would wait for somebody who writes, on a thread that nothing can interrupt. */
function openPipe(path: string, signal: AbortSignal): HostFile {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const pipe = new Socket({ fd, readable: true, writable: false });
  return {
    sizeBytes: undefined,
    content: untilAborted(pipe, signal),
    close: async () => void pipe.destroy(),
  };
}
