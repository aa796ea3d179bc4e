import { readFileSync } from "node:fs";

/** The type by which mount(8) shows our mounts. */
export const FS_TYPE = "fuse.nexus";

/** A mount of this machine. */
export interface HostMount {
  /** Both numbers are used again when a mount is gone, but hardly both at once. */
  readonly id: number;
  readonly device: string;
  /** The mount that this one lies in, or on. */
  readonly parentId: number;
  /** Which directory of the file system is there: `/`, unless a part of it was bound elsewhere. */
  readonly root: string;
  readonly mountPoint: string;
  readonly type: string;
  readonly source: string;
  /** Who mounted a FUSE file system. */
  readonly userId: number | undefined;
}

/** All mounts that a process sees, in mount order: proc(5), /proc/PID/mountinfo. */
export function readHostMounts(pid: number | "self" = "self"): HostMount[] {
  return parseMountInfo(readFileSync(`/proc/${pid}/mountinfo`, "utf8"));
}

export function parseMountInfo(text: string): HostMount[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const fields = line.split(" ");
      const dash = fields.indexOf("-", 6);
      const userId = /(?:^|,)user_id=(\d+)/.exec(fields[dash + 3] ?? "")?.[1];
      return {
        id: Number(fields[0]),
        parentId: Number(fields[1]),
        device: fields[2] ?? "",
        root: unescapeOctal(fields[3] ?? ""),
        mountPoint: unescapeOctal(fields[4] ?? ""),
        type: fields[dash + 1] ?? "",
        source: unescapeOctal(fields[dash + 2] ?? ""),
        userId: userId === undefined ? undefined : Number(userId),
      };
    });
}

/** The topmost mount of ours at this place, if that is what is there. */
export function nexusMountAt(
  mountPoint: string,
  mounts: readonly HostMount[] = readHostMounts(),
): HostMount | undefined {
  const top = mounts.filter((mount) => mount.mountPoint === mountPoint).at(-1);
  return top?.type === FS_TYPE ? top : undefined;
}

/**
 * The mount that a path leads into, as long as no symlink is in the way: of those at or above it the
 * one that was made last, which covers the others. An absolute path without `..`.
 */
export function mountAbove(path: string, mounts: readonly HostMount[]): HostMount | undefined {
  return mounts.findLast(
    ({ mountPoint }) =>
      mountPoint === "/" || path === mountPoint || path.startsWith(`${mountPoint}/`),
  );
}

/** Spaces, tabs, newlines and backslashes are written as `\040` and so on. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
