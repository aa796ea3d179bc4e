import {
  closeSync,
  fdatasync,
  ftruncateSync,
  openSync,
  readdirSync,
  rmSync,
  unlinkSync,
} from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { syncPathLater } from "../../../libc/durability.js";
import { writeAt } from "../../../libc/files.js";
import { NexusError } from "../../../model/errors.js";
import { type Failpoints, NO_FAILPOINTS } from "../../../model/failpoint.js";
import type { StagingId } from "../../../model/ids.js";
import type { Timestamp } from "../../../model/timestamp.js";
import { GroupSync } from "../../group-sync.js";
import { ownFileError } from "./own-file-error.js";
import { SmallContent } from "./small-content.js";
import {
  encodeRecord,
  LONGEST_ENCODED_BYTES,
  type LogChange,
  type LogRecord,
  newSegmentKey,
  readRecords,
} from "./staging-log-records.js";

const fdatasyncLater = promisify(fdatasync);

const SEGMENT_BYTES = 16 * 1024 * 1024;
/** With more segments than this, what keeps the oldest one alive is written anew. */
const MOST_SEGMENTS = 4;
const SEGMENT_NAME = /^log-(\d+)$/;

interface Segment {
  readonly number: number;
  readonly path: string;
  readonly fd: number;
  /** What its records are known by. */
  readonly key: Buffer;
  sizeBytes: number;
  /** How many contents have their first record here. */
  live: number;
  isSynced: boolean;
  isEntryDurable: boolean;
  /** A sync has vouched for some of it, or may have before this process. */
  mayBePromised: boolean;
}

/** A content that lives in the log. */
interface Entry {
  /** Where its first record is, or the last snapshot. */
  segment: Segment;
  /** The number of its next record. */
  records: number;
}

/**
 * Where the changes of small staged contents are written, one after the other, so that many small
 * files cost one appended record each instead of a file each (creating one is by far the dearest
 * thing that a small write would do to the host's file system).
 *
 * A record is written with one pwrite(2) before its change is acknowledged, so it survives the death
 * of the process; `sync` makes it survive a power failure. The log is a row of segments; one is
 * deleted when the contents that began in it, and in all before it, are no longer staged. What moved
 * elsewhere (a snapshot in a later segment, a file) must be durable there before: a power failure
 * could keep the removal and lose the record.
 *
 * What is read back of a content are its records up to some moment: they are numbered, and what
 * comes after a missing one is ignored, so a power failure that takes the end of one segment and
 * leaves the next doesn't make holes. A snapshot, one record, is there whole or not at all; the numbers
 * go on from its own, so that none is given twice.
 *
 * A sync that fails is never followed by one that vouches for the same bytes: the kernel reports an
 * error of writing once, and marks the pages as clean (fsync(2), "Bugs"). All segments there are then
 * count as doubtful. The next sync first writes all that is in them anew, to another segment: memory
 * has every byte. Until that one is durable, the old ones stay for what they promised before.
 */
export class StagingLog {
  readonly #directory: string;
  readonly #failpoints: Failpoints;
  readonly #segments: Segment[] = [];
  readonly #entries = new Map<StagingId, Entry>();
  readonly #group = new GroupSync(() => this.#syncOnce());
  readonly #buffer = Buffer.alloc(LONGEST_ENCODED_BYTES);
  /** The contents that left for a file by a record that may not be durable yet. */
  readonly #spills = new Set<StagingId>();
  /** How many records said that a content is elsewhere now, and how many of them are durable. */
  #moves = 0;
  #durableMoves = 0;
  #isSyncing = false;
  /** The contents as memory has them, see `recover`. */
  #contents: ReadonlyMap<StagingId, SmallContent> = new Map();
  /** Segments up to this number were there when a sync failed. */
  #doubtfulUpTo = 0;
  /** Whether all that matters of those lies in later ones, too. */
  #isRewritten = true;

  constructor(
    directory: string,
    { failpoints = NO_FAILPOINTS }: { readonly failpoints?: Failpoints } = {},
  ) {
    this.#directory = directory;
    this.#failpoints = failpoints;
  }

  /**
   * Reads what the last process logged; call it once, first. Returns the contents that live in the
   * log; one that spilled isn't among them. The caller keeps the map as the contents are from then
   * on, so that the log can write one anew. Errors: `not-supported` when another version wrote it.
   */
  recover(): Map<StagingId, SmallContent> {
    const contents = new Map<StagingId, SmallContent>();
    const numbers = readdirSync(this.#directory)
      .map((name) => SEGMENT_NAME.exec(name)?.[1])
      .filter((number) => number !== undefined)
      .map(Number)
      .sort((a, b) => a - b);
    // The records by which contents left the older segments may not be durable yet. A sync that
    // finds out which segments are needless has to know all of them.
    if (numbers.length > 0) this.#moves += 1;
    try {
      for (const number of numbers) {
        // Nobody knows whether the process that wrote it came to sync it.
        this.#segments.push({ ...this.#openSegment(number, "r"), mayBePromised: true });
      }
      for (const segment of this.#segments) {
        for (const record of readRecords(segment.path))
          this.#replay(contents, { ...record, segment });
      }
      this.#startSegment((numbers.at(-1) ?? 0) + 1);
    } catch (error) {
      for (const { fd } of this.#segments) closeSync(fd);
      throw error;
    }
    this.#contents = contents;
    this.#removeDead();
    return contents;
  }

  /** Errors: `no-space`, `io-failure`; then nothing was logged. */
  append(id: StagingId, { change, mtime }: { change: LogChange; mtime: Timestamp }): void {
    const entry = this.#entries.get(id);
    // What never was here needs no record that it is elsewhere.
    if (change.kind === "spilled" && entry === undefined) return;
    const sequence = entry?.records ?? 0;
    const segment = this.#write({ id, change, mtime, sequence });
    this.#failpoints.reach("log-record-written");
    const isMove = change.kind === "spilled" || change.kind === "snapshot";
    if (entry !== undefined && isMove) this.#moves += 1;
    if (change.kind === "spilled") {
      this.#spills.add(id);
      this.release(id);
    } else this.#count(id, { segment, sequence, isBeginning: change.kind === "snapshot" });
  }

  /** This content isn't staged any more, or spilled. */
  release(id: StagingId): void {
    const segment = this.#entries.get(id)?.segment;
    if (segment === undefined) return;
    this.#entries.delete(id);
    segment.live -= 1;
    if (segment.live === 0) this.#removeDead();
  }

  /**
   * Starts a new segment when the last one is full, before the next record. The contents that keep an
   * old segment alive are written anew then.
   */
  rotate(): void {
    if (this.#current().sizeBytes < SEGMENT_BYTES) return;
    this.#startSegment(this.#current().number + 1);
    this.#failpoints.reach("log-segment-started");
    const [oldest] = this.#segments;
    if (oldest === undefined || this.#segments.length <= MOST_SEGMENTS) return;
    for (const [id, { segment }] of [...this.#entries]) {
      if (segment === oldest) this.#appendSnapshot(id);
    }
  }

  /** Resolves when everything so far survives a power failure. Errors: `io-failure`. */
  sync(): Promise<void> {
    const isSynced = this.#segments.every((segment) => segment.isSynced);
    // While one runs, a segment counts as synced that isn't yet.
    return isSynced && !this.#isSyncing ? Promise.resolve() : this.#group.sync();
  }

  /** Resolves when the record is durable by which this content became a file, if it did. */
  async syncSpill(id: StagingId): Promise<void> {
    if (this.#spills.has(id)) await this.sync();
  }

  /** A log that nothing staged is in goes with the process: the next one has nothing to read. */
  close(): void {
    for (const { fd, path } of this.#segments) {
      closeSync(fd);
      if (this.#entries.size === 0) rmSync(path, { force: true });
    }
    this.#segments.length = 0;
  }

  #current(): Segment {
    return this.#segments.at(-1) ?? this.#startSegment(1);
  }

  #startSegment(number: number): Segment {
    const segment = this.#openSegment(number, "wx+");
    this.#segments.push(segment);
    return segment;
  }

  #openSegment(number: number, mode: string): Segment {
    const path = join(this.#directory, `log-${number}`);
    try {
      const fd = openSync(path, mode, 0o600);
      const key = newSegmentKey();
      const flags = { isSynced: false, isEntryDurable: false, mayBePromised: false };
      return { number, path, fd, key, sizeBytes: 0, live: 0, ...flags };
    } catch (error) {
      throw ownFileError(error, { op: "open staging log", path });
    }
  }

  /** Takes note of a record. With a beginning, what came before isn't needed any more. */
  #count(
    id: StagingId,
    {
      segment,
      sequence,
      isBeginning,
    }: { segment: Segment; sequence: number; isBeginning: boolean },
  ): void {
    const entry = this.#entries.get(id);
    const records = sequence + 1;
    if (entry !== undefined && !isBeginning) {
      entry.records = records;
      return;
    }
    this.#entries.set(id, { segment, records });
    segment.live += 1;
    if (entry === undefined) return;
    entry.segment.live -= 1;
    if (entry.segment.live === 0) this.#removeDead();
  }

  /** What memory has of a content, as one record; what came before isn't needed any more. */
  #appendSnapshot(id: StagingId): void {
    const content = this.#contents.get(id);
    if (content === undefined) {
      throw new NexusError("internal", `the staged content ${id} is in the log and not in memory`);
    }
    this.append(id, { change: { kind: "snapshot", data: content.bytes }, mtime: content.mtime });
  }

  /** Writes all of a record, or throws and leaves the log as it was. Returns where it is. */
  #write(record: LogRecord): Segment {
    const segment = this.#current();
    const { key, sizeBytes } = segment;
    const from = encodeRecord(record, { key, isFirst: sizeBytes === 0, buffer: this.#buffer });
    try {
      writeAt(segment.fd, { from, offset: segment.sizeBytes });
    } catch (error) {
      try {
        ftruncateSync(segment.fd, segment.sizeBytes);
      } catch {
        // The next record overwrites its beginning, and the rest hasn't got the key.
      }
      throw error;
    }
    segment.sizeBytes += from.length;
    segment.isSynced = false;
    return segment;
  }

  /**
   * Logs anew, in a later segment, what the doubtful ones have. Goes on where it stopped if it failed
   * before. Errors: as `append`.
   */
  #rewrite(): void {
    if (this.#current().number <= this.#doubtfulUpTo) {
      this.#startSegment(this.#current().number + 1);
    }
    for (const [id, { segment }] of [...this.#entries]) {
      if (segment.number > this.#doubtfulUpTo) continue;
      if (this.#current().sizeBytes >= SEGMENT_BYTES) {
        this.#startSegment(this.#current().number + 1);
      }
      this.#appendSnapshot(id);
    }
    for (const id of this.#spills) {
      this.#write({ id, change: { kind: "spilled" }, mtime: { sec: 0, nsec: 0 }, sequence: 0 });
    }
    this.#isRewritten = true;
    // What no sync ever vouched for is needless now. On a disk that goes on failing there would be
    // another one after each try.
    for (const segment of [...this.#segments]) {
      if (segment.number <= this.#doubtfulUpTo && !segment.mayBePromised) this.#remove(segment);
    }
  }

  /**
   * Only from the oldest on: a content that began in one may go on in the next. Never throws: whoever
   * comes here has logged something, and that counts. What can't be removed is tried again.
   */
  #removeDead(): void {
    for (;;) {
      const [oldest, next] = this.#segments;
      if (oldest === undefined || next === undefined || oldest.live > 0) return;
      // The end of a sync comes back to this; if it fails, the next one does.
      if (this.#isSyncing) return;
      if (this.#durableMoves < this.#moves) {
        this.#group.sync().catch(() => undefined);
        return;
      }
      // It must not be forgotten while it is there: what the next start reads has no gaps.
      if (!this.#remove(oldest)) return;
      this.#failpoints.reach("log-segment-removed");
    }
  }

  #remove(segment: Segment): boolean {
    try {
      unlinkSync(segment.path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") return false;
    }
    this.#segments.splice(this.#segments.indexOf(segment), 1);
    closeQuietly(segment.fd);
    return true;
  }

  #replay(
    contents: Map<StagingId, SmallContent>,
    { id, change, mtime, sequence, segment }: LogRecord & { segment: Segment },
  ): void {
    if (change.kind === "spilled") {
      this.#spills.add(id);
      contents.delete(id);
      this.release(id);
      return;
    }
    const isSnapshot = change.kind === "snapshot";
    if (!isSnapshot && sequence !== (this.#entries.get(id)?.records ?? 0)) return;
    const known = isSnapshot ? undefined : contents.get(id);
    const content = known ?? new SmallContent(id, mtime);
    contents.set(id, content);
    this.#count(id, { segment, sequence, isBeginning: isSnapshot });
    content.mtime = mtime;
    if (change.kind === "write") content.write({ from: change.data, offset: change.offset });
    else if (change.kind === "truncate") content.truncate(change.sizeBytes);
    else if (change.kind === "snapshot") content.write({ from: change.data, offset: 0 });
  }

  async #syncOnce(): Promise<void> {
    this.#isSyncing = true;
    try {
      if (!this.#isRewritten) {
        // Whoever caused this sync may have logged a change that memory gets only now.
        await Promise.resolve();
        this.#rewrite();
      }
      const moves = this.#moves;
      const spills = [...this.#spills];
      for (const segment of this.#segments.filter((each) => this.#isToBeSynced(each))) {
        await this.#syncSegment(segment);
      }
      this.#durableMoves = moves;
      for (const id of spills) this.#spills.delete(id);
    } catch (error) {
      throw ownFileError(error, { op: "sync staging log", path: this.#directory });
    } finally {
      this.#isSyncing = false;
    }
    this.#removeDead();
  }

  #isToBeSynced({ isSynced, number }: Segment): boolean {
    return !isSynced && number > this.#doubtfulUpTo;
  }

  async #syncSegment(segment: Segment): Promise<void> {
    // What is appended meanwhile makes it unsynced again.
    segment.isSynced = true;
    try {
      await fdatasyncLater(segment.fd);
      if (!segment.isEntryDurable) await syncPathLater(this.#directory);
      segment.isEntryDurable = true;
      segment.mayBePromised = true;
    } catch (error) {
      segment.isSynced = false;
      this.#doubtfulUpTo = this.#current().number;
      this.#isRewritten = false;
      throw error;
    }
  }
}

function closeQuietly(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // Nothing can be lost of a file that is gone.
  }
}
