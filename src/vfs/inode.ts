import type { Place } from "../core/place.js";
import type { Ino } from "../model/ids.js";
import type { Timestamp } from "../model/timestamp.js";
import type { ContentReader } from "../storage/content/content-store.js";
import type { StagedContent } from "./content/staged-content.js";

/** What an open file went through that its row doesn't say yet. */
export interface Activity {
  sizeBytes?: number;
  atime?: Timestamp;
  mtime?: Timestamp;
  ctime?: Timestamp;
}

/** An inode that somebody knows of: a kernel that looked it up, or a handle. */
export class Inode {
  readonly ino: Ino;
  /** Where it lies. Fixed: no inode ever changes its zone. */
  readonly place: Place;
  /** As in the row; kept here because every write asks for the set-id bits. */
  mode: number;
  /** Look-ups not yet forgotten. */
  lookups = 0;
  /** Open handles, those of them that may write, and those of programs that run. */
  handles = 0;
  writers = 0;
  executions = 0;
  /** No name leads here any more. */
  isOrphan = false;
  /** Made without a name, and may be given one. */
  isLinkable = false;
  /** May carry `security.capability`, which a change of the content takes. */
  mayHaveCapabilities = true;
  /**
   * Made without a name to take the place of a file that has it: how large that one is. Until then both count, and
   * a tenant may have this much more.
   */
  quotaCredit: number | undefined;
  /** The access time is as the policy wants it, until something changes. */
  isAtimeSettled = false;
  activity: Activity | undefined;
  /** The sealed content, while somebody reads it; `SealedReaders` opens and closes it. */
  reader: ContentReader | undefined;
  /** A copy of the content for writing, while it is being made. */
  copyUp: Promise<StagedContent> | undefined;

  constructor({ ino, place, mode }: { ino: Ino; place: Place; mode: number }) {
    this.ino = ino;
    this.place = place;
    this.mode = mode;
  }

  get isInUse(): boolean {
    return this.lookups > 0 || this.handles > 0 || this.copyUp !== undefined;
  }
}
