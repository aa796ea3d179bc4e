import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import type { ContentHash } from "../../src/model/ids.js";
import { brokenInvariants } from "../storage/metadata/invariants.js";

/**
 * What isn't as it must be in the data directory of a daemon that has ended in order: nothing waits
 * to be sealed or removed, and the contents on disk are exactly those that the database names, whole.
 * Empty when all is well.
 */
export function problemsIn(dataDir: string): string[] {
  const database = new Database(join(dataDir, "metadata.db"), { fileMustExist: true });
  try {
    const rows = (sql: string) => database.prepare(sql).pluck().all();
    const named = new Set(rows("SELECT hash FROM contents") as string[]);
    const blobs = new Set(blobsOf(dataDir).map(({ hash }) => hash));
    return [
      ...Object.entries(brokenInvariants(dataDir)).map(
        ([rule, found]) => `${rule}: ${JSON.stringify(found)}`,
      ),
      ...rows("SELECT ino FROM inodes WHERE staging_id IS NOT NULL").map(
        (ino) => `inode ${ino} isn't sealed`,
      ),
      ...rows("SELECT ino FROM inodes WHERE nlink = 0").map((ino) => `inode ${ino} is an orphan`),
      ...rows("SELECT hash FROM contents WHERE ref_count = 0").map(
        (hash) => `nobody refers to content ${hash}`,
      ),
      ...[...blobs].filter((hash) => !named.has(hash)).map((hash) => `${hash} is a stray`),
      ...[...named].filter((hash) => !blobs.has(hash)).map((hash) => `${hash} is missing`),
      ...damagedBlobs(dataDir),
      ...stagingFiles(dataDir).map((name) => `staging/${name} is left`),
    ];
  } finally {
    database.close();
  }
}

/** The hash that a content is stored under. */
export function hashOf(bytes: string | Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Puts a content into `cas/` that nothing names; returns its hash. */
export function addStray(dataDir: string, text: string): ContentHash {
  const hash = hashOf(text) as ContentHash;
  const directory = join(dataDir, "cas", hash.slice(0, 2), hash.slice(2, 4));
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, hash), text, { mode: 0o444 });
  return hash;
}

/** What lies in `cas/`, by the names of the files. */
export function blobsOf(dataDir: string): { hash: string; path: string }[] {
  const root = join(dataDir, "cas");
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map(({ name, parentPath }) => ({ hash: name, path: join(parentPath, name) }));
}

function damagedBlobs(dataDir: string): string[] {
  return blobsOf(dataDir).flatMap(({ hash, path }) => {
    const mode = statSync(path).mode & 0o7777;
    const isPlaced = path.endsWith(`/${hash.slice(0, 2)}/${hash.slice(2, 4)}/${hash}`);
    return [
      ...(hashOf(readFileSync(path)) === hash
        ? []
        : [`${path} has other bytes than its name says`]),
      ...(isPlaced ? [] : [`${path} lies in the wrong place`]),
      ...(mode === 0o444 ? [] : [`${path} has mode ${mode.toString(8)}`]),
    ];
  });
}

/** Files of single contents: what is not one of the store's logs. */
function stagingFiles(dataDir: string): string[] {
  return readdirSync(join(dataDir, "staging")).filter((name) => /^\d|\.new$/.test(name));
}
