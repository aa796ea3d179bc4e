import type Database from "better-sqlite3";
import type { Ino } from "../../model/ids.js";
import { type DependencyReference, parseDependencies } from "../../model/work.js";
import type { Paths } from "../metadata/check/paths.js";
import { restoreEdges } from "../metadata/operations/lost-edges.js";
import { HAS_WORK_INDEX, renewWorkIndex } from "../metadata/operations/work-index.js";
import { runScript } from "../metadata/sqlite/run-script.js";
import { type Problem, problem, somePaths } from "./finding.js";

interface Said {
  readonly ino: Ino;
  readonly said: string;
  /** A JSON list of the references that the queue has. */
  readonly had: string;
}

const SAID = `
  SELECT m.ino, m.value AS said,
    (SELECT json_group_array(reference) FROM work_dependencies d WHERE d.ino = m.ino) AS had
  FROM file_metadata m JOIN inodes i ON i.ino = m.ino
  WHERE ${HAS_WORK_INDEX} AND m.key = 'depends_on' AND typeof(m.value) = 'text' AND i.mode >> 12 = 8`;

/** Files that say what they depend on, and the queue, which goes by its own record of that, has something else. */
export function* lostDependencies({
  database,
  paths,
}: {
  readonly database: Database.Database;
  readonly paths: Paths;
}): Generator<Problem> {
  const others: (Said & { readonly references: readonly DependencyReference[] })[] = [];
  for (const row of database.prepare<[], Said>(SAID).iterate()) {
    const references = referencesIn(row.said);
    if (references !== undefined && isOther(row, references)) others.push({ ...row, references });
  }
  for (const { ino, said, had, references } of others) {
    const path = paths.of(ino);
    yield problem(
      {
        ...{ rule: "work.dependencies", severity: "damage", ...somePaths([path]) },
        what: `${path === undefined ? `inode ${ino}: ` : ""}it depends on ${JSON.stringify(said)}, and the queue has ${had}`,
        effect: "a worker may get the item before what it depends on is done",
        repair:
          "adds what is missing, and removes what the file doesn't say; what is right stays as it is",
      },
      (writable) => {
        writable.transaction(() => runScript(writable, restoreEdges(ino, references)))();
        // How many are open is counted by the rules of the queue; the next start finds what they mean.
        runScript(writable, renewWorkIndex());
      },
    );
  }
}

function isOther({ had }: Said, references: readonly DependencyReference[]): boolean {
  const found = new Set(JSON.parse(had) as string[]);
  return references.length !== found.size || references.some(({ text }) => !found.has(text));
}

/** Undefined for what can't be understood, as only SQL sets it. */
function referencesIn(said: string): DependencyReference[] | undefined {
  try {
    return parseDependencies(said);
  } catch {
    return undefined;
  }
}
