import type { FileSystem } from "../../../src/vfs/file-system.js";
import type { SurvivalMode } from "./survival.js";

/** What a disk can be asked for. */
export type DiskCall = keyof FileSystem;

/** To the process that is the disk. Each is answered when it is done. */
export type DiskRequest =
  /** Mounts what there is: nothing at first. */
  | { readonly kind: "mount"; readonly mountPoint: string }
  /** These fail with EIO from now on, each in `share` of the cases; all others work. */
  | {
      readonly kind: "fail";
      readonly calls: readonly DiskCall[];
      readonly share: number;
      readonly seed: number;
    }
  /** Nothing reaches the disk from now on; who asks it waits. */
  | { readonly kind: "freeze" }
  /** Whoever waits gets an error; the mount is gone, and what isn't synced as far as the mode says. */
  | { readonly kind: "cut"; readonly mode: SurvivalMode; readonly seed: number };

export interface DiskAnswer {
  readonly failure?: string;
}
