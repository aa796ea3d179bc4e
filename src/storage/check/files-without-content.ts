import type Database from "better-sqlite3";
import type { Ino } from "../../model/ids.js";
import type { Paths } from "../metadata/check/paths.js";
import { type Problem, problem, somePaths } from "./finding.js";

const WITHOUT = `SELECT ino, size_bytes FROM inodes WHERE ino <> 1 AND mode >> 12 = 8 AND nlink > 0
  AND size_bytes > 0 AND content_hash IS NULL AND staging_id IS NULL ORDER BY ino`;

/** Files whose bytes are lost: a backup that hadn't them leaves such ones when it is restored, with their size. */
export function* filesWithoutContent({
  database,
  paths,
}: {
  readonly database: Database.Database;
  readonly paths: Paths;
}): Generator<Problem> {
  const rows = database.prepare<[], { ino: Ino; size_bytes: number }>(WITHOUT).all();
  for (const { ino, size_bytes: sizeBytes } of rows) {
    const path = paths.of(ino);
    yield problem({
      ...{ rule: "file.content", severity: "damage", ...somePaths([path]) },
      what: `${path === undefined ? `inode ${ino}: ` : ""}it should have ${sizeBytes} bytes, and has no content`,
      effect: "reading the file fails (EIO); it can be written anew or removed",
      repair: undefined,
    });
  }
}
