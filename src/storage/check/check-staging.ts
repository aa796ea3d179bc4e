import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type Database from "better-sqlite3";
import { type ContentHash, type Ino, isContentHash, type StagingId } from "../../model/ids.js";
import type { ContentStore } from "../content/content-store.js";
import { casPath, type Layout } from "../content/local/layout.js";
import type { Paths } from "../metadata/check/paths.js";
import { type Problem, problem, somePaths } from "./finding.js";
import { stagingNames } from "./staging-names.js";

export interface StagingCheck {
  readonly database: Database.Database;
  readonly paths: Paths;
  readonly layout: Layout;
  /** Opens the store of contents, which throws away what a crash left half-made; the caller closes it. */
  readonly open: () => Pick<ContentStore, "statStaging">;
}

interface StagedRow {
  readonly ino: Ino;
  readonly staging_id: StagingId;
  readonly size_bytes: number;
  readonly content_hash: ContentHash | null;
}

/** What was being written: whether it is there, and what is there that nobody writes. Of a store that nobody has open. */
export function* checkStaging(check: StagingCheck): Generator<Problem> {
  const staged = check.database
    .prepare<[], StagedRow>(
      "SELECT ino, staging_id, size_bytes, content_hash FROM inodes WHERE staging_id IS NOT NULL ORDER BY ino",
    )
    .all();
  const used = new Set(staged.map(({ staging_id }) => staging_id));
  yield* needless(check, used);
  const contents = check.open();
  for (const row of staged) {
    // An empty file that is open has none yet.
    if (row.size_bytes === 0 || contents.statStaging(row.staging_id) !== undefined) continue;
    yield missing(check, row);
  }
}

function* needless(check: StagingCheck, used: ReadonlySet<StagingId>): Generator<Problem> {
  for (const { name, is, id } of stagingNames(check.layout.stagingDirectory)) {
    if (is === "other" || (id !== undefined && used.has(id))) continue;
    const path = join(check.layout.stagingDirectory, name);
    const what = `${path} is left of something that was written, and no file has it`;
    yield problem(
      {
        ...{ rule: "staging.stray", severity: "waste", what, paths: [], morePaths: 0 },
        effect: "it takes room until the store is opened the next time",
        repair: "removes it",
      },
      () => rmSync(path, { force: true }),
    );
  }
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
