import { join } from "node:path";
import type { StagingId } from "../../model/ids.js";
import type { ContentStore } from "../content/content-store.js";
import type { Layout } from "../content/local/layout.js";
import { Quarantine } from "../content/local/quarantine.js";
import { openForCheck } from "../metadata/check/open-for-check.js";
import type { Finding } from "./finding.js";
import { stagingNames } from "./staging-names.js";

const WHY = "it was being written, and belongs to changes that the database lacks";

/** A store whose database lacks changes, before anything opens it. */
export interface StagingOfOthers {
  readonly dataDir: string;
  readonly databasePath: string;
  readonly layout: Layout;
  /** Throws away what a crash left half-made; the caller closes it. */
  readonly openContents: () => Pick<
    ContentStore,
    "stagingIds" | "statStaging" | "openStaging" | "discardStaging" | "close"
  >;
}

/**
 * Puts away what was being written and no file has in the database: its row is among what is missing, and any start would
 * remove it. The files first, then what is in the log of small contents, as a file each. Returns what was put away; done
 * again, it goes on. Errors: those of the quarantine and of opening.
 */
export async function putStagingAway(store: StagingOfOthers): Promise<Finding[]> {
  const quarantine = new Quarantine(store.dataDir);
  const used = usedIn(store.databasePath);
  const put: Finding[] = [];
  const { stagingDirectory } = store.layout;
  for (const { name, is, id } of stagingNames(stagingDirectory)) {
    if (is === "other" || (id !== undefined && used.has(id))) continue;
    const path = join(stagingDirectory, name);
    quarantine.put(path, { why: WHY });
    put.push(found(path));
  }
  const contents = store.openContents();
  try {
    for (const id of contents.stagingIds()) {
      const sizeBytes = contents.statStaging(id)?.sizeBytes ?? 0;
      if (used.has(id) || sizeBytes === 0) continue;
      const file = contents.openStaging(id);
      try {
        const bytes = Buffer.alloc(sizeBytes);
        const count = file.read({ into: bytes, offset: 0 });
        quarantine.putBytes(bytes.subarray(0, count), { name: `staged-${id}`, why: WHY });
      } finally {
        file.close();
      }
      await contents.discardStaging([id]);
      put.push(found(`the staged content ${id}`));
    }
  } finally {
    await contents.close();
  }
  return put;
}

function usedIn(databasePath: string): ReadonlySet<StagingId> {
  const database = openForCheck(databasePath, { access: "read" });
  try {
    const ids = "SELECT staging_id FROM inodes WHERE staging_id IS NOT NULL";
    return new Set(database.prepare<[], StagingId>(ids).pluck().all());
  } finally {
    database.close();
  }
}

function found(what: string): Finding {
  return {
    ...{ rule: "staging.stray", severity: "waste", paths: [], morePaths: 0 },
    what: `${what} is left of something that was written, and no file has it`,
    effect: "the next start removes it",
    repair: "puts it away to lost+found in the data directory",
  };
}
