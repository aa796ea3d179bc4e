import { isUtf8 } from "node:buffer";
import type Database from "better-sqlite3";
import { NAME_MAX_BYTES } from "../../../model/attributes.js";
import { isName } from "../../../model/path.js";
import { all, query, type Script } from "../statement.js";
import { type Misplaced, misplaced, moveNames } from "./lost-and-found.js";
import type { Finder, RepairTools } from "./rule.js";

// Whether a name can be one is for `model/path.ts` to say, and whether it is UTF-8, SQLite can't: it takes what is none
// for other characters. So SQL only leaves out what is surely a name.

const MAYBE_IMPOSSIBLE = `(name IN ('', '.', '..') OR instr(name, '/') > 0 OR instr(name, char(0)) > 0
  OR name GLOB '*[^ -~]*' OR length(CAST(name AS BLOB)) > ${NAME_MAX_BYTES})`;
const PAGE = 1000;
const CANDIDATES = `SELECT parent, CAST(name AS BLOB), ino, cookie FROM dentries WHERE ${MAYBE_IMPOSSIBLE}`;
const NEXT_CANDIDATES = query(
  `${CANDIDATES} AND (parent, name) > (?, CAST(? AS TEXT)) ORDER BY parent, name LIMIT ${PAGE}`,
);

/** Each is told of with the directory that has it. */
export function impossibleNames(database: Database.Database): ReturnType<Finder> {
  const found: { readonly ino: number; readonly detail: string }[] = [];
  for (const row of database
    .prepare<[], [number, Uint8Array, number, number]>(CANDIDATES)
    .raw()
    .iterate()) {
    const { parent, name } = misplaced(row);
    if (isImpossible(name)) found.push({ ino: parent, detail: detailOf(name) });
  }
  return found;
}

/** Gives them places and names that there can be. */
export function* moveImpossible(tools: RepairTools): Script<void> {
  let last: Pick<Misplaced, "parent" | "name"> = { parent: 0, name: new Uint8Array() };
  for (;;) {
    const rows = yield* all(NEXT_CANDIDATES, last.parent, last.name);
    const candidates = rows.map(misplaced);
    yield* moveNames(
      tools,
      candidates.filter(({ name }) => isImpossible(name)),
    );
    const end = candidates.at(-1);
    if (end === undefined || candidates.length < PAGE) return;
    last = end;
  }
}

function isImpossible(name: Uint8Array): boolean {
  return !isUtf8(name) || !isName(Buffer.from(name).toString());
}

function detailOf(name: Uint8Array): string {
  const bytes = Buffer.from(name);
  const quoted = `'${bytes.toString().slice(0, NAME_MAX_BYTES).replaceAll("'", "''")}'`;
  if (isUtf8(name)) return `the name ${quoted} in it is impossible`;
  return `the name ${quoted} in it is impossible: it is no UTF-8 (${bytes.toString("hex")})`;
}
