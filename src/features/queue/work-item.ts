import { timestampFromMs, timestampToDate } from "../../model/timestamp.js";
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
    leaseEndsAt:
      leaseEndMs === undefined ? undefined : timestampToDate(timestampFromMs(leaseEndMs)),
    createdAt: timestampToDate(record.createdAt),
    modifiedAt: timestampToDate(record.modifiedAt),
  };
}
