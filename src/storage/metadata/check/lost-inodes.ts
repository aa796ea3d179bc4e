import type Database from "better-sqlite3";
import type { Ino } from "../../../model/ids.js";
import { MISLED_NAMES } from "./misled-names.js";
import { Paths } from "./paths.js";

/** What is left of an inode whose row is gone. */
export interface LostInode {
  readonly ino: Ino;
  /** One of the paths that led to it, if one did. */
  readonly path: string | undefined;
  /** Its custom metadata; what is no text is in base64. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Where it pointed, of a symlink; in base64, as it may be any bytes. */
  readonly target: string | undefined;
}

const MISSING = `
  SELECT ino FROM (
    SELECT ino FROM dentries WHERE (parent, name) NOT IN (SELECT parent, name FROM (${MISLED_NAMES}))
    UNION SELECT ino FROM file_metadata UNION SELECT ino FROM symlinks)
  WHERE ino NOT IN (SELECT ino FROM inodes) ORDER BY ino`;

/** All of them, before what is left goes, too. */
export function lostInodes(database: Database.Database): LostInode[] {
  const paths = new Paths(database);
  const metadata = database.prepare<[Ino], { key: string; value: unknown }>(
    "SELECT key, value FROM file_metadata WHERE ino = ? ORDER BY key",
  );
  const target = database.prepare<[Ino], unknown>("SELECT target FROM symlinks WHERE ino = ?");
  const inos = database.prepare<[], Ino>(MISSING).pluck().all();
  return inos.map((ino) => {
    const pointed = target.pluck().get(ino);
    return {
      ino,
      path: paths.of(ino),
      metadata: Object.fromEntries(
        metadata.all(ino).map(({ key, value }) => [key, legible(value)]),
      ),
      target: pointed === undefined ? undefined : base64(pointed),
    };
  });
}

function legible(value: unknown): unknown {
  return value instanceof Uint8Array ? { base64: base64(value) } : value;
}

function base64(value: unknown): string {
  const bytes = value instanceof Uint8Array ? Buffer.from(value) : Buffer.from(String(value));
  return bytes.toString("base64");
}
