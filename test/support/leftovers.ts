import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { tempPrefix } from "./temp-dir.js";

/**
 * After all tests: no mount of theirs may be left, or the next run would hang on it. What is left is
 * cleared, and fails the run. Mounts that somebody else made meanwhile are none of our business.
 */
export function setup(): () => void {
  // The processes that run the tests inherit it.
  process.env.TEST_RUN = String(process.pid);
  return () => {
    const left = testMounts();
    for (const mountPoint of left) execFileSync("umount", ["-l", mountPoint]);
    if (left.length > 0) throw new Error(`mounts were left behind: ${left.join(", ")}`);
  };
}

function testMounts(): string[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => line.includes(" - fuse.nexus "))
    .map((line) => line.split(" ")[4] ?? "")
    .filter((mountPoint) => mountPoint.startsWith(tempPrefix()));
}
