import { zonePath } from "../core/place.js";
import { messageOf } from "../model/errors.js";
import type { Caller } from "../model/identity.js";
import type { Ino } from "../model/ids.js";
import type { FileWithWork, WorkIndexEntry } from "../storage/metadata/work-store.js";
import { resolveDependencies } from "./ops/work-attributes.js";
import type { Volume } from "./volume.js";

const PAGE = 500;

const SYSTEM: Caller = { uid: 0, gid: 0, pid: 0, identity: { isAdmin: true } };

/**
 * Brings the queue's index in line with the configuration. The zone of a path is what the namespaces
 * and mounts make of it, so with other ones the zones are found anew; in a store that never had an index,
 * all of it is made from the files' metadata, and so is what a repair has taken out. Afterwards, and nearly
 * always, this is one look at a row.
 */
export function updateWorkIndex(volume: Volume): void {
  const { work } = volume.metadata;
  const { rules } = volume.router;
  const before = work.workIndexRules();
  if (before === rules) return;
  let files = 0;
  for (let after = 0 as Ino; ; ) {
    const page = work.filesWithWork({ after, limit: PAGE });
    for (const file of page) reindex(volume, { file, isNew: before === undefined });
    files += page.length;
    const last = page.at(-1);
    if (last === undefined) break;
    after = last.ino;
  }
  work.setWorkIndexRules(rules);
  if (files > 0) volume.logger.info({ files }, "the index of the work queue was made anew");
}

/** One file at a time: what can't be understood of one is no reason to leave out the others. */
function reindex(volume: Volume, { file, isNew }: { file: FileWithWork; isNew: boolean }): void {
  const { ino, path, dependsOn, hasDependencies } = file;
  if (path === undefined) return;
  const entry: WorkIndexEntry = {
    ...{ ino, zone: zonePath(volume.router.resolve(path).zone) },
    // In a store that had an index, a rename has made the cycle, and left it so.
    inCycle: isNew ? "refused" : "waiting",
  };
  const { work } = volume.metadata;
  // What is satisfied is remembered nowhere else, so those that are there stay.
  if (dependsOn === undefined || (hasDependencies && !isNew)) {
    work.reindexWork([entry]);
    return;
  }
  try {
    const dependencies = resolveDependencies(volume, { caller: SYSTEM, text: dependsOn });
    work.reindexWork([{ ...entry, dependencies }]);
  } catch (error) {
    volume.logger.warn({ path, reason: messageOf(error) }, "depends_on can't be understood");
    work.reindexWork([entry]);
  }
}
