import { statSync } from "node:fs";
import type Database from "better-sqlite3";
import type { ContentHash } from "../../model/ids.js";
import { CONTENT_DIRECTORIES } from "../content/content-store.js";
import { contentsIn } from "../content/local/cas-entries.js";
import { directoryName } from "../content/local/layout.js";
import { removeBlob } from "../content/local/needless-files.js";
import type { BackupLayout } from "./backup-layout.js";
import { forgetAside, putAsideIn } from "./put-aside.js";
import type { Snapshot } from "./snapshot-list.js";
import type { Turns } from "./turns.js";

/** By the files, too: a list of contents that lacks one is damage, and shall cost no file its last good copy. */
const NAMED = `SELECT hash FROM contents WHERE hash >= $from AND hash < $to
  UNION SELECT content_hash FROM inodes WHERE content_hash >= $from AND content_hash < $to`;

export interface SweepOptions {
  /** All that stay. */
  readonly snapshots: readonly OpenSnapshot[];
  readonly turns: Turns;
}

/** A snapshot that is as it was written. */
export interface OpenSnapshot extends Snapshot {
  readonly database: Database.Database;
}

/** A snapshot that names contents which aren't there, and doesn't say so. */
export interface Lacking {
  readonly snapshot: string;
  readonly contents: number;
}

/** What a sweep removed, and what it missed. */
export interface Swept {
  readonly contents: number;
  readonly bytes: number;
  readonly lacking: readonly Lacking[];
}

/**
 * Removes what no snapshot names, one directory of contents at a time, so that few names are in memory; and what was
 * put aside of contents that none names any more. Tells of what isn't there. Errors: SQLite's and the host's, as they
 * come, and those of the turns.
 */
export async function sweep(
  layout: BackupLayout,
  { snapshots, turns }: SweepOptions,
): Promise<Swept> {
  const queries = snapshots.map(({ id, manifest, database }) => ({
    ...{ id, missing: 0, known: manifest.damaged },
    named: database.prepare<unknown[], string>(NAMED).pluck(),
  }));
  const aside = putAsideIn(layout);
  const needless: ContentHash[] = [];
  let [contents, bytes] = [0, 0];
  for (let directory = 0; directory < CONTENT_DIRECTORIES; directory++) {
    const prefix = directoryName(directory);
    const range = { from: prefix, to: `${prefix}g` };
    const there = new Map([...contentsIn(layout, directory)].map(({ path, hash }) => [hash, path]));
    const named = new Set<string>();
    for (const query of queries) {
      for (const hash of query.named.iterate(range)) {
        named.add(hash);
        if (!there.has(hash as ContentHash)) query.missing += 1;
      }
    }
    for (const [hash, path] of there) {
      if (named.has(hash)) continue;
      const { size } = statSync(path);
      removeBlob(path);
      contents += 1;
      bytes += size;
    }
    needless.push(...aside.filter((hash) => hash.startsWith(prefix) && !named.has(hash)));
    await turns.take();
  }
  return {
    contents: contents + needless.length,
    bytes: bytes + forgetAside(layout, needless),
    lacking: queries
      .filter(({ missing, known }) => missing > known)
      .map(({ id, missing }) => ({ snapshot: id, contents: missing })),
  };
}
