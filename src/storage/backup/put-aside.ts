import { existsSync, renameSync, rmdirSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { makeDirectories, namesIn } from "../../libc/directories.js";
import { syncPath } from "../../libc/durability.js";
import { freeName } from "../../libc/free-name.js";
import { type ContentHash, isContentHash } from "../../model/ids.js";
import { casPath } from "../content/local/layout.js";
import type { BackupLayout } from "./backup-layout.js";

// What isn't what its name in `cas/` says is taken from there, so that nothing takes it for a good one, and kept for as
// long as it may be of use. All of these fail with the host's errors, as they come.

/**
 * Durably takes a damaged content out of `cas/`: from then on it is missing there, to every run, until a good one
 * comes. Its bytes are kept until then: nobody may have better ones.
 */
export function putAside(layout: BackupLayout, hash: ContentHash): void {
  move(layout, { hash, name: hash });
}

/** The same of a directory that is in its place: removed if it is empty, else kept for whoever knows what it has. */
export function putDirectoryAside(layout: BackupLayout, hash: ContentHash): void {
  try {
    rmdirSync(casPath(layout, hash));
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (!["ENOTEMPTY", "EEXIST"].includes(code)) throw error;
    // The one that was put aside before may have anything, too.
    const taken = new Set(namesIn(layout.damagedDirectory));
    move(layout, { hash, name: freeName(`${hash}.directory`, (name) => taken.has(name)) });
  }
}

/** The contents of which there are damaged ones. */
export function putAsideIn({ damagedDirectory }: BackupLayout): ContentHash[] {
  return namesIn(damagedDirectory).filter(isContentHash);
}

/** Those that have a good one in `cas/`, which has to be durable, are needed no more. */
export function forgetReplaced(layout: BackupLayout): void {
  const replaced = putAsideIn(layout).filter((hash) => existsSync(casPath(layout, hash)));
  forgetAside(layout, replaced);
}

/** Removes damaged ones, and says how many bytes they had. */
export function forgetAside(
  { damagedDirectory }: BackupLayout,
  hashes: readonly ContentHash[],
): number {
  let bytes = 0;
  for (const hash of hashes) {
    const path = join(damagedDirectory, hash);
    bytes += statSync(path).size;
    rmSync(path);
  }
  if (hashes.length > 0 && namesIn(damagedDirectory).length === 0) rmdirSync(damagedDirectory);
  return bytes;
}

function move(layout: BackupLayout, { hash, name }: { hash: ContentHash; name: string }): void {
  const { damagedDirectory, root } = layout;
  makeDirectories(damagedDirectory, { mode: 0o700 });
  const from = casPath(layout, hash);
  renameSync(from, join(damagedDirectory, name));
  for (const path of [damagedDirectory, dirname(from), root]) syncPath(path);
}
