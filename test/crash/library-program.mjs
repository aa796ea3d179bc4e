// Uses the library until a failpoint kills it.
//
//   node library-program.mjs import DATA_DIR ARCHIVE
//   node library-program.mjs lease DATA_DIR

import { setTimeout } from "node:timers/promises";
import { connect } from "../../dist/index.js";

const [, , what, dataDir, archive] = process.argv;
const nexus = await connect({ dataDir });
if (what === "import") {
  await nexus.importMetadata(archive);
} else {
  await nexus.write("/jobs/one", "work");
  await nexus.metadata.set("/jobs/one", "status", "ready");
  await nexus.queue.claim({ worker: "first", leaseMs: 50 });
  // The lease ends meanwhile, and this process with it.
  await setTimeout(20_000);
}
await nexus.close();
