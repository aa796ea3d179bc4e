// A work queue: a file with a status is work, and each piece of it goes to exactly one worker.
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "nexus-mount";

const dataDir = process.argv[2] ?? mkdtempSync(join(tmpdir(), "nexus-"));
const nexus = await connect({ dataDir });

const tasks = ["fetch", "parse", "index", "report", "fail", "clean"];
for (const [priority, task] of tasks.entries()) {
  const path = `/jobs/${task}.json`;
  await nexus.write(path, JSON.stringify({ task }));
  await nexus.queue.submit(path, { priority });
}

// Lower priorities come first.
const ready = await nexus.queue.ready({ limit: 2 });
assert.deepEqual(
  ready.map(({ path }) => path),
  ["/jobs/fetch.json", "/jobs/parse.json"],
);
for (const { path, priority } of ready) console.log(`ready: ${path}, priority ${priority}`);

const done: string[] = [];

/** Works until there is nothing to do. A worker that waits for more says `wait: true` instead. */
async function work(worker: string): Promise<void> {
  for (;;) {
    // Nobody else gets it for a minute. If this worker dies, it goes to another one after that.
    const item = await nexus.queue.claim({ worker, leaseMs: 60_000, wait: 100 });
    if (item === undefined) return;
    try {
      const { task } = JSON.parse((await nexus.read(item.path)).toString());
      if (task === "fail") throw new Error("this one never works");
      await nexus.write(`/results/${task}.txt`, `${task} by ${worker}\n`);
      await nexus.queue.complete(item.path, { worker });
      done.push(task);
    } catch (error) {
      // Three attempts, and then it is failed.
      const retry = item.attempts < 2;
      await nexus.queue.fail(item.path, { worker, error: String(error), retry });
      console.log(`${item.path}: ${error}${retry ? ", again" : ", given up"}`);
    }
  }
}

await Promise.all([work("worker-1"), work("worker-2"), work("worker-3")]);

assert.deepEqual(done.sort(), ["clean", "fetch", "index", "parse", "report"]);
console.log(`done: ${done.join(", ")}`);

const [failed] = await nexus.queue.failed();
assert.equal(failed?.path, "/jobs/fail.json");
assert.equal(failed.attempts, 3);
assert.equal(await nexus.metadata.get(failed.path, "error"), "Error: this one never works");

const { ready: left, completed, failed: failures } = await nexus.queue.status();
assert.deepEqual([left, completed, failures], [0, 5, 1]);
console.log(`${completed} completed, ${failures} failed after ${failed.attempts} attempts`);

// What the queue knows of a file goes with the file.
await nexus.delete(failed.path);
assert.deepEqual(await nexus.queue.failed(), []);
await nexus.close();
