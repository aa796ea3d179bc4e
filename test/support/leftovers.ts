import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/**
 * After all tests: no mount and no daemon of ours may be left, or the next run would hang on it. What
 * is left is cleared, and fails the run.
 */
export function setup(): () => void {
  const before = new Set(mounts());
  return () => {
    const left = mounts().filter((mountPoint) => !before.has(mountPoint));
    for (const mountPoint of left) execFileSync("umount", ["-l", mountPoint]);
    if (left.length > 0) throw new Error(`mounts were left behind: ${left.join(", ")}`);
  };
}

function mounts(): string[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => line.includes(" - fuse.nexus "))
    .map((line) => line.split(" ")[4] ?? "");
}
