import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, test } from "vitest";
import { testDir } from "../../support/temp-dir.js";
import { opened } from "./opened.js";

// The samples of the embedded mode's documentation on work detection, in TypeScript.

describe("samples on work", () => {
  test("work metadata and queries", async () => {
    const nexus = await opened({ dataDir: testDir() });
    await nexus.write("/jobs/task1.json", '{"task": "process_data"}');
    await nexus.write("/jobs/task2.json", '{"task": "train_model"}');

    await nexus.metadata.set("/jobs/task1.json", "status", "ready");
    await nexus.metadata.set("/jobs/task1.json", "priority", 1);

    await nexus.metadata.set("/jobs/task2.json", "status", "in_progress");
    await nexus.metadata.set("/jobs/task2.json", "worker_id", "worker-001");
    const now = new Date().toISOString();
    await nexus.metadata.set("/jobs/task2.json", "started_at", now);

    const ready = await nexus.queue.ready({ limit: 10 });
    expect(ready).toMatchObject([{ path: "/jobs/task1.json", priority: 1 }]);
    const inProgress = await nexus.queue.inProgress();
    expect(inProgress).toMatchObject([
      { path: "/jobs/task2.json", workerId: "worker-001", startedAt: now },
    ]);
    expect(await nexus.queue.blocked()).toEqual([]);

    await nexus.write("/jobs/task3.json", "{}");
    await nexus.metadata.set("/jobs/task3.json", "status", "blocked");
    await nexus.metadata.set("/jobs/task3.json", "depends_on", "/jobs/task1.json");
    const blocked = await nexus.queue.blocked();
    expect(blocked).toMatchObject([{ path: "/jobs/task3.json", blockerCount: 1 }]);
  });

  test("the five SQL views", async () => {
    const dataDir = testDir();
    const nexus = await opened({ dataDir });
    const statuses = ["ready", "pending", "blocked", "in_progress"];
    for (const status of statuses) {
      await nexus.write(`/jobs/${status}`, status);
      await nexus.metadata.set(`/jobs/${status}`, "status", status);
    }
    await nexus.close();
    const database = new Database(join(dataDir, "metadata.db"), { readonly: true });
    try {
      const paths = (view: string) =>
        database.prepare(`SELECT virtual_path FROM ${view}`).pluck().all();
      expect(paths("ready_work_items")).toEqual(["/jobs/ready"]);
      expect(paths("pending_work_items")).toEqual(["/jobs/pending"]);
      expect(paths("blocked_work_items")).toEqual(["/jobs/blocked"]);
      expect(paths("in_progress_work")).toEqual(["/jobs/in_progress"]);
      expect(paths("work_by_priority")).toEqual(statuses.map((status) => `/jobs/${status}`));
    } finally {
      database.close();
    }
  });

  test("a worker loop, by hand and with claims", async () => {
    const nexus = await opened({ dataDir: testDir() });
    for (const task of ["one", "two", "three"]) {
      await nexus.write(`/jobs/${task}`, task);
      await nexus.metadata.set(`/jobs/${task}`, "status", "ready");
    }

    // As the sample has it, which is safe with one worker only.
    const [item] = await nexus.queue.ready({ limit: 1 });
    const path = item?.path ?? "";
    await nexus.metadata.set(path, "status", "in_progress");
    await nexus.metadata.set(path, "worker_id", "worker-1");
    await nexus.metadata.set(path, "status", "completed");
    expect(await nexus.metadata.get(path, "completed_at")).toMatch(/^\d{4}-/);

    // The same in one step that nobody else can come between.
    const done = [path];
    for (;;) {
      const claimed = await nexus.queue.claim({ worker: "worker-1" });
      if (claimed === undefined) break;
      await nexus.queue.complete(claimed.path, { worker: "worker-1" });
      done.push(claimed.path);
    }
    expect(done).toEqual(["/jobs/one", "/jobs/two", "/jobs/three"]);
    expect(await nexus.queue.status()).toMatchObject({ ready: 0, in_progress: 0, completed: 3 });
  });

  test("dependency resolution", async () => {
    const nexus = await opened({ dataDir: testDir() });
    await nexus.write("/jobs/step1.json", '{"task": "data_prep"}');
    await nexus.write("/jobs/step2.json", '{"task": "training"}');

    await nexus.metadata.set("/jobs/step1.json", "status", "ready");
    await nexus.metadata.set("/jobs/step1.json", "priority", 1);

    const { pathId } = await nexus.stat("/jobs/step1.json");
    await nexus.metadata.set("/jobs/step2.json", "status", "blocked");
    await nexus.metadata.set("/jobs/step2.json", "depends_on", pathId);

    const ready = async () => (await nexus.queue.ready()).map(({ path }) => path);
    expect(await ready()).toEqual(["/jobs/step1.json"]);

    // The sample sets step 2 ready by hand; it is already.
    await nexus.metadata.set("/jobs/step1.json", "status", "completed");
    expect(await ready()).toEqual(["/jobs/step2.json"]);
    await nexus.metadata.set("/jobs/step2.json", "status", "ready");
    expect(await ready()).toEqual(["/jobs/step2.json"]);
  });
});
