import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { change, fsck, makeStore, TEXT, withStore } from "../../support/checked-store.js";
import { problemsIn } from "../../support/data-directory.js";
import { openNexus } from "../../support/stores.js";

// Damage that puts a directory below itself, and what then looks for a way from a file up to the root.

/** A query that has no end is stopped by its process's. */
const STOPPED_MS = 20_000;
const SQLITE = createRequire(import.meta.url).resolve("better-sqlite3");

const INO = (name: string) => `(SELECT ino FROM dentries WHERE name = '${name}')`;
/** `/documents/p/c` has `/documents/p` in it. */
const CIRCLE = `UPDATE dentries SET parent = ${INO("c")} WHERE name = 'p'`;
const RENEW = "UPDATE store_state SET work_rules = ''";
/** So that nothing can be moved to lost+found. */
const NO_SYSTEM = `UPDATE dentries SET type = 8 WHERE name = 'system';
  UPDATE inodes SET mode = 33188 WHERE ino = ${INO("system")}`;

async function storeWithItem(): Promise<string> {
  return await makeStore(async ({ files, queue }) => {
    await files.mkdir("/documents/p");
    await files.mkdir("/documents/p/c");
    await files.write("/documents/p/c/w", "work");
    await queue.submit("/documents/p/c/w");
    await queue.submit("/documents/a");
  });
}

const PROGRAM = `
  const [sqlite, path, sql] = process.argv.slice(1);
  const database = new (require(sqlite))(path, { readonly: true });
  console.log(JSON.stringify(database.prepare(sql).pluck().all()));`;

/** What another program reads in the database: the paths of a view. */
function pathsIn(dataDir: string, view: string): unknown {
  const sql = `SELECT virtual_path FROM ${view} ORDER BY 1`;
  const { stdout, stderr, signal } = spawnSync(
    process.execPath,
    ["-e", PROGRAM, SQLITE, join(dataDir, "metadata.db"), sql],
    { encoding: "utf8", timeout: STOPPED_MS, killSignal: "SIGKILL" },
  );
  return stdout === "" ? `${signal} ${stderr}` : JSON.parse(stdout);
}

const OPEN_PATHS = ["/documents/a", "/documents/b"];

test("the views end where a directory is below itself, and have no path for what can't be reached", async () => {
  const dataDir = await storeWithItem();
  const whole = "/documents/p/c/w";
  expect(pathsIn(dataDir, "ready_work_items")).toStrictEqual(["/documents/a", whole]);
  change(dataDir, CIRCLE);
  expect(pathsIn(dataDir, "ready_work_items")).toStrictEqual([null, "/documents/a"]);
  expect(pathsIn(dataDir, "file_paths")).toStrictEqual(OPEN_PATHS);
});

test("a directory that has a second name below itself is where its first name is", async () => {
  const dataDir = await storeWithItem();
  change(dataDir, `INSERT INTO dentries VALUES (${INO("c")}, 'again', ${INO("p")}, 9000, 4)`);
  const whole = "/documents/p/c/w";
  expect(pathsIn(dataDir, "ready_work_items")).toStrictEqual(["/documents/a", whole]);
  expect(pathsIn(dataDir, "file_paths")).toStrictEqual([...OPEN_PATHS, whole]);
});

test("ways that lead round in several circles end, too", async () => {
  const dataDir = await storeWithItem();
  // `p` and `c` are in each other and in themselves, by names that come before those that they had.
  change(
    dataDir,
    `${CIRCLE}; INSERT INTO dentries VALUES (${INO("p")}, 'b', ${INO("p")}, 9000, 4);
     INSERT INTO dentries VALUES (${INO("c")}, 'b', ${INO("c")}, 9001, 4)`,
  );
  expect(pathsIn(dataDir, "work_by_priority")).toStrictEqual([null, "/documents/a"]);
});

test("who asks how many files have a content isn't led round, and those in the circle aren't counted", async () => {
  const dataDir = await storeWithItem();
  await withStore(dataDir, async ({ files }) => await files.write("/documents/p/c/same", TEXT));
  change(dataDir, CIRCLE);
  const nexus = openNexus(dataDir);
  try {
    const { metadata, close } = nexus.featuresFor({ isAdmin: false });
    expect(await metadata.get("/documents/a", "nexus.ref_count")).toBe("1");
    close();
  } finally {
    await nexus.close({ drainMs: 10_000 });
  }
});

test("a path is found at any depth", async () => {
  const depth = 3000;
  const dataDir = await storeWithItem();
  change(
    dataDir,
    `CREATE TEMP TABLE deep AS WITH RECURSIVE n (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < ${depth - 1})
       SELECT n FROM n;
     INSERT INTO dentries SELECT iif(n = 0, ${INO("c")}, 100000 + n - 1), 'd', 100000 + n, 100000 + n, 4 FROM deep;
     UPDATE dentries SET parent = 100000 + ${depth - 1} WHERE name = 'w'`,
  );
  const path = `/documents/p/c${"/d".repeat(depth)}/w`;
  expect(pathsIn(dataDir, "ready_work_items")).toStrictEqual(["/documents/a", path]);
  const listed = await withStore(dataDir, async ({ queue }) =>
    (await queue.ready()).map(({ path: found }) => found),
  );
  expect(listed).toStrictEqual(["/documents/a", path]);
});

describe("with a work item in a circle of directories", () => {
  test("a repair moves the circle to lost+found, with the item in the zone of that", async () => {
    const dataDir = await storeWithItem();
    change(dataDir, `${CIRCLE}; ${RENEW}`);
    expect(await fsck(dataDir, "--repair")).toMatchObject({
      ...{
        code: 0,
        rules: [],
        repaired: expect.arrayContaining(["directory.reachable"]) as unknown,
      },
    });
    expect(problemsIn(dataDir)).toStrictEqual([]);
    const ready = await withStore(dataDir, async ({ queue }) => await queue.ready());
    expect(ready.map(({ path }) => path)).toStrictEqual([
      "/documents/a",
      expect.stringMatching(/^\/system\/lost\+found\/ino-\d+\/(c\/)?w$/) as unknown,
    ]);
  });

  test("one that can't be moved is told of again", async () => {
    const dataDir = await storeWithItem();
    change(dataDir, `${CIRCLE}; ${NO_SYSTEM}; ${RENEW}`);
    const { code, rules } = await fsck(dataDir, "--repair");
    expect(code).toBe(1);
    expect(rules).toContain("directory.reachable");
  });

  test("its queue is listed and worked off, also while somebody watches", async () => {
    const dataDir = await storeWithItem();
    change(dataDir, CIRCLE);
    await withStore(dataDir, async ({ queue, watching }) => {
      // From now on it is recorded what happens.
      await watching.watchCursor();
      expect(await queue.ready()).toHaveLength(2);
      for (let claims = 0; claims < 2; claims++) await queue.claim({ worker: "w" });
      expect(await queue.status()).toMatchObject({ ready: 0, in_progress: 2 });
    });
  });
});
