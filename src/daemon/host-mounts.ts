import { readFileSync } from "node:fs";
import { FS_TYPE } from "../fuse/mount-options.js";

/** A mount of this machine. */
export interface HostMount {
  readonly mountPoint: string;
  readonly type: string;
  readonly source: string;
}

/** All mounts that this process sees, in mount order: proc(5), /proc/PID/mountinfo. */
export function readHostMounts(): HostMount[] {
  return parseMountInfo(readFileSync("/proc/self/mountinfo", "utf8"));
}

export function parseMountInfo(text: string): HostMount[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const fields = line.split(" ");
      const dash = fields.indexOf("-", 6);
      return {
        mountPoint: unescapeOctal(fields[4] ?? ""),
        type: fields[dash + 1] ?? "",
        source: unescapeOctal(fields[dash + 2] ?? ""),
      };
    });
}

/** The topmost mount of ours at this place, if that is what is there. */
export function nexusMountAt(mountPoint: string): HostMount | undefined {
  const top = readHostMounts()
    .filter((mount) => mount.mountPoint === mountPoint)
    .at(-1);
  return top?.type === FS_TYPE ? top : undefined;
}

/** Spaces, tabs, newlines and backslashes are written as `\040` and so on. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
