import { statSync } from "node:fs";
import type Database from "better-sqlite3";
import type { ContentHash } from "../../model/ids.js";
import { CONTENT_DIRECTORIES } from "../content/content-store.js";
import { contentsIn } from "../content/local/cas-entries.js";
import { directoryName } from "../content/local/layout.js";
import { removeBlob } from "../content/local/needless-files.js";
import type { BackupLayout } from "./backup-layout.js";
import { forgetAside, putAsideIn } from "./put-aside.js";
import type { Turns } from "./turns.js";

/** By the files, too: a list of contents that lacks one is damage, and shall cost no file its last good copy. */
const NAMED = `SELECT hash FROM contents WHERE hash >= $from AND hash < $to
  UNION SELECT content_hash FROM inodes WHERE content_hash >= $from AND content_hash < $to`;

export interface SweepOptions {
  /** Of all snapshots that stay, as they were written. */
  readonly databases: readonly Database.Database[];
  readonly turns: Turns;
}

/** What a sweep removed. */
export interface Swept {
  readonly contents: number;
  readonly bytes: number;
}

/**
 * Removes what no snapshot names, one directory of contents at a time, so that few names are in memory; and what was put
 * aside of contents that none names any more. Errors: SQLite's and the host's, as they come, and those of the turns.
 */
export async function sweep(
  layout: BackupLayout,
  { databases, turns }: SweepOptions,
): Promise<Swept> {
  const queries = databases.map((database) => database.prepare<unknown[], string>(NAMED).pluck());
  const aside = putAsideIn(layout);
  const needless: ContentHash[] = [];
  const swept = { contents: 0, bytes: 0 };
  for (let directory = 0; directory < CONTENT_DIRECTORIES; directory++) {
    const prefix = directoryName(directory);
    const range = { from: prefix, to: `${prefix}g` };
    const named = new Set(queries.flatMap((query) => query.all(range)));
    for (const { path, hash } of contentsIn(layout, directory)) {
      if (named.has(hash)) continue;
      const { size } = statSync(path);
      removeBlob(path);
      swept.contents += 1;
      swept.bytes += size;
    }
    needless.push(...aside.filter((hash) => hash.startsWith(prefix) && !named.has(hash)));
    await turns.take();
  }
  swept.contents += needless.length;
  swept.bytes += forgetAside(layout, needless);
  return swept;
}
