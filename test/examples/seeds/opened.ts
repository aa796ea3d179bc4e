import { onTestFinished } from "vitest";
import type { NexusClient } from "../../../src/sdk/client.js";
import { connect } from "../../../src/sdk/connect.js";
import type { ConnectOptions } from "../../../src/sdk/connect-options.js";

/** A client that goes with the test. */
export async function opened(options: ConnectOptions): Promise<NexusClient> {
  const nexus = await connect(options);
  onTestFinished(() => nexus.close());
  return nexus;
}
