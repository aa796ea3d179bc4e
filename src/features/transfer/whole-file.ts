import { randomBytes } from "node:crypto";
import { createWriteStream } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Writable } from "node:stream";
import { type ErrorKind, NexusError } from "../../model/errors.js";

/** What the host's errors mean here; all others are `io-failure`. */
const KINDS: Readonly<Record<string, ErrorKind>> = {
  ENOENT: "not-found",
  ENOTDIR: "not-a-directory",
  EISDIR: "is-a-directory",
  EACCES: "access-denied",
  EPERM: "not-permitted",
  EROFS: "read-only",
  ENOSPC: "no-space",
  EDQUOT: "quota-exceeded",
};

/**
 * Writes a file of the host that is there complete or not at all: under a temporary name beside it, made
 * durable, then renamed. What fails leaves an older file as it was, and nothing else.
 */
export async function writeWhole<T>(
  path: string,
  write: (file: Writable) => Promise<T>,
): Promise<T> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}`);
  try {
    // Contents may be anybody's secrets: they are for who exported them.
    const options = { flags: "wx", mode: 0o600, flush: true } as const;
    const result = await hostCall(path, () => write(createWriteStream(temporary, options)));
    await hostCall(path, () => rename(temporary, path));
    await syncDirectory(dirname(path));
    return result;
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Without it, a power failure could take the new name. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await hostCall(path, () => open(path, "r"));
  try {
    await hostCall(path, () => directory.sync());
  } finally {
    await directory.close();
  }
}

/** Names the host's file in a failure of the host. */
export async function hostCall<T>(path: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw hostError(error, path);
  }
}

function hostError(error: unknown, path: string): unknown {
  const isHosts = error instanceof Error && "syscall" in error && "code" in error;
  if (!isHosts) return error;
  const kind = KINDS[String(error.code)] ?? "io-failure";
  return new NexusError(kind, `${path}: ${error.message}`, { path, cause: error });
}
