#!/usr/bin/env node
// Fills a store with work items and measures the queue through the library, in this process.
//
//   scripts/bench/queue [--dir DIR] [--items N] [--ready N] [--pairs N] [--json FILE]
//
// N items, of which some are ready and the others completed, spread over a thousand tenants' shared
// directories; every hundredth of the ready ones waits for another. Works in a new directory below DIR,
// and removes that one at the end. A figure is the median, with the 99th percentile beside it.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { Worker } from "node:worker_threads";
import Database from "better-sqlite3";
import { optionsOf } from "../options.mjs";

const { connect } = await import("../../dist/index.js");
// What fills the store is no part of what is built for use.
const SOURCES = "../../src";
const { SystemClock, TimerScheduler } = await import(`${SOURCES}/model/clock.ts`);
const { parseDependencies } = await import(`${SOURCES}/model/work.ts`);
const { openLogger } = await import(`${SOURCES}/telemetry/logger.ts`);
const sqlite = `${SOURCES}/storage/metadata/sqlite`;
const { SqliteMetadataStore } = await import(`${sqlite}/sqlite-metadata-store.ts`);
const { SpaceReserve } = await import(`${sqlite}/space-reserve.ts`);
const { WorkerCheckpointer } = await import(`${sqlite}/worker-checkpointer.ts`);
const RUNNER = new URL("../../test/support/typescript-thread.mjs", import.meta.url);
const CHECKPOINTER = new URL(`${sqlite}/checkpoint-worker.ts`, import.meta.url);

const values = optionsOf("scripts/bench/queue", {
  dir: { type: "string", default: "/var/tmp" },
  items: { type: "string", default: "1000000" },
  ready: { type: "string", default: "100000" },
  pairs: { type: "string", default: "10000" },
  json: { type: "string" },
});
const items = Number(values.items);
const ready = Number(values.ready);
const pairs = Number(values.pairs);
const TENANTS = 1000;
const BATCH = 1000;

mkdirSync(values.dir, { recursive: true });
const base = mkdtempSync(join(resolve(values.dir), "nexus-bench-"));
const results = [];

try {
  await fill();
  await measure();
  if (values.json !== undefined) {
    writeFileSync(values.json, `${JSON.stringify({ items, ready, results }, null, 2)}\n`);
  }
} finally {
  rmSync(base, { recursive: true });
}

/** Past the file system, which would take minutes for a million files: the queue is what is measured. */
async function fill() {
  const start = performance.now();
  const clock = new SystemClock();
  const logger = openLogger({ level: "warn", to: "terminal" }, "bench");
  const databasePath = join(base, "metadata.db");
  const store = new SqliteMetadataStore({
    databasePath,
    journalPath: join(base, "metadata.journal"),
    reserve: new SpaceReserve(join(base, "metadata.reserve")),
    cacheSizeMb: 100,
    owner: { uid: 0, gid: 0 },
    clock,
    scheduler: new TimerScheduler(),
    checkpointer: new WorkerCheckpointer({
      databasePath,
      startThread: () =>
        new Worker(RUNNER, { workerData: { source: CHECKPOINTER.href, checkpointer: true } }),
      logger,
    }),
    logger,
  });
  const make = (parent, name, mode) =>
    store.create({ parent, name, mode, uid: 0, gid: 0, rdev: 0, now: clock.now() }).ino;
  const shared = make(1, "shared", 0o40755);
  const directories = Array.from({ length: TENANTS }, (_, index) =>
    make(shared, `tenant${index}`, 0o40755),
  );
  const everyNth = Math.max(1, Math.round(items / ready));
  let previous;
  for (let from = 0; from < items; from += BATCH) {
    const requests = [];
    for (let index = from; index < Math.min(items, from + BATCH); index++) {
      const tenant = index % TENANTS;
      const ino = make(directories[tenant], `job${index}`, 0o100644);
      const work = { zone: `/shared/tenant${tenant}` };
      const set = (key, value, context = work) =>
        requests.push({
          ...{ ino, family: "custom", key, value: Buffer.from(value), mode: "any" },
          ...{ now: clock.now(), work: context },
        });
      set("priority", String(index % 7));
      const isReady = index % everyNth === 0;
      if (isReady && index % (100 * everyNth) === 0 && previous !== undefined) {
        const [reference] = parseDependencies(previous.path);
        set("depends_on", previous.path, {
          ...work,
          dependencies: [{ reference, ino: previous.ino }],
        });
      }
      set("status", isReady ? "ready" : "completed");
      if (isReady) previous = { ino, path: `/shared/tenant${tenant}/job${index}` };
    }
    store.setAttributes(requests);
    // The checkpoints of the log are made between, as they are wherever there is a pause.
    await new Promise((resolve) => setImmediate(resolve));
  }
  await store.close();
  console.log(`filled with ${items} items in ${Math.round((performance.now() - start) / 1000)} s`);
}

async function measure() {
  const everyone = await connect({ dataDir: base });
  const tenant = await connect({ dataDir: base, tenantId: "tenant10" });
  await timed("next 10 of all", 500, () => everyone.queue.ready({ limit: 10 }));
  await timed("next 10 of one tenant in a thousand", 500, () => tenant.queue.ready({ limit: 10 }));
  await timed("next 10, blocked", 500, () => everyone.queue.blocked({ limit: 10 }));
  await timed("next 1,000 of all", 20, () => everyone.queue.ready({ limit: 1000 }));
  await timed("counts by status, all", 10, () => everyone.queue.status());
  await timed("counts by status, one tenant", 100, () => tenant.queue.status());
  const sql = new Database(join(base, "metadata.db"), { readonly: true });
  const view = sql.prepare("SELECT * FROM ready_work_items LIMIT 10");
  await timed("SELECT * FROM ready_work_items LIMIT 10", 200, () => view.all());
  sql.close();
  await throughput("claim + complete, all", everyone);
  await throughput("claim + complete, one tenant", tenant, Math.min(pairs, 50));
  await tenant.close();
  await everyone.close();
}

async function throughput(what, client, count = pairs) {
  const start = performance.now();
  let done = 0;
  for (; done < count; done++) {
    const item = await client.queue.claim({ worker: "bench" });
    if (item === undefined) break;
    await client.queue.complete(item.path, { worker: "bench" });
  }
  const perSecond = Math.round(done / ((performance.now() - start) / 1000));
  results.push({ what, pairs: done, perSecond });
  console.log(`${what.padEnd(44)} ${String(perSecond).padStart(9)} /s   (${done} pairs)`);
}

async function timed(what, times, run) {
  const samples = [];
  for (let time = 0; time < times; time++) {
    const start = performance.now();
    await run();
    samples.push(performance.now() - start);
  }
  samples.sort((a, b) => a - b);
  const at = (share) => samples[Math.min(samples.length - 1, Math.floor(samples.length * share))];
  const [median, p99] = [at(0.5), at(0.99)];
  results.push({ what, medianMs: median, p99Ms: p99 });
  console.log(
    `${what.padEnd(44)} ${median.toFixed(3).padStart(9)} ms  (99 %: ${p99.toFixed(3)} ms)`,
  );
}
