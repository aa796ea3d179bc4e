import { readFileSync } from "node:fs";
import { FS_TYPE } from "../fuse/mount-options.js";

/** A mount of this machine. */
export interface HostMount {
  /** Both numbers are used again when a mount is gone, but hardly both at once. */
  readonly id: number;
  readonly device: string;
  /** The mount that this one lies in, or on. */
  readonly parentId: number;
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

/** Spaces, tabs, newlines and backslashes are written as `\040` and so on. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
