import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { testDir } from "./temp-dir.js";

/** Why small disks can't be made here, or undefined. */
export const WHY_NO_SMALL_DISKS = ((): string | undefined => {
  if (process.getuid?.() !== 0) return "mounting a tmpfs needs root";
  const probe = spawnSync("unshare", ["--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]);
  return probe.status === 0 ? undefined : "this machine doesn't let root mount a tmpfs";
})();

/** A file system of its own with little room (a tmpfs), gone with the test. */
export class SmallDisk {
  readonly path = testDir();

  constructor({ sizeBytes }: { sizeBytes: number }) {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${sizeBytes}`, "nexus-test", this.path]);
    onTestFinished(() => {
      execFileSync("umount", ["--lazy", this.path]);
    });
  }

  /** Takes all room that is left, but for so many bytes. */
  fill({ leaveBytes = 0 }: { leaveBytes?: number } = {}): void {
    const reserve = join(this.path, "reserve");
    write(reserve, { chunkBytes: leaveBytes, chunks: leaveBytes > 0 ? 1 : 0 });
    const chunks = Number.POSITIVE_INFINITY;
    try {
      write(join(this.path, "filler"), { chunkBytes: 4096, chunks });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    }
    rmSync(reserve);
  }

  /** Gives back what {@link fill} took. */
  free(): void {
    rmSync(join(this.path, "filler"));
  }
}

function write(path: string, { chunkBytes, chunks }: { chunkBytes: number; chunks: number }): void {
  const fd = openSync(path, "w");
  try {
    const chunk = Buffer.alloc(chunkBytes);
    for (let count = 0; count < chunks; count++) writeSync(fd, chunk);
  } finally {
    closeSync(fd);
  }
}
