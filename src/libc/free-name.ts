import { linkSync } from "node:fs";
import { hasNoLinks } from "./hard-links.js";
import { bind, lastErrno } from "./library.js";
import { errnoError, fsError } from "./system-error.js";

const AT_FDCWD = -100;
const RENAME_NOREPLACE = 1;

/**
 * Gives a file a name, unless something has it, however late that came: by link(2), or by renameat2(2) where there are
 * no hard links. Only the latter takes the old name away. Errors: `already-exists`, and those of the host.
 */
export function takeFreeName(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch (error) {
    if (!hasNoLinks(error)) throw fsError(error, { op: "link", path: to });
    renameToFreeName(from, to);
  }
}

/** renameat2(2) with RENAME_NOREPLACE. Errors: `already-exists`, `invalid-argument` where the file system can't. */
export function renameToFreeName(from: string, to: string): void {
  // Not every C library has it, and few ever need it.
  const renameat2 = bind<
    (fromFd: number, from: string, toFd: number, to: string, flags: number) => number
  >("int renameat2(int fromFd, const char *from, int toFd, const char *to, unsigned int flags)");
  if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) === 0) return;
  throw errnoError(lastErrno(), { op: "rename", path: to });
}

/** A name that isn't taken: this one, or with a number behind it. */
export function freeName(name: string, isTaken: (name: string) => boolean): string {
  for (let number = 1; ; number++) {
    const free = number === 1 ? name : `${name}.${number}`;
    if (!isTaken(free)) return free;
  }
}
