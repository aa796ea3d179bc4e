import { rmSync } from "node:fs";
import { FakeClock } from "../../support/fake-clock.js";
import { openNexus } from "../../support/stores.js";
import { makeTempDir } from "../../support/temp-dir.js";
import { HostileKernel, Misbehaviour } from "./hostile-kernel.js";
import type { HostileStep } from "./step.js";
import type { Tally } from "./tally.js";

/** Does the steps on a store of their own. What went wrong, if anything did. */
export async function runHostile(
  steps: Iterable<HostileStep>,
  tally?: Tally,
): Promise<string | undefined> {
  const dataDir = makeTempDir();
  const clock = new FakeClock();
  const nexus = openNexus(dataDir, { clock, scheduler: clock });
  try {
    const kernel = new HostileKernel({ nexus, clock, ...(tally === undefined ? {} : { tally }) });
    for (const step of steps) await kernel.take(step);
    await kernel.end();
    return undefined;
  } catch (error) {
    if (!(error instanceof Misbehaviour)) throw error;
    return error.message;
  } finally {
    await nexus.close({ drainMs: 0 });
    rmSync(dataDir, { recursive: true, force: true });
  }
}
