import { zonePath } from "../core/place.js";
import { messageOf } from "../model/errors.js";
import type { Ino } from "../model/ids.js";
import { isCanonical } from "../model/path.js";
import { parseDependencies } from "../model/work.js";
import type { FileWithWork } from "../storage/metadata/work-store.js";
import type { Volume } from "./volume.js";

const PAGE = 500;

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
  for (const { ino, path } of filesWithWork(volume)) {
    files += 1;
    const zone = zonePath(volume.router.resolve(path).zone);
    work.reindexWork([{ ino, zone }]);
  }
  // What a path_id may mean follows from the zones, so these come first, all of them.
  for (const file of filesWithWork(volume)) resolve(volume, { file, isNew: before === undefined });
  work.setWorkIndexRules(rules);
  if (files > 0) volume.logger.info({ files }, "the index of the work queue was made anew");
}

/**
 * Those that have a path that can be resolved. One that can't be reached has no zone, and gets one with its place; so
 * does one with a name in its path that there can't be, which only damage makes.
 */
function* filesWithWork(volume: Volume): Generator<FileWithWork & { readonly path: string }> {
  for (let after = 0 as Ino; ; ) {
    const page = volume.metadata.work.filesWithWork({ after, limit: PAGE });
    for (const file of page) {
      const { path } = file;
      if (path !== undefined && isCanonical(path)) yield { ...file, path };
    }
    const last = page.at(-1);
    if (last === undefined) return;
    after = last.ino;
  }
}

/** One file at a time: what can't be understood of one is no reason to leave out the others. */
function resolve(volume: Volume, { file, isNew }: { file: FileWithWork; isNew: boolean }): void {
  const { ino, path, dependsOn } = file;
  const { work } = volume.metadata;
  if (isNew && dependsOn !== undefined) {
    try {
      work.reindexDependencies({ ino, references: parseDependencies(dependsOn) });
      return;
    } catch (error) {
      volume.logger.warn({ path, reason: messageOf(error) }, "depends_on can't be understood");
    }
  }
  // What is satisfied is remembered nowhere else, so those that the index has stay.
  work.reindexDependencies({ ino, references: undefined });
}
