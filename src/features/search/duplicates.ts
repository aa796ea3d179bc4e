import type { ContentHash, Ino } from "../../model/ids.js";
import type { FileStat } from "../files/files.js";
import { hasVanished, requireUninterrupted, type SearchedFiles } from "./glob-walk.js";
import type { ProgressCounter } from "./progress.js";
import type { DuplicateReport } from "./search.js";

export interface FindDuplicatesOptions {
  readonly files: SearchedFiles;
  /** The canonical path of what is looked at. */
  readonly prefix: string;
  readonly signal: AbortSignal | undefined;
  readonly progress: ProgressCounter;
}

interface Group {
  readonly contentHash: ContentHash;
  readonly sizeBytes: number;
  readonly paths: string[];
}

/**
 * Files with equal contents. Only a file whose size others have, too, is asked for its hash, as that
 * can wait for a content to be sealed. In memory are a path and an inode number of every file.
 */
export async function findDuplicates(options: FindDuplicatesOptions): Promise<DuplicateReport> {
  const groups = new Map<ContentHash, Group>();
  let totalFiles = 0;
  let uniqueHashes = 0;
  for (const paths of (await pathsBySize(options)).values()) {
    if (paths.length === 1) {
      totalFiles += 1;
      uniqueHashes += 1;
      continue;
    }
    for (const path of paths) {
      requireUninterrupted(options.signal);
      const stat = await statOfFile(options, path);
      if (stat === undefined) continue;
      totalFiles += 1;
      if (stat.etag !== undefined) addTo(groups, { path, hash: stat.etag, sizeBytes: stat.size });
    }
  }
  uniqueHashes += groups.size;
  const duplicates = [...groups.values()].filter(({ paths }) => paths.length > 1).sort(compare);
  return {
    totalFiles,
    uniqueHashes,
    duplicateGroups: duplicates.length,
    duplicateFiles: duplicates.reduce((sum, { paths }) => sum + paths.length, 0),
    duplicates,
  };
}

/** The first path of each inode: hard links have one content, which nobody stores twice. */
async function pathsBySize(options: FindDuplicatesOptions): Promise<Map<number, string[]>> {
  const { files, prefix, signal, progress } = options;
  const seen = new Set<Ino>();
  const bySize = new Map<number, string[]>();
  for await (const { path, type, ino, nlink, size } of files.walk({
    prefix,
    ...(signal && { signal }),
  })) {
    requireUninterrupted(signal);
    if (type !== "file") continue;
    progress.sawFile(path);
    if (nlink > 1 && seen.has(ino)) continue;
    if (nlink > 1) seen.add(ino);
    const paths = bySize.get(size);
    if (paths === undefined) bySize.set(size, [path]);
    else paths.push(path);
  }
  return bySize;
}

async function statOfFile(
  { files }: FindDuplicatesOptions,
  path: string,
): Promise<FileStat | undefined> {
  try {
    const stat = await files.stat(path, { followSymlinks: false });
    return stat.type === "file" ? stat : undefined;
  } catch (error) {
    if (hasVanished(error)) return undefined;
    throw error;
  }
}

function addTo(
  groups: Map<ContentHash, Group>,
  file: { readonly path: string; readonly hash: ContentHash; readonly sizeBytes: number },
): void {
  const group = groups.get(file.hash);
  if (group !== undefined) group.paths.push(file.path);
  else {
    const { path, hash: contentHash, sizeBytes } = file;
    groups.set(contentHash, { contentHash, sizeBytes, paths: [path] });
  }
}

/** What wastes most first: all but one of the files of a group. */
function compare(one: Group, other: Group): number {
  const difference = wastedBytes(other) - wastedBytes(one);
  return difference === 0 ? (one.contentHash < other.contentHash ? -1 : 1) : difference;
}

function wastedBytes({ sizeBytes, paths }: Group): number {
  return sizeBytes * (paths.length - 1);
}
