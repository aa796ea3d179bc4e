import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { messageOf, NexusError } from "../../../../src/model/errors.js";
import { change, makeStore, withStore } from "../../../support/checked-store.js";
import { afterKill } from "../../../support/crash.js";

const LARGE = "large".repeat(30_000);
const STAGED = "staged ".repeat(20_000);
const FILES = 5;

/** A store with something of everything, closed, and the same when its process was killed later. */
export async function hostileStores(): Promise<{ closed: string; killed: string }> {
  const closed = await makeStore(async ({ files, metadata, queue }) => {
    for (let number = 0; number < FILES; number++) {
      await files.write(`/documents/${number}`, `document ${number}`);
      await files.write(`/documents/below/${number}`, `below ${number % 2}`);
      await files.write(`/workspace/acme/coder/${number}`, `of acme ${number}`);
      await files.write(`/workspace/globex/writer/${number}`, `of globex ${number}`);
      await metadata.set(`/documents/${number}`, "key", `value ${number}`);
      await files.write(`/jobs/${number}`, `job ${number}`);
      const dependsOn = number === 0 ? [] : [`/jobs/${number - 1}`];
      await queue.submit(`/jobs/${number}`, { dependsOn });
    }
    await files.write("/documents/below/large", LARGE);
    await metadata.set("/jobs/0", "status", "completed");
  });
  const of = (name: string) => `(SELECT ino FROM dentries WHERE name = '${name}' LIMIT 1)`;
  const next = "(SELECT next_id FROM store_state)";
  const symlink = `INSERT INTO inodes (ino, path_id, mode, uid, gid, nlink, size_bytes, blocks, rdev, atime_sec,
      atime_nsec, mtime_sec, mtime_nsec, ctime_sec, ctime_nsec, btime_sec, btime_nsec, version)
    VALUES (${next}, '01234567-89ab-7def-8123-456789abcdef', 0xa1ff, 0, 0, 1, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
    INSERT INTO symlinks VALUES (${next}, CAST('/documents/1' AS BLOB));
    INSERT INTO dentries VALUES (${of("below")}, 'symlink', ${next}, ${next}, 10);`;
  change(
    closed,
    `${symlink} UPDATE store_state SET next_id = next_id + 1;
     INSERT INTO dentries VALUES (${of("coder")}, 'link', ${of("large")}, ${next}, 8);
     UPDATE inodes SET nlink = nlink + 1 WHERE ino = ${of("large")};
     INSERT INTO system_attributes (ino, key, value) VALUES (${of("large")}, 'security.x', x'010203');
     UPDATE store_state SET next_id = next_id + 1`,
  );
  const killed = await withStore(closed, async ({ files, metadata }) => {
    await files.write("/documents/small", "staged and small");
    await files.write("/documents/staged", STAGED);
    await files.write("/workspace/acme/coder/small", "staged of acme");
    await files.write("/documents/3", "staged over a document");
    await files.delete("/documents/4");
    await metadata.set("/documents/0", "key", "another value");
    return afterKill(closed);
  });
  return { closed, killed };
}

/** All texts that somebody can still get at: what is put away, and the contents of all files. Errors: of another kind. */
export async function textsIn(dataDir: string): Promise<Set<string>> {
  const texts = new Set<string>();
  const away = join(dataDir, "lost+found");
  if (existsSync(away)) {
    for (const name of readdirSync(away)) texts.add(readFileSync(join(away, name), "utf8"));
  }
  const paths = pathsIn(dataDir);
  await withStore(dataDir, async ({ files }) => {
    for (const path of paths) {
      try {
        texts.add(String(await files.read(path)));
      } catch (error) {
        if (!(error instanceof NexusError)) throw new Error(`${path}: ${messageOf(error)}`);
      }
    }
  });
  return texts;
}

/** Of all files, by what the rows say. */
function pathsIn(dataDir: string): string[] {
  const database = new Database(join(dataDir, "metadata.db"), { readonly: true });
  try {
    const tree = `WITH RECURSIVE tree (ino, type, path) AS (
        SELECT 1, 4, '' UNION SELECT d.ino, d.type, path || '/' || name
        FROM tree JOIN dentries d ON parent = tree.ino WHERE tree.type = 4 AND length(path) < 1000)
      SELECT path FROM tree WHERE type = 8`;
    return database.prepare<[], string>(tree).pluck().all();
  } finally {
    database.close();
  }
}
