import { basename, join } from "node:path/posix";
import type { NexusClient } from "../sdk/client.js";

/** Where cp and mv put something: into the directory, when the destination is one. */
export async function targetOf(
  client: NexusClient,
  { from, to }: { from: string; to: string },
): Promise<string> {
  return (await client.isDirectory(to)) ? join(to, basename(from)) : to;
}
