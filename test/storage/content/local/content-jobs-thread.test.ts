import { Worker } from "node:worker_threads";
import { describe, expect, onTestFinished, test } from "vitest";
import { SystemClock } from "../../../../src/model/clock.js";
import { type Layout, layoutOf } from "../../../../src/storage/content/local/layout.js";
import { LocalContentStore } from "../../../../src/storage/content/local/local-content-store.js";
import { WorkerContentJobs } from "../../../../src/storage/content/local/worker-content-jobs.js";
import { bytesOfLength } from "../../../support/bytes.js";
import { kindOfLater } from "../../../support/error-kind.js";
import { silentLogger } from "../../../support/silent-logger.js";
import { testDir } from "../../../support/temp-dir.js";
import { Contents, hashOf } from "../fixture.js";

const WORKER = new URL(
  "../../../../src/storage/content/local/content-jobs-worker.ts",
  import.meta.url,
);
const RUNNER = new URL("../../../support/typescript-thread.mjs", import.meta.url);

/** A store whose jobs are done by the real thing, on a thread of its own. */
function open() {
  const layout: Layout = layoutOf(testDir());
  const threads: Worker[] = [];
  const startThread = () => {
    const workerData = { source: WORKER.href, contentLayout: layout };
    const thread = new Worker(RUNNER, { workerData, execArgv: [] });
    threads.push(thread);
    return thread;
  };
  const clock = new SystemClock();
  const jobs = new WorkerContentJobs({ startThread, clock, logger: silentLogger });
  const store = new LocalContentStore({ layout, jobs, clock });
  onTestFinished(() => store.close());
  return { contents: new Contents(store), threads };
}

describe("content jobs on another thread", () => {
  test("hash, seal, discard, remove and fail as they do on this one", async () => {
    const { contents } = open();
    const all = [10, 70_000, 100, 300_000].map((size) => bytesOfLength(size, size));
    const ids = all.map((bytes) => contents.stage(bytes));
    const sealed = await contents.seal(...ids);
    expect(sealed.map(({ hash }) => hash)).toStrictEqual(all.map(hashOf));
    await contents.store.discardStaging(ids);
    expect(ids.map((id) => contents.store.statStaging(id))).toStrictEqual(ids.map(() => undefined));
    expect(sealed.map((content) => hashOf(contents.bytesOf(content)))).toStrictEqual(
      all.map(hashOf),
    );
    await contents.store.remove(sealed.map(({ hash }) => hash));
    for (const content of sealed) expect(() => contents.bytesOf(content)).toThrow("missing");
    const request = { id: contents.nextId(), hash: hashOf(Buffer.from("x")), sizeBytes: 1 };
    expect(await kindOfLater(contents.store.seal([request]))).toBe("io-failure");
  });

  test("lose nothing when the thread dies in the middle, and are done by the next one", async () => {
    const { contents, threads } = open();
    const all = [10, 40_000_000, 300_000].map((size) => Buffer.alloc(size, size % 251));
    const ids = all.map((bytes) => contents.stage(bytes));
    await contents.store.hash(ids.slice(0, 1));
    const hashing = kindOfLater(contents.store.hash(ids));
    await threads[0]?.terminate();
    expect(await hashing).toBe("io-failure");
    const sealed = await contents.seal(...ids);
    expect(threads).toHaveLength(2);
    expect(sealed.map(({ hash }) => hash)).toStrictEqual(all.map(hashOf));
  });
});
