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
/** A checkpoint is begun at 10 MiB, and takes its time. */
const MOST_BYTES = 20 * MIB;

/** Does its work when it is told to, as one on a thread does at any moment. */
class LateCheckpointer implements Checkpointer {
  readonly #path: string;
  #end: (() => void) | undefined;
  runs = 0;

  constructor(path: string) {
    this.#path = path;
  }

  run(): Promise<void> {
    this.runs += 1;
    return new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  async work(): Promise<void> {
    if (this.#end === undefined) return;
    checkpoint(this.#path);
    this.#end();
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
  const logBytes = () => statSync(`${databasePath}-wal`).size;
  return { databasePath, checkpointer, write, logBytes };
}

test("SQLite's log starts over, however busy the writer is during the checkpoints", async () => {
  const { checkpointer, write, logBytes } = openStore();
  await write({ commits: 200 });
  expect(checkpointer.runs).toBeGreaterThan(3);
  expect(logBytes()).toBeLessThan(MOST_BYTES);
});

test("a program that reads for long makes it grow, and is no reason for more checkpoints", async () => {
  const { databasePath, checkpointer, write, logBytes } = openStore();
  const reader = new Database(databasePath, { readonly: true });
  reader.exec("BEGIN");
  reader.prepare("SELECT count(*) FROM inodes").get();
  await write({ commits: 150 });
  const grown = logBytes();
  expect(grown).toBeGreaterThan(MOST_BYTES);
  expect(checkpointer.runs).toBeLessThanOrEqual(grown / (10 * MIB));
  reader.close();
  const before = checkpointer.runs;
  await write({ commits: 100 });
  expect(checkpointer.runs).toBeGreaterThan(before);
  expect(logBytes()).toBeLessThan(MOST_BYTES);
});
