import { join } from "node:path";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { initial } from "../../../../src/storage/metadata/migrations/001-initial.js";
import { fsck } from "../../../support/checked-store.js";
import { testDir } from "../../../support/temp-dir.js";
import { World } from "../../../vfs/world.js";
import { brokenInvariants } from "../invariants.js";

/** "Nxus": what our databases are known by. */
const APPLICATION_ID = 0x4e787573;
const DIRECTORY = 0o040755;
const FILE = 0o100644;

function pathId(ino: number): string {
  return `01234567-89ab-7def-8123-${String(ino).padStart(12, "0")}`;
}

/** What somebody had in a store before there was a queue: nobody checked it. */
const FILES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  first: { status: "ready", priority: "2" },
  second: { priority: "1", status: "ready" },
  third: { status: "blocked", depends_on: "/jobs/first" },
  invented: { status: "doing", priority: "1" },
  urgent: { status: "ready", priority: "high" },
  unclear: { status: "blocked", depends_on: "the other one" },
  circle1: { status: "ready", depends_on: '["/jobs/circle2"]' },
  circle2: { status: "ready", depends_on: "/jobs/circle1", priority: "3" },
  done: { status: "completed" },
  after: { status: "blocked", depends_on: pathId(18) },
  running: { status: "in_progress", worker_id: "w9" },
  plain: { tags: "none", depends_on: "/jobs/first" },
  lonely: { status: "ready", depends_on: "/jobs/nothing" },
};

/** A data directory of schema version 1. */
function oldStore(): string {
  const dataDir = testDir();
  const database = new Database(join(dataDir, "metadata.db"));
  database.exec(initial.sql);
  database.pragma(`application_id = ${APPLICATION_ID}`);
  database.pragma("user_version = 1");
  database.exec("UPDATE store_state SET next_id = 1000");
  const inode = database.prepare(
    `INSERT INTO inodes VALUES (?, ?, ?, 0, 0, ?, 0, 0, 0, 1, 0, 1, 0, 1, 0, ?, 0, NULL, 0, NULL, NULL, NULL, NULL)`,
  );
  const entry = database.prepare("INSERT INTO dentries VALUES (?, ?, ?, ?, ?)");
  const metadata = database.prepare(
    "INSERT INTO file_metadata (ino, path_id, key, value, created_at) VALUES (?, ?, ?, ?, '')",
  );
  inode.run(1, pathId(1), DIRECTORY, 3, 1);
  inode.run(3, pathId(3), DIRECTORY, 2, 1);
  entry.run(1, "jobs", 3, 500, DIRECTORY >> 12);
  metadata.run(3, pathId(3), "status", "ready");
  for (const [index, [name, values]] of Object.entries(FILES).entries()) {
    const ino = 10 + index;
    inode.run(ino, pathId(ino), FILE, 1, ino);
    entry.run(3, name, ino, 500 + ino, FILE >> 12);
    for (const [key, value] of Object.entries(values)) metadata.run(ino, pathId(ino), key, value);
  }
  // Not all is text, and people have views of their own.
  metadata.run(10, pathId(10), "bytes", Buffer.from([0xff, 0]));
  database.exec("UPDATE file_metadata SET created_at = '2026-01-01T00:00:00' WHERE key = 'tags'");
  database.exec(
    "CREATE VIEW my_tags AS SELECT path_id, value, created_at FROM file_metadata WHERE key = 'tags'",
  );
  database.close();
  return dataDir;
}

test("a store from before the queue opens, and its files with a status are the queue", async () => {
  const dataDir = oldStore();
  const world = new World({ dataDir });
  const { queue, metadata } = world.nexus.featuresFor({ isAdmin: false });
  const names = async (items: Promise<{ path: string }[]>) =>
    (await items).map(({ path }) => path.slice("/jobs/".length));
  expect(await names(queue.ready())).toStrictEqual([
    "second",
    "first",
    "circle2",
    "urgent",
    "after",
  ]);
  const blocked = await queue.blocked();
  expect(blocked.map(({ path, blockerCount }) => [path.slice(6), blockerCount])).toStrictEqual([
    ["third", 1],
    ["circle1", 1],
    ["lonely", 1],
    ["unclear", 0],
  ]);
  expect(await queue.inProgress()).toMatchObject([{ path: "/jobs/running", workerId: "w9" }]);
  expect(await names(queue.completed())).toStrictEqual(["done"]);
  expect(await queue.status()).toMatchObject({ ready: 5, blocked: 4, in_progress: 1 });
  // What can't be understood stays as it was, and is said.
  expect(await metadata.get("/jobs/invented", "status")).toBe("doing");
  expect(await metadata.get("/jobs/unclear", "depends_on")).toBe("the other one");
  expect(await metadata.get("/jobs/after", "status")).toBe("ready");
  expect(await metadata.getBytes("/jobs/first", "bytes")).toStrictEqual(Buffer.from([0xff, 0]));
  const warned = world.trouble.map((line) => (line as { path?: string }).path);
  expect(warned.sort()).toStrictEqual(["/jobs/circle2", "/jobs/unclear"]);
  await world.close();
  expect(brokenInvariants(dataDir)).toStrictEqual({});
  const database = new Database(join(dataDir, "metadata.db"), { readonly: true });
  expect(database.prepare("SELECT * FROM my_tags").raw().all()).toStrictEqual([
    [pathId(21), "none", "2026-01-01T00:00:00"],
  ]);
  database.close();

  const again = new World({ dataDir, clock: world.clock });
  const { queue: same } = again.nexus.featuresFor({ isAdmin: false });
  await same.claimPath("/jobs/first", { worker: "w" });
  await same.complete("/jobs/first", { worker: "w" });
  expect(await same.get("/jobs/third")).toMatchObject({ state: "ready" });
  expect(again.trouble).toStrictEqual([]);
  await again.close();
  expect(brokenInvariants(dataDir)).toStrictEqual({});
});

test("a store from before the queue lacks nothing when it is checked before anything opens it", async () => {
  const dataDir = oldStore();
  expect(await fsck(dataDir)).toMatchObject({ code: 0, stderr: "", rules: [] });
});
