import { randomBytes } from "node:crypto";
import { createWriteStream } from "node:fs";
import { open, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Writable } from "node:stream";
import { getSystemErrorMap } from "node:util";
import { type ErrorKind, NexusError } from "../../model/errors.js";

/** What the host's errors mean here; all others are `io-failure`. */
const KINDS: Readonly<Record<string, ErrorKind>> = {
  ENOENT: "not-found",
  ENOTDIR: "not-a-directory",
  EISDIR: "is-a-directory",
  EACCES: "access-denied",
  EPERM: "not-permitted",
  EROFS: "read-only",
  ENAMETOOLONG: "name-too-long",
  ENOSPC: "no-space",
  EDQUOT: "quota-exceeded",
};

type Verb = "read" | "written";

/**
 * Writes a file of the host that is there complete or not at all: under a temporary name beside it, made
 * durable, then renamed. What fails leaves an older file as it was, and nothing else. Errors:
 * `is-a-directory`; `invalid-argument` for a device or a pipe; those of the host. All of them name `path`.
 */
export async function writeWhole<T>(
  path: string,
  write: (file: Writable) => Promise<T>,
): Promise<T> {
  const call = <U>(action: () => Promise<U>) => named(path, { verb: "written", action });
  await call(() => requireReplaceable(path));
  // It is short whatever the file is called: a name can be as long as names can be.
  const temporary = join(dirname(path), `.nexus-${randomBytes(8).toString("hex")}`);
  try {
    // Contents may be anybody's secrets: they are for who exported them.
    const options = { flags: "wx", mode: 0o600, flush: true } as const;
    const result = await call(() => write(createWriteStream(temporary, options)));
    await call(() => rename(temporary, path));
    await call(() => syncDirectory(dirname(path)));
    return result;
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Renaming would put a file into the place of a device, too. */
async function requireReplaceable(path: string): Promise<void> {
  const info = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (info === undefined || info.isFile()) return;
  const [kind, reason] = info.isDirectory()
    ? (["is-a-directory", "it is a directory"] as const)
    : (["invalid-argument", "it is no regular file, and one would take its place"] as const);
  throw new NexusError(kind, `${path} can't be written: ${reason}`, { path });
}

/** Without it, a power failure could take the new name. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** Names the host's file that was to be read in a failure of the host. */
export async function hostCall<T>(path: string, call: () => Promise<T>): Promise<T> {
  return await named(path, { verb: "read", action: call });
}

async function named<T>(
  path: string,
  { verb, action }: { verb: Verb; action: () => Promise<T> },
): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw hostError(error, { path, verb });
  }
}

/** The host's own message would name the temporary file. */
function hostError(error: unknown, { path, verb }: { path: string; verb: Verb }): unknown {
  if (!isHosts(error)) return error;
  const kind = KINDS[error.code] ?? "io-failure";
  const message = `${path} can't be ${verb}: ${reasonOf(error, { path, verb })}`;
  return new NexusError(kind, message, { path, cause: error });
}

interface HostError extends Error {
  readonly code: string;
  readonly errno?: number;
}

function isHosts(error: unknown): error is HostError {
  return error instanceof Error && "syscall" in error && "code" in error;
}

function reasonOf(
  { code, errno }: HostError,
  { path, verb }: { path: string; verb: Verb },
): string {
  if (code === "ENOENT") {
    return verb === "read" ? "there is no such file" : `there is no directory ${dirname(path)}`;
  }
  if (code === "ENOTDIR") return "a part of its path is no directory";
  if (code === "EISDIR") return "it is a directory";
  const [, words] = (errno === undefined ? undefined : getSystemErrorMap().get(errno)) ?? [];
  return words ?? code;
}
