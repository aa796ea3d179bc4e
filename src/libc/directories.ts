import { existsSync, mkdirSync, readdirSync, realpathSync, rmdirSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fsError } from "./system-error.js";

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

/** Those that {@link makeDirectories} would make now, from the top down. */
export function missingDirectories(path: string): string[] {
  return existsSync(path) ? [] : [...missingDirectories(dirname(path)), path];
}

/**
 * rmdir(2) of directories that were given from the top down; those that somebody uses by now, or has removed, are left
 * alone. Errors: as `fsError` has them.
 */
export function removeEmptyDirectories(paths: readonly string[]): void {
  for (const path of paths.toReversed()) {
    try {
      rmdirSync(path);
    } catch (error) {
      const { code = "" } = error as NodeJS.ErrnoException;
      if (!["ENOTEMPTY", "EEXIST", "ENOENT", "ENOTDIR", "EBUSY"].includes(code)) {
        throw fsError(error, { op: "remove", path });
      }
    }
  }
}

/** What is in a directory; nothing where there is none. Errors: as `fsError` has them. */
export function namesIn(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw fsError(error, { op: "list", path });
  }
}

/**
 * realpath(3), also of what isn't there: where it would be made. What can't be followed stays as it is written; what is
 * wrong with it shows when it is used.
 */
export function realPlace(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return dirname(path) === path ? path : join(realPlace(dirname(path)), basename(path));
  }
}
