import type { Finding } from "./finding.js";
import type { ReadableTable } from "./readable-tables.js";

/** What a check of a data directory came to. */
export interface CheckReport {
  readonly dataDir: string;
  /** Beside a daemon that goes on, or with the directory for itself. */
  readonly mode: "online" | "offline";
  /** Whether there is no damage; what is only wasted doesn't count. */
  readonly isHealthy: boolean;
  /** What couldn't be looked at, in words. */
  readonly leftOut: readonly string[];
  readonly checked: Checked;
  /** What is wrong; after a repair, what still is. */
  readonly findings: readonly Finding[];
  /** What a repair has mended. */
  readonly repaired: readonly Finding[];
  /** What can still be read of a damaged database. */
  readonly readable: readonly ReadableTable[];
}

/** How much there was to look at. */
export interface Checked {
  readonly inodes: number;
  readonly names: number;
  readonly contents: number;
  /** Of contents, as the rows have it. */
  readonly bytes: number;
}

/** Where there was nothing to look at, or no way to. */
export const NOTHING_CHECKED: Checked = { inodes: 0, names: 0, contents: 0, bytes: 0 };
