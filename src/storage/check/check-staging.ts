import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type Database from "better-sqlite3";
import { type ContentHash, type Ino, isContentHash, type StagingId } from "../../model/ids.js";
import type { ContentStore } from "../content/content-store.js";
import { casPath, type Layout } from "../content/local/layout.js";
import type { Paths } from "../metadata/check/paths.js";
import { type Problem, PUTS_AWAY, problem, somePaths } from "./finding.js";
import { namedStaging, smallStrays, strayFinding } from "./staged-strays.js";
import { stagingNames } from "./staging-names.js";

export interface StagingCheck {
  readonly database: Database.Database;
  readonly paths: Paths;
  readonly layout: Layout;
  /** Whether something else is lost or damaged: then what no row names may be all there is of a file. */
  readonly isDamaged: boolean;
  /** Opens the store of contents, which throws away what a crash left half-made; the caller closes it. */
  readonly open: () => Pick<ContentStore, "stagingIds" | "statStaging" | "openStaging">;
}

interface StagedRow {
  readonly ino: Ino;
  readonly staging_id: StagingId;
  readonly size_bytes: number;
  readonly content_hash: ContentHash | null;
}

/**
 * What was being written: whether it is there, and what is there that nobody writes. Of a store that nobody has open.
 */
export function checkStaging(check: StagingCheck): Problem[] {
  const { database, layout } = check;
  const staged = database
    .prepare<[], StagedRow>(
      "SELECT ino, staging_id, size_bytes, content_hash FROM inodes WHERE staging_id IS NOT NULL ORDER BY ino",
    )
    .all();
  const named = namedStaging(database);
  // Before opening, which removes some.
  const names = stagingNames(layout.stagingDirectory);
  const needless = names.filter(
    ({ is, id }) => is !== "other" && (id === undefined || !named.has(id)),
  );
  const contents = check.open();
  // An empty file that is open has none yet.
  const missed = staged.filter(
    ({ staging_id: id, size_bytes: sizeBytes }) =>
      sizeBytes > 0 && contents.statStaging(id) === undefined,
  );
  const isDamaged = check.isDamaged || missed.length > 0;
  const strays = needless.map(({ name, is }) => {
    const path = join(layout.stagingDirectory, name);
    const isKept = is === "content" && isDamaged;
    return isKept ? keptStray(path) : stray(path);
  });
  if (isDamaged) {
    const files = names.flatMap(({ id }) => id ?? []);
    const except = new Set([...named, ...files]);
    let count = 0;
    for (const _stray of smallStrays({ database, layout, contents, except })) count += 1;
    const log = `what the log in ${layout.stagingDirectory} has of small contents (${count})`;
    if (count > 0) strays.push(keptStray(log));
  }
  return [...strays, ...missed.map((row) => missing(check, row))];
}

/** What a crash leaves of a store that is as it must be. */
function stray(path: string): Problem {
  const effect = "it takes room until the store is opened the next time";
  return problem(strayFinding(path, { effect, repair: "removes it" }), () =>
    rmSync(path, { force: true }),
  );
}

/** Who repairs puts them away when the rows are mended: by then, more may have no file. */
function keptStray(what: string): Problem {
  const effect = "it may be all there is of a file that is lost; the next start removes it";
  return problem(strayFinding(what, { effect, repair: PUTS_AWAY }));
}

/** The next start does the one thing that can be done. */
function missing(
  check: StagingCheck,
  { ino, staging_id: id, content_hash: hash }: StagedRow,
): Problem {
  const before = hash === null || !isContentHash(hash) ? undefined : casPath(check.layout, hash);
  const hasBefore =
    before !== undefined && statSync(before, { throwIfNoEntry: false })?.isFile() === true;
  const path = check.paths.of(ino);
  return problem({
    ...{ rule: "staging.present", severity: "damage", ...somePaths([path]) },
    what: `${path === undefined ? `inode ${ino}: ` : ""}what was written to it last (staged content ${id}) is missing`,
    effect: hasBefore
      ? "the next start gives the file the content that it had before"
      : "reading the file fails (EIO)",
    repair: hasBefore ? "gives the file the content that it had before" : undefined,
  });
}
