import { chmodSync, rmSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import type { ContentHash } from "../../model/ids.js";
import { type CasEntry, casEntries, changedAtMs } from "../content/local/cas-entries.js";
import { casPath, type Layout } from "../content/local/layout.js";
import { type BlobState, glanceAtBlob, lookAtBlob } from "../content/local/look-at-blob.js";
import type { Quarantine } from "../content/local/quarantine.js";
import type { Paths } from "../metadata/check/paths.js";
import { forgetContents } from "../metadata/operations/contents.js";
import { runScript } from "../metadata/sqlite/run-script.js";
import type { ContentRow, ContentRows } from "./content-rows.js";
import { type Finding, MOST_PATHS, type Problem, PUTS_AWAY, problem } from "./finding.js";

const SEALED_MODE = 0o444;
/** What is younger may be about to be named, or removed. */
const GRACE_MS = 60_000;
/** Longer than a daemon takes to commit what it has acknowledged. */
const SETTLED_MS = 250;
/** How often something is looked at again that a daemon may be at. */
const LOOKS = 3;

export interface ContentCheck {
  readonly rows: ContentRows;
  readonly paths: Paths;
  readonly layout: Layout;
  readonly quarantine: Quarantine;
  /** Whether somebody else changes the store meanwhile. */
  readonly mode: "online" | "offline";
  /** Whether contents are read, or only looked for. */
  readonly depth: "bytes" | "presence";
  /**
   * Whether a content that no file has, and that a row announces, may be all there is of one that the database lacks.
   */
  readonly isBehind: boolean;
  /** So much more was read; it may throw to end the check. */
  readonly onBytes: (bytes: number) => void;
}

/** Looks at each content that a row names, and at each file that lies where contents do. */
export async function* checkContents(check: ContentCheck): AsyncGenerator<Problem> {
  const suspects: ContentRow[] = [];
  for (const row of check.rows.all()) {
    check.onBytes(0);
    const found = await checkRow(check, row);
    if (found === undefined) continue;
    if (check.mode === "offline") yield found;
    else suspects.push(row);
  }
  yield* lookAgain(check, suspects);
  yield* checkFiles(check);
}

async function checkRow(check: ContentCheck, row: ContentRow): Promise<Problem | undefined> {
  // A content that nobody refers to may not be there yet, or any more: the daemon, or the next start, sees to it.
  if (row.is_needed === 0) return undefined;
  return problemOf(check, { row, state: await look(check, row.hash) });
}

/** A daemon may have been at them. All are waited for together. */
async function* lookAgain(
  check: ContentCheck,
  suspects: readonly ContentRow[],
): AsyncGenerator<Problem> {
  let left = suspects;
  for (let looks = 2; left.length > 0; looks++) {
    await setTimeout(SETTLED_MS);
    const still: ContentRow[] = [];
    for (const { hash } of left) {
      check.onBytes(0);
      const row = check.rows.of(hash);
      const found = row === undefined ? undefined : await checkRow(check, row);
      if (row === undefined || found === undefined) continue;
      if (looks === LOOKS) yield found;
      else still.push(row);
    }
    left = still;
  }
}

function problemOf(
  check: ContentCheck,
  { row, state }: { row: ContentRow; state: BlobState },
): Problem | undefined {
  const { hash, size_bytes: sizeBytes } = row;
  const path = casPath(check.layout, hash);
  const files = () => check.paths.filesWith(hash, { most: MOST_PATHS });
  const damage = (finding: Omit<Finding, "severity" | "paths" | "morePaths">): Finding => ({
    ...{ severity: "damage", ...files(), ...finding },
  });
  switch (state.is) {
    case "missing":
      return problem(
        damage({
          rule: "content.present",
          what: `the content ${hash} is missing`,
          effect: "reading the file fails (EIO); the same content written anywhere heals it",
          repair: undefined,
        }),
      );
    case "unreadable":
    case "damaged": {
      const what =
        state.is === "unreadable"
          ? `the content ${hash} can't be read: ${state.reason}`
          : `the content ${hash} has other bytes than it was stored with${
              state.sizeBytes === sizeBytes ? "" : `: ${state.sizeBytes} of ${sizeBytes ?? "?"}`
            }`;
      const finding = damage({
        ...{ rule: "content.bytes", what },
        effect: "reading the file fails (EIO) or gives wrong bytes",
        repair:
          "puts what is there away to lost+found in the data directory; then reading fails (EIO), and the same content written anywhere heals the file",
      });
      const { paths } = finding;
      return problem(finding, () => check.quarantine.put(path, { why: what, paths }));
    }
    case "whole":
      if (sizeBytes === null) return unlisted(check, { hash, sizeBytes: state.sizeBytes });
      if (state.sizeBytes !== sizeBytes) return wrongSize(check, { row, state, damage });
      if (state.mode === SEALED_MODE) return undefined;
      return problem(
        damage({
          rule: "content.mode",
          what: `the content ${hash} has mode ${state.mode.toString(8)}`,
          effect: "a program that gets at the data directory may change it by mistake",
          repair: "makes it read-only again",
        }),
        () => chmodSync(path, SEALED_MODE),
      );
  }
}

/** Without a look at its bytes, nobody knows which of the two is wrong. */
function wrongSize(
  check: ContentCheck,
  {
    row,
    state,
    damage,
  }: {
    row: ContentRow;
    state: { readonly sizeBytes: number };
    damage: (finding: Omit<Finding, "severity" | "paths" | "morePaths">) => Finding;
  },
): Problem {
  const { hash, size_bytes: sizeBytes } = row;
  return problem(
    damage({
      rule: "content.size",
      what: `the content ${hash} has ${state.sizeBytes} bytes, and its row says ${sizeBytes}`,
      effect: "reading the file fails (EIO)",
      repair: check.depth === "bytes" ? "has the row say what its bytes are" : undefined,
    }),
    (database) => {
      const set = database.prepare("UPDATE contents SET size_bytes = ? WHERE hash = ?");
      set.run(state.sizeBytes, hash);
    },
  );
}

/** The rule of the list puts it there, and knows its size only from its files, which may have that wrong. */
function unlisted(
  { depth }: ContentCheck,
  { hash, sizeBytes }: { readonly hash: ContentHash; readonly sizeBytes: number },
): Problem | undefined {
  if (depth !== "bytes") return undefined;
  return {
    what: `the content ${hash}`,
    mend: (database) => {
      const add = database.prepare(
        `INSERT INTO contents (hash, size_bytes, blocks, ref_count, created_at)
         SELECT ?, ?, 0, count(*), strftime('%Y-%m-%dT%H:%M:%S', 'now') FROM inodes WHERE content_hash = ?
         ON CONFLICT (hash) DO NOTHING`,
      );
      add.run(hash, sizeBytes, hash);
    },
  };
}

/** Files that no row names. */
async function* checkFiles(check: ContentCheck): AsyncGenerator<Problem> {
  const oldest = Date.now() - (check.mode === "online" ? GRACE_MS : 0);
  const candidates: CasEntry[] = [];
  for (const entry of casEntries(check.layout)) {
    if (isNamed(check, entry)) continue;
    const changedMs = await changedAtMs(entry.path);
    if (changedMs !== undefined && changedMs <= oldest) candidates.push(entry);
    check.onBytes(0);
  }
  // A content that is there already is taken over by the next file that has it.
  if (check.mode === "online" && candidates.length > 0) await setTimeout(SETTLED_MS);
  for (const entry of candidates) {
    if (isNamed(check, entry) || (await changedAtMs(entry.path)) === undefined) continue;
    yield needless(check, entry);
  }
}

function isNamed(check: ContentCheck, { is, hash }: CasEntry): boolean {
  if (is !== "content" || hash === undefined) return false;
  const row = check.rows.of(hash);
  return row !== undefined && (row.is_needed !== 0 || !check.isBehind);
}

function needless(check: ContentCheck, { path, is, hash }: CasEntry): Problem {
  const common = { severity: "waste", paths: [], morePaths: 0 } as const;
  const what = {
    content: `${path} is a content that no file has`,
    "half-made": `${path} was left half-made by a crash`,
    foreign: `${path} is no content, or not at its place`,
  }[is];
  const effect = "it takes room, and nothing else";
  // A content may be what is left of a file whose row is lost, or of one that another database has.
  const goes = is === "half-made";
  return problem(
    {
      ...{ ...common, rule: `content.${is === "content" ? "stray" : is}`, what, effect },
      repair: goes ? "removes it" : PUTS_AWAY,
    },
    (database) => {
      if (goes) rmSync(path, { force: true });
      else check.quarantine.put(path, { why: what });
      // What announced it.
      if (is === "content" && hash !== undefined) runScript(database, forgetContents([hash]));
    },
  );
}

async function look(
  { layout, depth, onBytes }: ContentCheck,
  hash: ContentHash,
): Promise<BlobState> {
  const path = casPath(layout, hash);
  if (depth === "bytes") return await lookAtBlob({ path, hash, onBytes });
  return await glanceAtBlob(path);
}
