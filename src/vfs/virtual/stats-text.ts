import { WORK_STATUSES } from "../../model/work.js";
import type { WorkCounts } from "../../storage/metadata/work-store.js";
import type { FileSystemStat } from "../file-system.js";

/**
 * What `/.nexus/stats` says: a line for each number, its name and itself. `files` is left out for a
 * caller who mustn't know of the files of others, to whom statfs tells none.
 */
export function statsText({ stat, work }: { stat: FileSystemStat; work: WorkCounts }): string {
  const files = stat.files - stat.filesFree;
  const total = WORK_STATUSES.reduce((sum, state) => sum + work[state], 0);
  const lines = [
    ...(files > 0 ? [`files ${files}`] : []),
    ...WORK_STATUSES.map((state) => `work_${state} ${work[state]}`),
    `work_total ${total}`,
    `bytes_total ${stat.blocks * stat.blockBytes}`,
    `bytes_available ${stat.blocksAvailable * stat.blockBytes}`,
  ];
  return lines.map((line) => `${line}\n`).join("");
}
