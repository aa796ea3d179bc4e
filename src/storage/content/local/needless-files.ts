import { lstatSync, rmdirSync, rmSync, type Stats } from "node:fs";
import { dirname, join } from "node:path";
import { namesIn } from "../../../libc/directories.js";
import { fsError } from "../../../libc/system-error.js";
import type { NexusError } from "../../../model/errors.js";
import type { ContentHash } from "../../../model/ids.js";
import type { Needless, NeedlessFound } from "../content-store.js";
import { contentsIn } from "./cas-entries.js";
import { casPath, type Layout, UNFINISHED } from "./layout.js";

/**
 * The contents in one of the directories of `cas/`, by the names of their files. Errors: `io-failure`,
 * `access-denied`.
 */
export function sealedIn(layout: Layout, directory: number): ContentHash[] {
  try {
    return Array.from(contentsIn(layout, directory), ({ hash }) => hash);
  } catch (error) {
    throw fsError(error, { op: "readdir", path: layout.casDirectory });
  }
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

/**
 * Removes a sealed content, and the directories that become empty by that. Errors: those of unlink(2), `io-failure`.
 */
export function removeBlob(path: string): void {
  rmSync(path, { force: true });
  const leaf = dirname(path);
  if (removeIfEmpty(leaf)) removeIfEmpty(dirname(leaf));
}

function pathsOf(layout: Layout, what: Needless["what"]): string[] {
  if (what !== "unfinished") return what.map((hash) => casPath(layout, hash));
  return namesIn(layout.stagingDirectory)
    .filter((name) => name.endsWith(UNFINISHED))
    .map((name) => join(layout.stagingDirectory, name));
}

function removeFile({ casDirectory }: Layout, path: string): void {
  if (path.startsWith(`${casDirectory}/`)) removeBlob(path);
  else rmSync(path, { force: true });
}

function statOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

/** A link to a directory elsewhere stays: somebody has made it to have contents there. */
function removeIfEmpty(directory: string): boolean {
  try {
    rmdirSync(directory);
    return true;
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (["ENOTEMPTY", "EEXIST", "ENOENT", "ENOTDIR"].includes(code)) return false;
    throw fsError(error, { op: "rmdir", path: directory });
  }
}
