import type { Ino, StagingId } from "../../model/ids.js";
import type { StagingFile } from "../../storage/content/content-store.js";

/**
 * The content of one inode while it isn't sealed.
 *
 * `writable`: may be written. `hashing`: may be written too, which cancels the hashing. `frozen`: is
 * being sealed, or was when the last process died; its file may have a second name in the CAS
 * already, so whoever wants to write copies it first. `missing`: there should be bytes and there is no
 * file; whoever wants them gets an error, and only an empty content can take its place.
 */
export class StagedContent {
  readonly ino: Ino;
  readonly id: StagingId;
  phase: "writable" | "hashing" | "frozen" | "missing" = "writable";
  sizeBytes: number;
  /** The staging file while it is open. */
  file: StagingFile | undefined;
  /** False until the first write makes the file. */
  hasFile: boolean;
  /** Counts changes, and preparations for one, so that a hash is known to be of what is there. */
  changes: number;
  /** Counts what a sync has to write: the changes, and the times that were set. */
  states: number;
  /** The value of `states` that is known to survive a power failure; at first, not even that there is a content. */
  syncedStates = -1;
  /** Whether its last writer has gone, and nobody has changed it since. */
  isClosed = false;
  /** How much was copied to make it; what cost much to make is sealed later. */
  readonly copiedBytes: number;

  constructor(options: {
    ino: Ino;
    id: StagingId;
    sizeBytes?: number;
    copiedBytes?: number;
    file?: StagingFile;
    hasFile?: boolean;
  }) {
    this.ino = options.ino;
    this.id = options.id;
    this.sizeBytes = options.sizeBytes ?? 0;
    this.copiedBytes = options.copiedBytes ?? 0;
    this.file = options.file;
    this.hasFile = options.hasFile ?? options.file !== undefined;
    this.changes = this.hasFile ? 1 : 0;
    this.states = this.changes;
  }

  get isWritable(): boolean {
    return this.phase === "writable" || this.phase === "hashing";
  }

  /** Whether it would survive a power failure, with all of its bytes and its time. */
  get isSynced(): boolean {
    return this.syncedStates === this.states;
  }

  noteChange(): void {
    this.changes += 1;
    this.states += 1;
  }

  noteTime(): void {
    this.states += 1;
  }

  close(): void {
    this.file?.close();
    this.file = undefined;
  }
}
