import { closeSync, fsyncSync, mkdirSync, openSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";

export interface MakeOptions {
  readonly mode?: number;
  /** Told of each directory that was made, from the top down. */
  readonly whenMade?: (path: string) => void;
}

/**
 * mkdir(1) with `-p`. Returns whether it made anything. Node's own `recursive` never comes back where a
 * directory that is there refuses with ENOENT, as those below /proc do. Errors: those of mkdir(2), as
 * Node throws them.
 */
export function makeDirectories(
  path: string,
  { mode = 0o777, whenMade = () => undefined }: MakeOptions = {},
): boolean {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST" && statSync(path).isDirectory()) return false;
    const parent = dirname(path);
    if (code !== "ENOENT" || parent === path || !makeDirectories(parent, { mode, whenMade }))
      throw error;
    mkdirSync(path, { mode });
  }
  whenMade(path);
  return true;
}

/** Makes the names in a directory durable: fsync(2). Errors: those of open(2) and fsync(2), as Node throws them. */
export function syncDirectory(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** {@link syncDirectory} on libuv's thread pool. */
export async function syncDirectoryLater(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
