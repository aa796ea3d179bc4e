import { statSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { expect, onTestFinished, test } from "vitest";
import { checkpoint } from "../../../../src/storage/metadata/sqlite/checkpoint.js";
import type { Checkpointer } from "../../../../src/storage/metadata/sqlite/checkpointer.js";
import { openMetadataStore } from "../../../support/stores.js";
import { testDir } from "../../../support/temp-dir.js";
import { Namespace } from "../fixture.js";

const MIB = 1024 * 1024;
/** A checkpoint is begun at 4 MiB, and takes its time. */
const MOST_BYTES = 8 * MIB;

/** Does its work when it is told to, as one on a thread does at any moment. */
class LateCheckpointer implements Checkpointer {
  readonly #path: string;
  #end: ((succeeded: boolean) => void) | undefined;
  runs = 0;
  isBroken = false;

  constructor(path: string) {
    this.#path = path;
  }

  run(): Promise<boolean> {
    this.runs += 1;
    return new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  async work(): Promise<void> {
    if (this.#end === undefined) return;
    if (!this.isBroken) checkpoint(this.#path);
    this.#end(!this.isBroken);
    this.#end = undefined;
    await new Promise((resolve) => setImmediate(resolve));
  }

  async close(): Promise<void> {}
}

function openStore() {
  const dataDir = testDir();
  const databasePath = join(dataDir, "metadata.db");
  const checkpointer = new LateCheckpointer(databasePath);
  const store = openMetadataStore(dataDir, { checkpointer });
  onTestFinished(() => store.close());
  const namespace = new Namespace(store);
  let files = 0;
  const write = async ({ commits }: { commits: number }) => {
    for (let commit = 0; commit < commits; commit++) {
      for (let file = 0; file < 50; file++) namespace.file(`file ${files++}`);
      // In the middle of a transaction, as it nearly always is beside a busy writer.
      await checkpointer.work();
      for (let file = 0; file < 50; file++) namespace.file(`file ${files++}`);
      store.commit();
    }
  };
  /** The size of a file of the database. */
  const sizeOf = (suffix: "" | "-wal") => statSync(databasePath + suffix).size;
  return { databasePath, checkpointer, write, sizeOf };
}

/** Another program that reads what there is now, until it is closed. */
function openReader(databasePath: string): Database.Database {
  const reader = new Database(databasePath, { readonly: true });
  reader.exec("BEGIN");
  reader.prepare("SELECT count(*) FROM inodes").get();
  return reader;
}

test("SQLite's log starts over, however busy the writer is during the checkpoints", async () => {
  const { checkpointer, write, sizeOf } = openStore();
  await write({ commits: 150 });
  expect(checkpointer.runs).toBeGreaterThan(3);
  expect(sizeOf("-wal")).toBeLessThan(MOST_BYTES);
});

test("it does so also when the checkpointer doesn't get anything done", async () => {
  const { checkpointer, write, sizeOf } = openStore();
  checkpointer.isBroken = true;
  await write({ commits: 150 });
  expect(checkpointer.runs).toBeGreaterThan(3);
  expect(sizeOf("-wal")).toBeLessThan(MOST_BYTES);
});

test("a program that reads for long makes it grow, and is no reason for more checkpoints", async () => {
  const { databasePath, checkpointer, write, sizeOf } = openStore();
  const reader = openReader(databasePath);
  await write({ commits: 100 });
  const grown = sizeOf("-wal");
  expect(grown).toBeGreaterThan(2 * MOST_BYTES);
  expect(checkpointer.runs).toBeLessThanOrEqual(grown / (4 * MIB));
  reader.close();
  const before = checkpointer.runs;
  await write({ commits: 50 });
  expect(checkpointer.runs).toBeGreaterThan(before);
  // Where it is cut.
  expect(sizeOf("-wal")).toBeLessThanOrEqual(MOST_BYTES);
});

test("what a reader held up for long is left to the checkpointer, also when that one has just run", async () => {
  const { databasePath, checkpointer, write, sizeOf } = openStore();
  const reader = openReader(databasePath);
  for (let runs = checkpointer.runs + 5; checkpointer.runs < runs; ) await write({ commits: 1 });
  await checkpointer.work();
  reader.close();
  const before = sizeOf("");
  await write({ commits: 1 });
  expect(sizeOf("")).toBe(before);
});
