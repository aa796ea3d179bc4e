import type { FileStat } from "../../../features/files/files.js";
import type { WorkItem } from "../../../features/queue/queue.js";

/** An item with the columns that the SQL views have, in their order and by their names. */
export function viewRow(item: WorkItem, stat: FileStat): Readonly<Record<string, unknown>> {
  return {
    path_id: item.pathId,
    tenant_id: stat.tenantId,
    virtual_path: item.path,
    backend_id: "local",
    physical_path: stat.etag,
    file_type: stat.mimeType,
    size_bytes: item.size,
    content_hash: stat.etag,
    created_at: item.createdAt,
    updated_at: item.modifiedAt,
    status: item.status,
    priority: item.priority,
  };
}

/** What some views have beyond that. */
export const VIEW_COLUMNS = {
  blocker_count: ({ blockerCount }) => blockerCount,
  worker_id: ({ workerId }) => workerId,
  started_at: ({ startedAt }) => startedAt,
  completed_at: ({ completedAt }) => completedAt,
} as const satisfies Readonly<Record<string, (item: WorkItem) => unknown>>;
