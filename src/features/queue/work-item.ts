import { timestampToMs } from "../../model/timestamp.js";
import type { WorkRecord } from "../../storage/metadata/work-store.js";
import type { WorkItem } from "./queue.js";

/** What users see of an item. */
export function workItemOf(record: WorkRecord): WorkItem {
  const { leaseEndMs } = record;
  return {
    path: record.path,
    pathId: record.pathId,
    state: record.state,
    status: record.status,
    priority: record.priority,
    size: record.sizeBytes,
    blockerCount: record.blockerCount,
    workerId: record.workerId,
    startedAt: record.startedAt,
    completedAt: record.completedAt,
    attempts: record.attempts,
    leaseEndsAt: leaseEndMs === undefined ? undefined : new Date(leaseEndMs),
    createdAt: new Date(timestampToMs(record.createdAt)),
    modifiedAt: new Date(timestampToMs(record.modifiedAt)),
  };
}
