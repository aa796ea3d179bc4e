import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type Database from "better-sqlite3";
import type { ContentHash, StagingId } from "../../model/ids.js";
import type { ContentStore } from "../content/content-store.js";
import { casPath, type Layout } from "../content/local/layout.js";
import { KEEPS } from "../metadata/operations/count-contents.js";
import type { Finding } from "./finding.js";

/** The staged contents that rows name. */
export function namedStaging(database: Database.Database): ReadonlySet<StagingId> {
  const ids = "SELECT staging_id FROM inodes WHERE staging_id IS NOT NULL";
  return new Set(database.prepare<[], StagingId>(ids).pluck().all());
}

/** Something that was being written, and that no row names. */
export function strayFinding(
  what: string,
  { effect, repair }: Pick<Finding, "effect" | "repair">,
): Finding {
  return {
    ...{ rule: "staging.stray", severity: "waste", paths: [], morePaths: 0, effect, repair },
    what: `${what} is left of something that was written, and no file has it`,
  };
}

/** A staged content of the log that no row names. */
export interface SmallStray {
  readonly id: StagingId;
  readonly bytes: Uint8Array;
}

export interface SmallStraysOptions {
  readonly database: Database.Database;
  readonly layout: Layout;
  readonly contents: Pick<ContentStore, "stagingIds" | "statStaging" | "openStaging">;
  /** These are none. */
  readonly except: ReadonlySet<StagingId>;
}

/**
 * What the log of small contents has and may be all there is of a file. A process that was killed leaves there what it
 * had sealed or removed shortly before, too: what some file has sealed is left out, if its bytes are the same.
 */
export function* smallStrays(options: SmallStraysOptions): Generator<SmallStray> {
  const { contents, except } = options;
  for (const id of contents.stagingIds()) {
    const sizeBytes = contents.statStaging(id)?.sizeBytes ?? 0;
    if (except.has(id) || sizeBytes === 0) continue;
    const file = contents.openStaging(id);
    try {
      const bytes = Buffer.alloc(sizeBytes);
      const count = file.read({ into: bytes, offset: 0 });
      const stray = { id, bytes: bytes.subarray(0, count) };
      if (!isSealed(options, stray)) yield stray;
    } finally {
      file.close();
    }
  }
}

function isSealed({ database, layout }: SmallStraysOptions, { bytes }: SmallStray): boolean {
  const hash = createHash("sha256").update(bytes).digest("hex") as ContentHash;
  const keepsIt = database.prepare(
    `SELECT 1 FROM inodes i WHERE content_hash = ? AND ${KEEPS} LIMIT 1`,
  );
  if (keepsIt.get(hash) === undefined) return false;
  try {
    return readFileSync(casPath(layout, hash)).equals(bytes);
  } catch {
    // What can't be read isn't known to be safe there.
    return false;
  }
}
