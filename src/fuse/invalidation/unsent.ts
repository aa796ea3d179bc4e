import type { Ino } from "../../model/ids.js";
import type { Change, ContentChange } from "../../vfs/changes.js";

/** The inode that a change concerns; of an entry, its directory. */
export function inodeOf(change: Change): Ino {
  return change.kind === "entry" ? change.parent : change.ino;
}

/** What a change is of: two changes of the same name can be one. */
export function nameOf(change: Change): string {
  switch (change.kind) {
    case "entry":
      return `entry ${change.parent} ${change.name}`;
    case "attributes":
    case "access":
      return `attributes ${change.ino}`;
    case "content":
      return `content ${change.ino}`;
  }
}

/** The change that says as much as an earlier one and a later one of the same name. */
export function merge(earlier: Change, later: Change): Change {
  if (earlier.kind !== "content" || later.kind !== "content") return later;
  return { ...later, ...spanOfBoth(earlier, later), lastByte: lastByteOf(earlier, later) };
}

/** That of the earlier one is still the last, if the later one neither moved the end nor touched it. */
function lastByteOf(earlier: ContentChange, later: ContentChange): number | undefined {
  if (later.lastByte !== undefined || later.sizeBytes !== earlier.sizeBytes) return later.lastByte;
  const endsBefore = later.length !== "to the end" && later.offset + later.length < later.sizeBytes;
  return endsBefore ? earlier.lastByte : undefined;
}

function spanOfBoth(a: ContentChange, b: ContentChange): Pick<ContentChange, "offset" | "length"> {
  const offset = Math.min(a.offset, b.offset);
  if (a.length === "to the end" || b.length === "to the end")
    return { offset, length: "to the end" };
  return { offset, length: Math.max(a.offset + a.length, b.offset + b.length) - offset };
}
