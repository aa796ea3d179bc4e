import { join } from "node:path";
import type { StagingId } from "../../model/ids.js";
import type { ContentStore } from "../content/content-store.js";
import type { Layout } from "../content/local/layout.js";
import { Quarantine } from "../content/local/quarantine.js";
import { openForCheck } from "../metadata/check/open-for-check.js";
import { type Finding, PUTS_AWAY } from "./finding.js";
import { namedStaging, smallStrays, strayFinding } from "./staged-strays.js";
import { stagingNames } from "./staging-names.js";

const WHY = "it was being written, and no file has it: the file that had it may be what is lost";

/** A store that nobody has open, and whose database has what its journal had. */
export interface StagingToSort {
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
 * Puts away what was being written and no file has in the database, which any start would remove. The files first,
 * then what is in the log of small contents, as a file each. Returns what was put away, which is durable then; done
 * again, it goes on. Errors: those of the quarantine and of opening.
 */
export async function putStagingAway(store: StagingToSort): Promise<Finding[]> {
  const database = openForCheck(store.databasePath, { access: "read" });
  try {
    const quarantine = new Quarantine(store.dataDir);
    const named = namedStaging(database);
    const put: Finding[] = [];
    const { layout } = store;
    for (const { name, is, id } of stagingNames(layout.stagingDirectory)) {
      if (is === "other" || (id !== undefined && named.has(id))) continue;
      const path = join(layout.stagingDirectory, name);
      quarantine.put(path, { why: WHY });
      put.push(found(path));
    }
    quarantine.sync();
    const contents = store.openContents();
    try {
      const small: StagingId[] = [];
      for (const { id, bytes } of smallStrays({ database, layout, contents, except: named })) {
        quarantine.putBytes(bytes, { name: `staged-${id}`, why: WHY });
        small.push(id);
      }
      quarantine.sync();
      for (const id of small) {
        // While others keep the log, what is discarded is there again when it is read the next time; not so its bytes.
        const file = contents.openStaging(id);
        file.truncate(0);
        file.close();
        await contents.discardStaging([id]);
        put.push(found(`the staged content ${id}`));
      }
    } finally {
      await contents.close();
    }
    return put;
  } finally {
    database.close();
  }
}

function found(what: string): Finding {
  return strayFinding(what, { effect: "the next start removes it", repair: PUTS_AWAY });
}
