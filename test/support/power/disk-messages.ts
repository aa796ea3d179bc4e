import type { SurvivalMode } from "./survival.js";

/** To the process that is the disk. Each is answered when it is done. */
export type DiskRequest =
  /** Mounts what there is: nothing at first. */
  | { readonly kind: "mount"; readonly mountPoint: string }
  /** Nothing reaches the disk from now on; who asks it waits. */
  | { readonly kind: "freeze" }
  /** Whoever waits gets an error; the mount is gone, and what isn't synced as far as the mode says. */
  | { readonly kind: "cut"; readonly mode: SurvivalMode; readonly seed: number };

export interface DiskAnswer {
  readonly failure?: string;
}
