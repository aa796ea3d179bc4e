// Writes files through the library, and says on stdout what was acknowledged, a line each.
//
//   node library-writer.mjs DATA_DIR (for-ever | and-end)

import { connect } from "../../dist/index.js";

const [, , dataDir, until] = process.argv;
const SIZES = [0, 5, 4000, 70_000, 1_500_000];

const nexus = await connect({ dataDir });
for (let step = 0; until === "for-ever" || step < 20; step++) {
  const path = `/files/${step % 7}`;
  const content = `${step} `.padEnd(SIZES[step % SIZES.length], String(step % 10));
  await nexus.write(path, content);
  await nexus.metadata.set(path, "step", step);
  process.stdout.write(`${JSON.stringify({ step, path, length: content.length })}\n`);
}
// Not closed: a process that forgets it must end, and lose nothing.
