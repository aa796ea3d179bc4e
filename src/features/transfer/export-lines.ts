import { isKind, NexusError } from "../../model/errors.js";
import { canonicalPath } from "../../model/path.js";
import { formatTimestamp, timestampToMs } from "../../model/timestamp.js";
import type { FileStat, Files } from "../files/files.js";
import type { CustomMetadata } from "../metadata/custom-metadata.js";
import { encodeMetadata } from "./line-format.js";
import type { ExportedFile, ExportOptions } from "./transfer.js";

/** Where an export comes from: an identity's view of the namespace. */
export interface ExportSource {
  readonly files: Files;
  readonly metadata: CustomMetadata;
}

/**
 * The files of an export, in the order of their paths. Regular files only; what is removed meanwhile is
 * left out. Errors: `busy` (somebody is writing to a file, so its content has no hash).
 */
export async function* exportedFiles(
  { files, metadata }: ExportSource,
  { prefix = "/", tenantId, after, signal }: ExportOptions,
): AsyncGenerator<ExportedFile> {
  const walk = { prefix: canonicalPath(prefix), directories: false, ...(signal ? { signal } : {}) };
  for await (const { path, type, modifiedAt } of files.walk(walk)) {
    signal?.throwIfAborted();
    if (type !== "file") continue;
    if (after !== undefined && modifiedAt <= after) continue;
    try {
      const stat = await files.stat(path, { followSymlinks: false });
      if (stat.type !== "file") continue;
      // A Date of a distant time is invalid, and so neither before nor after anything.
      if (after !== undefined && timestampToMs(stat.exactTimes.modifiedAt) < after.getTime())
        continue;
      if (tenantId !== undefined && stat.tenantId !== tenantId) continue;
      yield exportedFile(stat, await metadata.list(path));
    } catch (error) {
      if (!isKind(error, "not-found")) throw error;
    }
  }
}

function exportedFile(
  stat: FileStat,
  metadata: ReadonlyMap<string, string | Uint8Array>,
): ExportedFile {
  const { path, pathId, etag, size, mimeType, version } = stat;
  if (etag === undefined) {
    throw new NexusError(
      "busy",
      `${path} is being written; an export needs the whole content, so close the file first`,
      { op: "export", path },
    );
  }
  return {
    path,
    path_id: pathId,
    backend_name: "local",
    physical_path: etag,
    size,
    etag,
    mime_type: mimeType ?? null,
    created_at: formatTimestamp(stat.exactTimes.createdAt),
    modified_at: formatTimestamp(stat.exactTimes.modifiedAt),
    version,
    ...(metadata.size === 0 ? {} : { custom_metadata: encodeMetadata(metadata) }),
  };
}
