import { type Dirent, lstatSync, readdirSync, rmdirSync, rmSync, type Stats } from "node:fs";
import { dirname, join } from "node:path";
import { fsError } from "../../../libc/system-error.js";
import type { NexusError } from "../../../model/errors.js";
import { type ContentHash, isContentHash } from "../../../model/ids.js";
import type { Needless, NeedlessFound } from "../content-store.js";
import { casPath, type Layout, UNFINISHED } from "./layout.js";

/**
 * The contents below one of the 256 directories of `cas/`, by the names of their files. What is no content, or isn't
 * at its place, is left out. Errors: `io-failure`, `access-denied`.
 */
export function sealedIn(layout: Layout, directory: number): ContentHash[] {
  const first = directory.toString(16).padStart(2, "0");
  const path = join(layout.casDirectory, first);
  return entriesOf(path).flatMap((second) => {
    if (!second.isDirectory()) return [];
    const start = first + second.name;
    if (second.name.length !== 2) return [];
    return entriesOf(join(path, second.name))
      .filter((entry) => entry.isFile() && entry.name.startsWith(start))
      .map(({ name }) => name)
      .filter(isContentHash);
  });
}

/**
 * Removes files that nobody needs, or looks at them alone. What goes meanwhile isn't counted. Errors, when all others
 * are gone: those of removing one.
 */
export function handleNeedless(
  layout: Layout,
  { what, action, changedBeforeMs }: Needless,
): NeedlessFound {
  const old = { files: 0, bytes: 0 };
  const young = { files: 0, bytes: 0 };
  let failure: NexusError | undefined;
  for (const path of pathsOf(layout, what)) {
    const stat = statOf(path);
    if (stat === undefined || !stat.isFile()) continue;
    const isYoung = stat.ctimeMs > changedBeforeMs;
    try {
      if (action === "remove" && !isYoung) removeFile(layout, path);
      const amount = isYoung ? young : old;
      amount.files += 1;
      amount.bytes += stat.size;
    } catch (error) {
      failure ??= fsError(error, { op: "remove", path });
    }
  }
  if (failure !== undefined) throw failure;
  return { old, young };
}

/** Removes a sealed content, and the directories that become empty by that. Errors: those of unlink(2), `io-failure`. */
export function removeBlob(path: string): void {
  rmSync(path, { force: true });
  const leaf = dirname(path);
  if (removeIfEmpty(leaf)) removeIfEmpty(dirname(leaf));
}

function pathsOf(layout: Layout, what: Needless["what"]): string[] {
  if (what !== "unfinished") return what.map((hash) => casPath(layout, hash));
  return entriesOf(layout.stagingDirectory)
    .filter(({ name }) => name.endsWith(UNFINISHED))
    .map(({ name }) => join(layout.stagingDirectory, name));
}

function removeFile({ casDirectory }: Layout, path: string): void {
  if (path.startsWith(`${casDirectory}/`)) removeBlob(path);
  else rmSync(path, { force: true });
}

function statOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

/** None of a directory that is gone: one that becomes empty is removed. */
function entriesOf(path: string): Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw fsError(error, { op: "readdir", path });
  }
}

function removeIfEmpty(directory: string): boolean {
  try {
    rmdirSync(directory);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOTEMPTY" || code === "EEXIST" || code === "ENOENT") return false;
    throw fsError(error, { op: "rmdir", path: directory });
  }
}
