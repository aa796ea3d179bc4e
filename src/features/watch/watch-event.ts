import { NexusError } from "../../model/errors.js";
import { timestampToDate } from "../../model/timestamp.js";
import type { ChangeRecord } from "../../storage/metadata/change-store.js";
import { fileTypeOf } from "../files/file-stat.js";
import type { WatchEvent } from "./watch.js";
import { cursorOf } from "./watch-cursor.js";

/** What of the namespace somebody watches. */
export interface WatchedPart {
  /** Canonical. */
  readonly root: string;
  readonly recursive: boolean;
  /** Whether the identity may see what is at a path. */
  mayList(path: string): boolean;
}

/**
 * A change as it looks from a part of the namespace; undefined when nothing of it can be seen from there.
 * Errors: `stale` when the part itself went elsewhere, or came from there.
 */
export function eventOf(record: ChangeRecord, part: WatchedPart): WatchEvent | undefined {
  requireInPlace(record, part.root);
  const { kind, path, ino, position } = record;
  const type = fileTypeOf(record.type << 12);
  const base = { ino, type, time: timestampToDate(position.time), cursor: cursorOf(position) };
  if (kind === "renamed") {
    const from = record.oldPath;
    const [left, came] = [isSeen(from, part), isSeen(path, part)];
    if (left && came) return { kind, path, from, ...base };
    if (left) return { kind: "removed", path: from, ...base };
    return came ? { kind: "created", path, isNew: false, ...base } : undefined;
  }
  if (!isSeen(path, part)) return undefined;
  switch (kind) {
    case "created":
      return { kind, path, isNew: record.isNew, ...base };
    case "metadata":
      return { kind, path, keys: record.keys, ...base };
    case "work":
      return { kind, path, status: record.status, previousStatus: record.oldStatus, ...base };
    case "removed":
    case "modified":
    case "attributes":
      return { kind, path, ...base };
    case "started":
      return undefined;
  }
}

function isSeen(path: string, { root, recursive, mayList }: WatchedPart): boolean {
  const isInside = path === root || (recursive ? isBelow(path, root) : parentOf(path) === root);
  return isInside && mayList(path);
}

/**
 * When a directory above the root gets another name, or another directory gets its name, what is at the
 * watched path from then on has nothing to do with what was there. No event could say so.
 */
function requireInPlace(record: ChangeRecord, root: string): void {
  const isAbove = (path: string) => isBelow(root, path);
  const wasAbove = record.kind === "renamed" && isAbove(record.oldPath);
  const cameWhole = record.kind === "renamed" || (record.kind === "created" && !record.isNew);
  if (!wasAbove && !(cameWhole && isAbove(record.path))) return;
  throw new NexusError(
    "stale",
    `a directory above ${root} was renamed; start over with a listing and a new cursor`,
    { op: "watch", path: root },
  );
}

function isBelow(path: string, directory: string): boolean {
  if (directory === "/") return path !== "/";
  return path.startsWith(directory) && path.charAt(directory.length) === "/";
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}
