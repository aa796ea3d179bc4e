import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import Database from "better-sqlite3";
import { expect, onTestFinished, test, vi } from "vitest";
import { checkpoint } from "../../../../src/storage/metadata/sqlite/checkpoint.js";
import { WorkerCheckpointer } from "../../../../src/storage/metadata/sqlite/worker-checkpointer.js";
import { recordingLogger } from "../../../support/silent-logger.js";
import { testDir } from "../../../support/temp-dir.js";

const THREAD = new URL(
  "../../../../src/storage/metadata/sqlite/checkpoint-worker.ts",
  import.meta.url,
);
const RUNNER = new URL("../../../support/typescript-thread.mjs", import.meta.url);

/** A database whose log has work for a checkpoint. */
class Logged {
  readonly path = join(testDir(), "words.db");
  readonly database = new Database(this.path);

  constructor() {
    onTestFinished(() => {
      this.database.close();
    });
    this.database.pragma("journal_mode = WAL");
    this.database.pragma("wal_autocheckpoint = 0");
    this.database.exec("CREATE TABLE words (word)");
    this.write("one");
  }

  write(word: string): void {
    this.database.prepare("INSERT INTO words VALUES (?)").run(word);
  }

  /** How much the database file has; what isn't checkpointed isn't in it. */
  get sizeBytes(): number {
    return statSync(this.path).size;
  }
}

function checkpointerOf(path: string) {
  const threads: Worker[] = [];
  const { logger, lines } = recordingLogger();
  const startThread = () => {
    const workerData = { source: THREAD.href, checkpointer: true };
    const thread = new Worker(RUNNER, { workerData, execArgv: [] });
    threads.push(thread);
    return thread;
  };
  const checkpointer = new WorkerCheckpointer({ databasePath: path, startThread, logger });
  onTestFinished(() => checkpointer.close());
  return { checkpointer, threads, lines };
}

test("a checkpoint moves the log to the database", () => {
  const logged = new Logged();
  const { sizeBytes } = logged;
  checkpoint(logged.path);
  expect(logged.sizeBytes).toBeGreaterThan(sizeBytes);
});

test("one that a reader holds up leaves something for the next, and waits for nobody", () => {
  const logged = new Logged();
  checkpoint(logged.path);
  const reader = new Database(logged.path);
  reader.exec("BEGIN");
  reader.prepare("SELECT * FROM words").all();
  logged.write("x".repeat(100_000));
  const { sizeBytes } = logged;
  checkpoint(logged.path);
  expect(logged.sizeBytes).toBe(sizeBytes);
  reader.close();
  checkpoint(logged.path);
  expect(logged.sizeBytes).toBeGreaterThan(sizeBytes);
});

test("on a thread, requests at the same time share a checkpoint, later ones get their own", async () => {
  const logged = new Logged();
  const empty = logged.sizeBytes;
  const { checkpointer, threads, lines } = checkpointerOf(logged.path);
  expect(checkpointer.run()).toBe(checkpointer.run());
  expect(await checkpointer.run()).toBe(true);
  const { sizeBytes } = logged;
  expect(sizeBytes).toBeGreaterThan(empty);
  for (let row = 0; row < 1000; row++) logged.write("a word and another one");
  await checkpointer.run();
  expect(logged.sizeBytes).toBeGreaterThan(sizeBytes);
  expect(threads).toHaveLength(1);
  expect(lines).toStrictEqual([]);
});

test("one that fails is logged, makes no database, and the next one is tried", async () => {
  const path = join(testDir(), "none.db");
  const { checkpointer, lines } = checkpointerOf(path);
  expect(await checkpointer.run()).toBe(false);
  expect(await checkpointer.run()).toBe(false);
  expect(lines).toMatchObject([{ level: 50 }, { level: 50 }]);
  expect(existsSync(path)).toBe(false);
});

test("a thread that dies fails its checkpoint, and the next one gets another thread", async () => {
  const logged = new Logged();
  const empty = logged.sizeBytes;
  const { checkpointer, threads, lines } = checkpointerOf(logged.path);
  const running = checkpointer.run();
  await threads[0]?.terminate();
  expect(await running).toBe(false);
  const failure = expect.stringContaining("the thread ended");
  expect(lines).toMatchObject([{ level: 50, failure }]);
  await checkpointer.run();
  expect(threads).toHaveLength(2);
  expect(logged.sizeBytes).toBeGreaterThan(empty);
});

test("one whose thread can't be started fails, and the next one is tried", async () => {
  const { logger, lines } = recordingLogger();
  let tries = 0;
  const startThread = () => {
    tries += 1;
    throw new Error("no more threads");
  };
  const path = join(testDir(), "none.db");
  const checkpointer = new WorkerCheckpointer({ databasePath: path, startThread, logger });
  expect(await checkpointer.run()).toBe(false);
  expect(await checkpointer.run()).toBe(false);
  expect(tries).toBe(2);
  expect(lines).toMatchObject([{ level: 50 }, { level: 50 }]);
  await checkpointer.close();
});

test("its thread ends by itself when it is closed", async () => {
  const { checkpointer, threads } = checkpointerOf(new Logged().path);
  await checkpointer.run();
  const exitCode = new Promise((resolve) => threads[0]?.once("exit", resolve));
  await checkpointer.close();
  // One that is stopped ends with 1.
  expect(await exitCode).toBe(0);
});

test("who closes while one runs can wait for it, though nothing else keeps the process alive", async () => {
  const logged = new Logged();
  const { checkpointer, threads } = checkpointerOf(logged.path);
  const running = checkpointer.run();
  const [thread] = threads;
  const ref = vi.spyOn(thread ?? expect.fail("no thread"), "ref");
  const closed = checkpointer.close();
  expect(ref).toHaveBeenCalledOnce();
  expect(await running).toBe(true);
  await closed;
});
