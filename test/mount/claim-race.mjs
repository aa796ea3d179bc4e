// Claims work as a program that uses the library, one of many: node claim-race.mjs DATA_DIR WORKER
//
// Waits for a line on standard input, so that all begin at once, and prints the base name of each item.

import { once } from "node:events";
import { basename } from "node:path";
import { connect } from "../../dist/index.js";

const [dataDir, worker] = process.argv.slice(2);
const nexus = await connect({ dataDir });
console.log("here");
await once(process.stdin, "data");
for (;;) {
  const item = await nexus.queue.claim({ worker });
  if (item === undefined) break;
  console.log(basename(item.path));
}
await nexus.close();
process.stdin.destroy();
