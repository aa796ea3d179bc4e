import type { ConnectOptions, NexusClient } from "nexus-mount";
import { connect } from "nexus-mount";
import { onTestFinished } from "vitest";

/** A client that goes with the test. */
export async function opened(options: ConnectOptions): Promise<NexusClient> {
  const nexus = await connect(options);
  onTestFinished(() => nexus.close());
  return nexus;
}
