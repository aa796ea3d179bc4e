import { type Dirent, readdirSync, statSync } from "node:fs";
import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { type ContentHash, isContentHash } from "../../../model/ids.js";
import { casPath, directoryName, type Layout, UNFINISHED } from "./layout.js";

/** A directory of one of the two levels. */
const LEVEL = /^[0-9a-f]{2}$/;

/** A file below `cas/`. */
export interface CasEntry {
  readonly path: string;
  /** What it is: a content at its place, what a crash left of one half-made, or something else. */
  readonly is: "content" | "half-made" | "foreign";
  /** Of a content, and of what should have become one. */
  readonly hash: ContentHash | undefined;
}

/** All files below `cas/`, a directory of a few hundred at a time; those that go meanwhile may be left out. */
export function* casEntries(layout: Layout): Generator<CasEntry> {
  for (const directory of entriesOf(layout.casDirectory)) {
    yield* filesIn(layout, layout.casDirectory, directory);
  }
}

/** The contents, at their places, in one of the `CONTENT_DIRECTORIES`; those that go meanwhile may be left out. */
export function* contentsIn(
  layout: Layout,
  directory: number,
): Generator<{ readonly path: string; readonly hash: ContentHash }> {
  const name = directoryName(directory);
  const entry = entriesOf(layout.casDirectory).find((each) => each.name === name);
  if (entry === undefined) return;
  for (const { path, is, hash } of filesIn(layout, layout.casDirectory, entry)) {
    if (is === "content" && hash !== undefined) yield { path, hash };
  }
}

/** When its entry last changed, in milliseconds since the epoch; undefined when it is gone. */
export async function changedAtMs(path: string): Promise<number | undefined> {
  try {
    return (await lstat(path)).ctimeMs;
  } catch {
    return undefined;
  }
}

function* filesIn(layout: Layout, above: string, entry: Dirent): Generator<CasEntry> {
  const path = join(above, entry.name);
  if (entry.isDirectory() || isDirectoryElsewhere(path, entry)) {
    for (const below of entriesOf(path)) yield* filesIn(layout, path, below);
    return;
  }
  if (isLevelLink(entry)) return; // to a disk that isn't mounted: what is there is missed, and told of
  const isHalfMade = entry.name.endsWith(UNFINISHED);
  const name = isHalfMade ? entry.name.slice(0, -UNFINISHED.length) : entry.name;
  const place = isContentHash(name) ? casPath(layout, name) : undefined;
  if (place === undefined || join(above, name) !== join(place) || !entry.isFile()) {
    yield { path, is: "foreign", hash: undefined };
  } else {
    yield { path, is: isHalfMade ? "half-made" : "content", hash: name as ContentHash };
  }
}

/** Somebody may have spread the contents over disks, by links in the place of directories. */
function isDirectoryElsewhere(path: string, entry: Dirent): boolean {
  if (!isLevelLink(entry)) return false;
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function isLevelLink(entry: Dirent): boolean {
  return entry.isSymbolicLink() && LEVEL.test(entry.name);
}

/** The entries of a directory, which may be gone: one that becomes empty is removed. */
function entriesOf(path: string): Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
