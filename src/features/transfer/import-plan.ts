import { isKind } from "../../model/errors.js";
import type { Timestamp } from "../../model/timestamp.js";
import type { FileImport, ImportTarget } from "../../vfs/file-system.js";
import { withLine } from "./line-failure.js";
import type { ImportLine } from "./line-format.js";
import { directoriesOf } from "./line-tree.js";
import { remappedPath } from "./remapped-path.js";
import type { Collision, ConflictMode, ImportResult } from "./transfer.js";

/** What an import is going to do. */
export interface ImportPlan {
  readonly files: readonly FileImport[];
  /** The line of each path in `files`. */
  readonly lines: ReadonlyMap<string, ImportLine>;
  readonly result: ImportResult;
}

export interface PlanOptions {
  readonly lines: ReadonlyMap<string, ImportLine>;
  readonly mode: ConflictMode;
  /** For a line that has no times. */
  readonly now: Timestamp;
  readonly targetsOf: (paths: readonly string[]) => Promise<readonly ImportTarget[]>;
}

/**
 * Decides for each line what becomes of it. The same content under the same path is no conflict: its
 * metadata is updated.
 */
export async function planImport({
  lines,
  mode,
  now,
  targetsOf,
}: PlanOptions): Promise<ImportPlan> {
  const count = { created: 0, updated: 0, skipped: 0, remapped: 0 };
  const collisions: Collision[] = [];
  const files: FileImport[] = [];
  const planned = new Map<string, ImportLine>();
  const add = (line: ImportLine, { path, target }: { path: string; target: ImportTarget }) => {
    planned.set(path, line);
    files.push(fileImport(line, { path, target, now }));
  };
  const directories = new Set(
    mode === "remap" ? [...lines.keys()].flatMap((path) => [...directoriesOf(path)]) : [],
  );
  const isPlanned = (path: string) => lines.has(path) || planned.has(path) || directories.has(path);
  const targets = await targetsOf([...lines.keys()]);
  for (const [index, line] of [...lines.values()].entries()) {
    const target = targets[index];
    if (target === undefined) continue;
    const { path } = line;
    if (!target.exists || target.etag === line.etag) {
      count[target.exists ? "updated" : "created"] += 1;
      add(line, { path, target });
      continue;
    }
    const { resolution, reason } = resolve({ mode, line, target });
    let message = `${path} has another content: ${reason}`;
    if (resolution === "skip") count.skipped += 1;
    if (resolution === "overwrite") {
      count.updated += 1;
      add(line, { path, target });
    }
    if (resolution === "remap") {
      const free = await freePath(line, { isPlanned, targetsOf });
      count.remapped += 1;
      message += `, to ${free.path}`;
      add(line, free);
    }
    const existingEtag = target.etag ?? "";
    collisions.push({ path, existingEtag, importedEtag: line.etag, resolution, message });
  }
  return { files, lines: planned, result: { ...count, collisions } };
}

type Resolution = "skip" | "overwrite" | "remap";

function resolve({
  mode,
  line,
  target,
}: {
  mode: ConflictMode;
  line: ImportLine;
  target: ImportTarget;
}): { resolution: Resolution; reason: string } {
  switch (mode) {
    case "skip":
      return { resolution: "skip", reason: "the existing one is kept" };
    case "overwrite":
      return { resolution: "overwrite", reason: "the imported one replaces it" };
    case "remap":
      return { resolution: "remap", reason: "the imported one gets another name" };
    case "auto":
      return isNewer(line.modifiedAt, target.mtime)
        ? { resolution: "overwrite", reason: "the imported one is newer and replaces it" }
        : { resolution: "skip", reason: "the imported one is not newer, the existing one is kept" };
  }
}

/** By microseconds: an export has no more, and what was exported is as new as it was. */
function isNewer(imported: Timestamp | undefined, existing: Timestamp | undefined): boolean {
  if (imported === undefined) return false;
  if (existing === undefined) return true;
  const seconds = imported.sec - existing.sec;
  const micros = Math.floor(imported.nsec / 1000) - Math.floor(existing.nsec / 1000);
  return (seconds || micros) > 0;
}

/** The first of `name_imported1.txt`, `name_imported2.txt`, ... that nothing else has or is going to have. */
async function freePath(
  line: ImportLine,
  {
    isPlanned,
    targetsOf,
  }: Pick<PlanOptions, "targetsOf"> & { isPlanned: (path: string) => boolean },
): Promise<{ path: string; target: ImportTarget }> {
  for (let number = 1; ; number++) {
    const path = remappedPath(line.path, number);
    if (isPlanned(path)) continue;
    try {
      const ofLine = new Map([[path, line]]);
      const [target] = await withLine(ofLine, async () => await targetsOf([path]));
      if (target?.exists === false) return { path, target };
    } catch (error) {
      // A directory has the name, or something else that is no file.
      if (!isKind(error, "is-a-directory") && !isKind(error, "not-supported")) throw error;
    }
  }
}

function fileImport(
  line: ImportLine,
  { path, target, now }: { path: string; target: ImportTarget; now: Timestamp },
): FileImport {
  const { etag, sizeBytes, pathId, version, mimeType, metadata } = line;
  const mtime = line.modifiedAt ?? line.createdAt ?? now;
  const btime = line.createdAt ?? mtime;
  const content = { etag, sizeBytes, pathId, version, mtime, btime, mimeType, metadata };
  return { path, expected: target, ...content };
}
