import { Worker } from "node:worker_threads";
import { describe, expect, onTestFinished, test } from "vitest";
import { EMPTY_HASH, type StagingId } from "../../../../src/model/ids.js";
import { FailedSync } from "../../../../src/storage/content/local/failed-sync.js";
import { WorkerContentJobs } from "../../../../src/storage/content/local/worker-content-jobs.js";
import { kindOfLater } from "../../../support/error-kind.js";
import { FakeClock } from "../../../support/fake-clock.js";
import { recordingLogger } from "../../../support/silent-logger.js";

// Real threads, with little in them: they answer, and die when a job says so.

const THREAD = `
  const { parentPort } = require("node:worker_threads");
  parentPort.on("message", (message) => {
    if (message === "end") process.exit();
    const { number, method, argument } = message;
    if (method === "seal") process.exit(3);
    if (method === "remove") throw new Error("a bug");
    if (method === "discardStaging") return;
    const error = { kind: "no-space", message: "the disk is full" };
    if (method === "hash" && argument.ids[0] === 13) parentPort.postMessage({ number, error });
    else parentPort.postMessage({ number, result: [] });
  });
`;
const SEAL = [{ id: undefined, hash: EMPTY_HASH, sizeBytes: 0 }];
const WORKS = [{ id: 1 as StagingId, bytes: Buffer.from("x") }];

function open(script = THREAD) {
  const clock = new FakeClock();
  const { logger, lines } = recordingLogger();
  const threads: Worker[] = [];
  const startThread = () => {
    const thread = new Worker(script, { eval: true, stderr: true });
    threads.push(thread);
    return thread;
  };
  const jobs = new WorkerContentJobs({ startThread, clock, logger });
  onTestFinished(() => jobs.close());
  return { jobs, clock, lines, threads };
}

describe("the thread of the content jobs", () => {
  test("answers, and its errors keep their kind", async () => {
    const { jobs, threads } = open();
    await expect(jobs.hash(WORKS)).resolves.toStrictEqual([]);
    const failing = jobs.hash([{ id: 13 as StagingId, bytes: undefined }]);
    expect(await kindOfLater(failing)).toBe("no-space");
    expect(threads).toHaveLength(1);
  });

  test("tells of which files a sync failed", async () => {
    const { jobs } = open(`
      const { parentPort } = require("node:worker_threads");
      const error = { kind: "io-failure", message: "sync: EIO", unsynced: [3, 5] };
      parentPort.on("message", (message) => {
        if (message === "end") process.exit();
        parentPort.postMessage({ number: message.number, error });
      });
    `);
    const failure = await jobs.seal(SEAL).catch((error) => error);
    expect(failure).toBeInstanceOf(FailedSync);
    expect(failure).toMatchObject({ kind: "io-failure", message: "sync: EIO", ids: [3, 5] });
  });

  test("that dies answers all its jobs with an error, and the log says so once", async () => {
    const { jobs, lines } = open();
    const silent = jobs.discardStaging([1 as StagingId]);
    const deadly = jobs.seal(SEAL);
    const late = jobs.hash(WORKS);
    const kinds = await Promise.all([silent, deadly, late].map(kindOfLater));
    expect(kinds).toStrictEqual(["io-failure", "io-failure", "io-failure"]);
    expect(lines).toMatchObject([{ level: 50, exitCode: 3, jobs: 3 }]);
  });

  test("that dies of an error tells it to the log and to who asked", async () => {
    const { jobs, lines } = open();
    const failing = jobs.remove([EMPTY_HASH]);
    await expect(failing).rejects.toMatchObject({
      kind: "io-failure",
      cause: { message: "a bug" },
    });
    expect(lines).toMatchObject([{ level: 50, err: { message: "a bug" } }]);
  });

  test("is started anew by the next job after it died", async () => {
    const { jobs, threads } = open();
    for (let death = 1; death <= 3; death++) {
      expect(await kindOfLater(jobs.seal(SEAL))).toBe("io-failure");
      await expect(jobs.hash(WORKS)).resolves.toStrictEqual([]);
      expect(threads).toHaveLength(death + 1);
    }
  });

  test("that dies again without an answer is started after a pause, then a longer one", async () => {
    const { jobs, clock, threads } = open();
    await kindOfLater(jobs.seal(SEAL));
    await kindOfLater(jobs.seal(SEAL));
    expect(threads).toHaveLength(2);
    for (const pauseMs of [1000, 2000, 4000]) {
      const before = threads.length;
      clock.advance(pauseMs - 1);
      expect(await kindOfLater(jobs.hash(WORKS))).toBe("io-failure");
      expect(threads).toHaveLength(before);
      clock.advance(1);
      expect(await kindOfLater(jobs.seal(SEAL))).toBe("io-failure");
      expect(threads).toHaveLength(before + 1);
    }
  });

  test("that can't even start doesn't take the processor: a minute is the longest pause", async () => {
    const { jobs, clock, threads } = open("process.exit(1)");
    await kindOfLater(jobs.hash(WORKS));
    for (let round = 0; round < 10; round++) {
      clock.advance(60_000);
      expect(await kindOfLater(jobs.hash(WORKS))).toBe("io-failure");
    }
    expect(threads).toHaveLength(11);
  });

  test("isn't started only to cancel something", async () => {
    const { jobs, threads } = open();
    await kindOfLater(jobs.seal(SEAL));
    jobs.cancelHash(1 as StagingId);
    expect(threads).toHaveLength(1);
  });

  test("is started for the first job, and not before", async () => {
    const { jobs, threads } = open();
    expect(threads).toHaveLength(0);
    await jobs.hash(WORKS);
    expect(threads).toHaveLength(1);
  });

  // Where it were stopped instead while it loads a native module, the whole process would abort.
  test("ends by itself, also when it is closed before it listens", async () => {
    const { jobs, threads } = open(`
      const { parentPort } = require("node:worker_threads");
      parentPort.on("message", (message) => message === "end" && process.exit(7));
    `);
    const kind = kindOfLater(jobs.hash(WORKS));
    const exitCode = new Promise((resolve) => threads[0]?.once("exit", resolve));
    await jobs.close();
    expect(await exitCode).toBe(7);
    expect(await kind).toBe("closed");
  });

  test("ends with the store, and nobody waits for it for ever", async () => {
    const { jobs, lines, threads } = open();
    const silent = jobs.discardStaging([1 as StagingId]);
    const kind = kindOfLater(silent);
    await jobs.close();
    expect(await kind).toBe("closed");
    expect(await kindOfLater(jobs.hash(WORKS))).toBe("closed");
    expect(threads).toHaveLength(1);
    expect(lines).toStrictEqual([]);
  });
});
