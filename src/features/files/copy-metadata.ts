import type { Ino } from "../../model/ids.js";
import { WORK_KEY } from "../../model/work.js";
import type { SetXattrRequest } from "../../vfs/file-system.js";
import type { PathWalk } from "./path-walk.js";

const PREFIX = "user.";

/** What says what is to be done with a file is the one file's, and not a copy's. */
const OF_THE_QUEUE: ReadonlySet<string> = new Set(Object.values(WORK_KEY));

/** `move`: all of it goes. `copy`: without what means something to the queue. */
export type Purpose = "copy" | "move";

/** Gives a file the custom metadata of another, as one step. */
export async function copyMetadata(
  { fs, caller }: PathWalk,
  { from, to, purpose }: { from: Ino; to: Ino; purpose: Purpose },
): Promise<void> {
  const requests: SetXattrRequest[] = [];
  for (const name of await fs.listxattr(caller, { ino: from })) {
    if (!name.startsWith(PREFIX)) continue;
    if (purpose === "copy" && OF_THE_QUEUE.has(name.slice(PREFIX.length))) continue;
    const value = await fs.getxattr(caller, { ino: from, name });
    if (value !== undefined) requests.push({ ino: to, name, value, mode: "any" });
  }
  if (requests.length > 0) await fs.setxattrs(caller, requests);
}
