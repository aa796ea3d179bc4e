import type Database from "better-sqlite3";
import type { Ino, PathId } from "../../../model/ids.js";
import type { Timestamp } from "../../../model/timestamp.js";
import type { Script } from "../statement.js";

/** What must hold in the database between any two transactions. */
export interface Rule {
  /** Stays the same for ever: programs know a finding by it. */
  readonly id: string;
  /** What must hold, as a sentence. */
  readonly says: string;
  /** What it means for people that it doesn't. */
  readonly effect: string;
  /** Looked at only where that one is broken. */
  readonly follows?: Rule;
  /** Finds what breaks it: rows of `ino` (NULL where no inode is meant) and `detail`, in words. */
  readonly finds: string | Finder;
  /** How it is mended; left out where that takes a guess. */
  readonly repair?: Repair;
}

/** For what a query can't find in a reasonable time. */
export type Finder = (
  database: Database.Database,
) => readonly { readonly ino: number | null; readonly detail: string }[];

export interface Repair {
  /** Completes "--repair ...". */
  readonly says: string;
  /** Left out where it takes more than the database: who checks the whole store does it. */
  run?(tools: RepairTools): Script<void>;
}

/** What a repair needs of its surroundings. */
export interface RepairTools {
  readonly now: Timestamp;
  readonly newPathId: () => PathId;
  /** Who owns what it makes. */
  readonly owner: { readonly uid: number; readonly gid: number };
}

/** What breaks a rule. */
export interface Violation {
  readonly rule: Rule;
  readonly ino: Ino | undefined;
  readonly detail: string;
}
