import type { Ino } from "../../model/ids.js";
import { WORK_KEY } from "../../model/work.js";
import type { PathWalk } from "./path-walk.js";

const PREFIX = "user.";

/** What says what is to be done with a file is the one file's, and not a copy's. */
const OF_THE_QUEUE: ReadonlySet<string> = new Set(Object.values(WORK_KEY));

/** Gives a file the custom metadata of another, but for what means something to the queue. */
export async function copyMetadata(
  { fs, caller }: PathWalk,
  { from, to }: { from: Ino; to: Ino },
): Promise<void> {
  for (const name of await fs.listxattr(caller, { ino: from })) {
    if (!name.startsWith(PREFIX) || OF_THE_QUEUE.has(name.slice(PREFIX.length))) continue;
    const value = await fs.getxattr(caller, { ino: from, name });
    if (value !== undefined) await fs.setxattr(caller, { ino: to, name, value, mode: "any" });
  }
}
