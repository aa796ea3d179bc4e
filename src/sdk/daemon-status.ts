import type { StoreFigures } from "../compose.js";
import type { Identity } from "../model/identity.js";

/** What a daemon tells of itself. */
export interface DaemonStatus {
  readonly pid: number;
  readonly version: string;
  readonly dataDir: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly uptimeSeconds: number;
  /** Whether it stays when its last mount has ended. */
  readonly persist: boolean;
  /** Connections to its socket, the one that asks included. */
  readonly clients: number;
  readonly mounts: readonly MountStatus[];
  /** Who has the contents of the store kept: until they are done, what is removed takes its room. */
  readonly holds: readonly HoldStatus[];
  readonly store: StoreFigures & {
    /** How much the cache of the metadata database may hold. */
    readonly cacheSizeMb: number;
  };
}

export interface HoldStatus {
  /** Of the process that asked for it. */
  readonly pid: number;
  /** In its words. */
  readonly purpose: string;
  /** ISO 8601. */
  readonly since: string;
}

export interface MountStatus {
  /** The daemon's own number for it. */
  readonly id: number;
  readonly mountPoint: string;
  readonly identity: Identity;
  /** In the words of mount(8). */
  readonly options: readonly string[];
  /** ISO 8601. */
  readonly since: string;
  /** Taken out of the tree, and still in use by those who have files of it open. */
  readonly isDetached: boolean;
  readonly requestsServed: number;
  /** Entries that the kernel remembers, each as often as it was told of it. */
  readonly lookupsHeld: number;
  readonly openHandles: number;
}
