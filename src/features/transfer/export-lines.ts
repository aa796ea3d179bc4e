import type { Attributes } from "../../model/attributes.js";
import { isKind, NexusError } from "../../model/errors.js";
import { canonicalPath } from "../../model/path.js";
import { formatTimestamp } from "../../model/timestamp.js";
import { fileStat } from "../files/file-stat.js";
import type { FileStat, Files } from "../files/files.js";
import { type PathParts, PathWalk } from "../files/path-walk.js";
import type { CustomMetadata } from "../metadata/custom-metadata.js";
import { encodeMetadata } from "./line-format.js";
import type { ExportedFile, ExportOptions } from "./transfer.js";

/** Where an export comes from: an identity's view of the namespace. */
export interface ExportSource extends Pick<PathParts, "router" | "caller"> {
  readonly fileSystem: PathParts["fs"];
  readonly files: Files;
  readonly metadata: CustomMetadata;
}

/**
 * The files of an export, in the order of their paths. Regular files only; what is removed meanwhile is
 * left out. Errors: `busy` (somebody is writing to a file, so its content has no hash).
 */
export async function* exportedFiles(
  source: ExportSource,
  { prefix = "/", tenantId, after, signal }: ExportOptions,
): AsyncGenerator<ExportedFile> {
  const { files, metadata } = source;
  const walk = { prefix: canonicalPath(prefix), directories: false, ...(signal ? { signal } : {}) };
  for await (const { path, type, modifiedAt } of files.walk(walk)) {
    signal?.throwIfAborted();
    if (type !== "file") continue;
    if (after !== undefined && modifiedAt <= after) continue;
    try {
      const found = await findFile(source, path);
      if (found.stat.type !== "file") continue;
      if (tenantId !== undefined && found.stat.tenantId !== tenantId) continue;
      yield exportedFile(found, await metadata.list(path));
    } catch (error) {
      if (!isKind(error, "not-found")) throw error;
    }
  }
}

interface Found {
  readonly stat: FileStat;
  /** With the times to the nanosecond: a Date has milliseconds. */
  readonly attributes: Attributes;
}

async function findFile(
  { fileSystem: fs, router, caller }: ExportSource,
  path: string,
): Promise<Found> {
  return await PathWalk.during({ fs, router, caller }, async (walk) => {
    const { entry } = await walk.require(path, { access: "read", followLast: false });
    const stat = await fileStat(walk, { path, entry, etag: true });
    return { stat, attributes: await fs.getattr(caller, { ino: entry.ino }) };
  });
}

function exportedFile(
  { stat, attributes }: Found,
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
    created_at: formatTimestamp(attributes.btime),
    modified_at: formatTimestamp(attributes.mtime),
    version,
    ...(metadata.size === 0 ? {} : { custom_metadata: encodeMetadata(metadata) }),
  };
}
