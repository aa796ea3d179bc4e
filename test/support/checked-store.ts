import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { expect } from "vitest";
import { composeCheck } from "../../src/compose-check.js";
import { loadConfig } from "../../src/config/load.js";
import type { Features } from "../../src/features/features.js";
import type { CheckReport } from "../../src/sdk/check-data.js";
import { runCommand } from "../cli/run-command.js";
import { addStray, hashOf } from "./data-directory.js";
import { silentLogger } from "./silent-logger.js";
import { openNexus } from "./stores.js";
import { testDir } from "./temp-dir.js";

// A store that is closed, for tests that damage it by hand and have it checked.

/** What is in /documents/a. */
export const TEXT = "the content of a file";
/** What is in /documents/b. */
export const OTHER = "another content";

/** Opens a store in this process, with no threads, and closes it when the work is done. */
export async function withStore<T>(
  dataDir: string,
  work: (features: Features) => Promise<T>,
): Promise<T> {
  mkdirSync(dataDir, { recursive: true });
  const nexus = openNexus(dataDir);
  const features = nexus.featuresFor({ isAdmin: true });
  try {
    return await work(features);
  } finally {
    features.close();
    await nexus.close({ drainMs: 10_000 });
  }
}

/** A store with two files, /documents/a and /documents/b, closed. */
export async function makeStore(
  work: (features: Features) => Promise<void> = async () => undefined,
): Promise<string> {
  const dataDir = join(testDir(), "data");
  await withStore(dataDir, async (features) => {
    await features.files.write("/documents/a", TEXT);
    await features.files.write("/documents/b", OTHER);
    await work(features);
  });
  return dataDir;
}

/** Where a content is sealed. */
export function blob(dataDir: string, text: string): string {
  const hash = hashOf(text);
  return join(dataDir, "cas", hash.slice(0, 2), hash.slice(2, 4), hash);
}

/** Changes its database, past the program. */
export function change(dataDir: string, sql: string): void {
  const database = new Database(join(dataDir, "metadata.db"));
  database.exec(sql);
  database.close();
}

/** Changes its database without one of its indexes, which then has what was there before. */
export function changeBeside(dataDir: string, index: string, sql: string): void {
  const path = join(dataDir, "metadata.db");
  const open = () => {
    const database = new Database(path);
    database.unsafeMode(true);
    database.pragma("writable_schema = ON");
    return database;
  };
  const hiding = open();
  const row = hiding.prepare("SELECT * FROM sqlite_schema WHERE name = ?").get(index);
  hiding.prepare("DELETE FROM sqlite_schema WHERE name = ?").run(index);
  hiding.close();
  const changing = open();
  changing.exec(sql);
  changing
    .prepare("INSERT INTO sqlite_schema VALUES (@type, @name, @tbl_name, @rootpage, @sql)")
    .run(row);
  changing.close();
}

/** Puts a content there as one that is about to be sealed, or was removed: no file has it. */
export function announce(dataDir: string, text: string): void {
  addStray(dataDir, text);
  change(
    dataDir,
    `INSERT INTO contents (hash, size_bytes, blocks, ref_count, created_at)
     VALUES ('${hashOf(text)}', ${text.length}, 8, 0, '2026-01-01T00:00:00')`,
  );
}

/** What `nexus fsck --json` says. */
export async function fsck(dataDir: string, ...args: string[]) {
  const { code, stdout, stderr } = await runCommand([
    ...["fsck", "--json", "--data-dir", dataDir, ...args],
  ]);
  if (stdout === "") return { code, stderr, rules: [], repaired: [], report: undefined };
  const report = JSON.parse(stdout) as CheckReport;
  const rules = report.findings.map(({ rule }) => rule);
  return { code, stderr, rules, repaired: report.repaired.map(({ rule }) => rule), report };
}

/** What there is in `lost+found/`, sorted: the bytes of each as text. */
export function putAway(dataDir: string): string[] {
  const directory = join(dataDir, "lost+found");
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((name) => name !== "record.jsonl")
    .map((name) => readFileSync(join(directory, name), "utf8"))
    .sort();
}

/** The content of a file. Errors: those of reading it. */
export async function read(dataDir: string, path: string): Promise<string> {
  return await withStore(dataDir, async ({ files }) => String(await files.read(path)));
}

/** A repair that is interrupted while it looks at the contents. */
export async function cutRepair(dataDir: string): Promise<void> {
  const aborted = new AbortController();
  const explicit = new Map([["data_dir", { value: dataDir, source: "the test" }]]);
  const config = loadConfig({ explicit, face: "command", cwd: dataDir });
  const cut = composeCheck(
    { config, logger: silentLogger },
    {
      ...{ mode: "offline", action: "repair", signal: aborted.signal },
      onProgress: () => aborted.abort(new Error("interrupted")),
    },
  );
  await expect(cut).rejects.toThrow("interrupted");
}
