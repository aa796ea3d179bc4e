import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { SmallDisk, WHY_NO_SMALL_DISKS } from "./small-disk.js";
import { testDir } from "./temp-dir.js";

/** Why file systems can't be made in files and mounted here, or undefined. */
export const WHY_NO_LOOP_DISKS = ((): string | undefined => {
  if (WHY_NO_SMALL_DISKS !== undefined) return WHY_NO_SMALL_DISKS;
  if (spawnSync("mkfs.ext4", ["-V"], { stdio: "ignore" }).status !== 0) return "no mkfs.ext4";
  const probe = spawnSync("losetup", ["--find"], { stdio: "ignore" });
  return probe.status === 0 ? undefined : "there are no loop devices";
})();

/** An ext4 in a file, which lies on a small tmpfs; gone with the test. */
export class LoopDisk {
  readonly path = testDir();
  readonly #below: SmallDisk;

  /**
   * `belowBytes` is the room of the tmpfs: what the ext4 writes beyond it fails, as on a thin volume that has run
   * out, and in SmallDisk's `fill` it does at once. `mkfs` are further options of mkfs.ext4(8).
   */
  constructor({
    sizeBytes,
    belowBytes = 2 * sizeBytes,
    mkfs = [],
  }: {
    sizeBytes: number;
    belowBytes?: number;
    mkfs?: readonly string[];
  }) {
    this.#below = new SmallDisk({ sizeBytes: belowBytes });
    const image = join(this.#below.path, "image");
    execFileSync("truncate", ["--size", String(sizeBytes), image]);
    execFileSync("mkfs.ext4", ["-q", "-E", "nodiscard", ...mkfs, image]);
    execFileSync("mount", ["-o", "loop,errors=continue", image, this.path]);
    onTestFinished(() => {
      execFileSync("umount", ["--lazy", this.path]);
    });
  }

  /** From now on, writing what was never written fails, when it is written back or synced. */
  break(): void {
    execFileSync("sync", ["--file-system", this.path]);
    this.#below.fill();
  }

  mend(): void {
    this.#below.free();
  }
}
