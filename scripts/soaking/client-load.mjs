// Works through the library, beside others: client-load.mjs DATA_DIR SEED NUMBER
// Files of its own, and the queue that all of them share.

import { connect } from "../../dist/index.js";
import { hashOf, say, workUntilTold } from "./load.mjs";
import { randomFrom } from "./random.mjs";

const [, , dataDir, seed, number] = process.argv;
const random = randomFrom(Number(seed));
const worker = `worker${number}`;
const nexus = await connect({ dataDir, isAdmin: true });
let submitted = 0;

async function write() {
  const path = `/client${number}/file${random(20)}`;
  const bytes = Buffer.alloc([0, 50, 9000, 80_000, 700_000][random(5)], `seed ${random(30)} `);
  const is = hashOf(bytes);
  // A write of the library is there whole, or what was there before is.
  say({ begun: `client:${path}`, may: [is] });
  await nexus.write(path, bytes);
  say({ done: `client:${path}`, is });
}

async function remove() {
  const path = `/client${number}/file${random(20)}`;
  if (!(await nexus.exists(path))) return;
  say({ begun: `client:${path}`, may: ["absent"] });
  await nexus.delete(path);
  say({ done: `client:${path}`, is: "absent" });
}

async function submit() {
  submitted += 1;
  const path = `/queue/${worker}-${seed}-${submitted}`;
  await nexus.write(path, "work");
  say({ item: path, at: 1, isBegun: true });
  await nexus.queue.submit(path, { priority: random(5) });
  say({ item: path, at: 1 });
}

async function work() {
  const item = await nexus.queue.claim({ worker: `${worker}-${seed}`, leaseMs: 24 * 3_600_000 });
  if (item === undefined) return;
  say({ item: item.path, at: 2, isClaim: true });
  say({ item: item.path, at: 3, isBegun: true });
  await nexus.queue.complete(item.path, { worker: `${worker}-${seed}` });
  say({ item: item.path, at: 3 });
}

const ACTIONS = [write, write, write, remove, submit, submit, work, work];

await workUntilTold(async () => {
  await ACTIONS[random(ACTIONS.length)]();
});
