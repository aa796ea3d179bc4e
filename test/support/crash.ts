import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { testDir } from "./temp-dir.js";

/**
 * The data directory as a process would find it that starts after this one was killed (kill -9) just
 * now: everything that was written, nothing closed.
 *
 * Another process makes the copy: closing a file here that SQLite has open, too, would drop the locks
 * that SQLite has on it (fcntl(2), "advisory record locking").
 */
export function afterKill(dataDir: string): string {
  const copy = join(testDir(), "data");
  execFileSync("cp", ["-a", dataDir, copy]);
  return copy;
}
