// Work that waits for other work: a graph of steps, each ready when what it depends on is completed.
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, InvalidArgumentError } from "nexus-mount";

const dataDir = process.argv[2] ?? mkdtempSync(join(tmpdir(), "nexus-"));
const nexus = await connect({ dataDir });

const path = (step: string) => `/pipeline/${step}.json`;

//           ┌── train ──┐
//  prepare ─┤           ├── publish
//           └── check ──┘
const steps: Record<string, string[]> = {
  prepare: [],
  train: ["prepare"],
  check: ["prepare"],
  publish: ["train", "check"],
};

// Each file has to be there before another one depends on it; then they are submitted.
await nexus.writeMany(Object.keys(steps).map((step) => ({ path: path(step), content: step })));
for (const [step, needs] of Object.entries(steps)) {
  await nexus.queue.submit(path(step), { dependsOn: needs.map(path) });
}

// Why something waits.
for (const item of await nexus.queue.blocked()) {
  const waitsFor = await nexus.queue.dependencies(item.path);
  console.log(`${item.path} waits for ${waitsFor.map((needed) => needed.path).join(", ")}`);
}
assert.equal((await nexus.queue.get(path("publish"))).blockerCount, 2);

// A circle would never end, so it is refused.
await assert.rejects(
  nexus.queue.submit(path("prepare"), { dependsOn: path("publish") }),
  InvalidArgumentError,
);

const order: string[] = [];
const worker = "worker-1";
for (;;) {
  const item = await nexus.queue.claim({ worker });
  if (item === undefined) break;
  order.push((await nexus.read(item.path)).toString());
  await nexus.queue.complete(item.path, { worker });
}

assert.equal(order[0], "prepare");
assert.deepEqual(order.slice(1, 3).sort(), ["check", "train"]);
assert.equal(order[3], "publish");
console.log(`done in this order: ${order.join(", ")}`);
await nexus.close();
