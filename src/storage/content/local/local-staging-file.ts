import {
  closeSync,
  fdatasync,
  fstatSync,
  fsync,
  fsyncSync,
  ftruncateSync,
  futimesSync,
  openSync,
  type Stats,
} from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";
import {
  allocate,
  clone,
  copyRange,
  copyRangeLater,
  FALLOC_KEEP_SIZE,
  FALLOC_PUNCH_HOLE,
  FALLOC_ZERO_RANGE,
  readAt,
  type Span,
  writeAt,
} from "../../../libc/files.js";
import { fsError } from "../../../libc/system-error.js";
import { NexusError } from "../../../model/errors.js";
import type { Failpoints } from "../../../model/failpoint.js";
import type { StagingId } from "../../../model/ids.js";
import { type Timestamp, timestampFromMs } from "../../../model/timestamp.js";
import { GroupSync } from "../../group-sync.js";
import type {
  AllocateRequest,
  ContentReader,
  CopyRequest,
  StagingFile,
  StagingStat,
} from "../content-store.js";
import { LocalFile } from "./local-file.js";
import { ownFileError } from "./own-file-error.js";

const fdatasyncLater = promisify(fdatasync);
const fsyncLater = promisify(fsync);

const FALLOCATE_MODE: Readonly<Record<AllocateRequest["mode"], number>> = {
  extend: 0,
  "keep-size": FALLOC_KEEP_SIZE,
  "punch-hole": FALLOC_PUNCH_HOLE | FALLOC_KEEP_SIZE,
  zero: FALLOC_ZERO_RANGE,
  "zero-keep-size": FALLOC_ZERO_RANGE | FALLOC_KEEP_SIZE,
};

/** A staging file, open for reading and writing. */
export class LocalStagingFile implements StagingFile {
  readonly id: StagingId;
  readonly #file: LocalFile;
  readonly #durableEntries: Set<StagingId>;
  readonly #doubtful: Map<StagingId, unknown>;
  /** One sync at a time: of two, only one would be told of an error. */
  readonly #group = new GroupSync(() => this.#syncOnce());
  readonly #syncSpill: (id: StagingId) => Promise<void>;
  readonly #failpoints: Failpoints;
  #sizeBytes: number;

  /**
   * `create` makes a new file; otherwise there must be one. `durableEntries` are the files whose
   * entries in the directory were synced: a file may do that while it is open once, and be opened again.
   * `doubtful` are those of which a sync failed. `syncSpill` makes durable that the file counts, and
   * not what the log has of the same content.
   */
  constructor(
    path: string,
    options: {
      id: StagingId;
      create: boolean;
      durableEntries: Set<StagingId>;
      doubtful: Map<StagingId, unknown>;
      syncSpill: (id: StagingId) => Promise<void>;
      failpoints: Failpoints;
    },
  ) {
    const { id, create } = options;
    this.id = id;
    this.#durableEntries = options.durableEntries;
    this.#doubtful = options.doubtful;
    this.#syncSpill = options.syncSpill;
    this.#failpoints = options.failpoints;
    try {
      this.#file = create ? new LocalFile(path, "w+") : openExisting(path);
      this.#sizeBytes = create ? 0 : fstatSync(this.#file.fd).size;
      if (create) this.#failpoints.reach("staging-file-made");
    } catch (error) {
      const failure = fsError(error, { op: "open staging file", path });
      if (failure.kind !== "not-found") throw failure;
      throw new NexusError("corrupt", `the staged content ${path} is missing`, {
        path,
        cause: error,
      });
    }
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get fd(): number {
    return this.#file.fd;
  }

  read({ into, offset }: { into: Uint8Array; offset: number }): number {
    return readAt(this.#file.fd, { into, offset });
  }

  seek({ offset, to }: { offset: number; to: "data" | "hole" }): number | undefined {
    return this.#file.seek({ offset, to });
  }

  write({ from, offset }: { from: Uint8Array; offset: number }): void {
    if (from.length === 0) return;
    try {
      writeAt(this.#file.fd, { from, offset });
    } catch (error) {
      this.#cutBack();
      throw error;
    }
    this.#failpoints.reach("bytes-staged");
    if (offset + from.length > this.#sizeBytes) this.#sizeBytes = offset + from.length;
  }

  /** A part of what failed may be there: the caller is told that it isn't, and an appender writes it again. */
  #cutBack(): void {
    const { fd } = this.#file;
    try {
      if (fstatSync(fd).size > this.#sizeBytes) ftruncateSync(fd, this.#sizeBytes);
    } catch {
      // The disk is worse than full. What counts is what there is.
      this.#sizeBytes = fstatSync(fd).size;
    }
  }

  truncate(sizeBytes: number): void {
    try {
      ftruncateSync(this.#file.fd, sizeBytes);
    } catch (error) {
      throw fsError(error, { op: "truncate", path: this.#file.path });
    }
    this.#sizeBytes = sizeBytes;
  }

  allocate({ mode, offset, length }: AllocateRequest): void {
    try {
      allocate(this.#file.fd, { mode: FALLOCATE_MODE[mode], offset, length });
    } finally {
      // On a full disk the file may have grown as far as there was room.
      this.#sizeBytes = fstatSync(this.#file.fd).size;
    }
  }

  copyFrom({ source, offset, toOffset, length }: CopyRequest): number {
    const from = descriptorOf(source);
    if (from === undefined) return this.#copyThroughMemory({ source, offset, toOffset, length });
    const wanted = available(source, { offset, length });
    let done = 0;
    while (done < wanted) {
      const rest = { offset: offset + done, toOffset: toOffset + done, length: wanted - done };
      const copied = copyRange(from, { ...rest, to: this.#file.fd });
      if (copied === 0) throw cutShort(source);
      done += copied;
      this.#sizeBytes = Math.max(this.#sizeBytes, toOffset + done);
    }
    return done;
  }

  /** {@link copyFrom} off the calling thread. */
  async copyFromLater({ source, offset, toOffset, length }: CopyRequest): Promise<number> {
    const from = descriptorOf(source);
    if (from === undefined) return this.copyFrom({ source, offset, toOffset, length });
    const wanted = available(source, { offset, length });
    return await this.#file.use(async (to) => {
      let done = 0;
      while (done < wanted) {
        const rest = { offset: offset + done, toOffset: toOffset + done, length: wanted - done };
        const copied = await copyRangeLater(from, { ...rest, to });
        if (copied === 0) throw cutShort(source);
        done += copied;
        this.#sizeBytes = Math.max(this.#sizeBytes, toOffset + done);
      }
      return done;
    });
  }

  /** Shares all blocks of `source`, where the file system can (ioctl_ficlone(2)). */
  cloneFrom(source: ContentReader): boolean {
    const from = descriptorOf(source);
    if (from === undefined || !clone(from, this.#file.fd)) return false;
    this.#sizeBytes = fstatSync(this.#file.fd).size;
    if (this.#sizeBytes !== source.sizeBytes) throw cutShort(source);
    return true;
  }

  setModified(mtime: Timestamp): void {
    const seconds = mtime.sec + mtime.nsec / 1e9;
    // fdatasync(2) leaves times out: the next sync must not be one.
    this.#durableEntries.delete(this.id);
    try {
      futimesSync(this.#file.fd, seconds, seconds);
    } catch (error) {
      throw fsError(error, { op: "set times", path: this.#file.path });
    }
  }

  stat(): StagingStat {
    return stagingStat(fstatSync(this.#file.fd));
  }

  async sync(): Promise<void> {
    try {
      await this.#file.use(() => this.#group.sync());
    } catch (error) {
      throw ownFileError(error, { op: "sync", path: this.#file.path });
    }
    await this.#syncSpill(this.id);
  }

  /** Makes the bytes and the file's entry durable, on the calling thread. */
  syncNow(): void {
    this.#requireNoDoubt();
    try {
      const directory = openSync(dirname(this.#file.path), "r");
      try {
        fsyncSync(this.#file.fd);
        fsyncSync(directory);
      } catch (error) {
        this.#doubtful.set(this.id, undefined);
        throw error;
      } finally {
        closeSync(directory);
      }
    } catch (error) {
      throw ownFileError(error, { op: "sync", path: this.#file.path });
    }
    this.#durableEntries.add(this.id);
  }

  close(): void {
    this.#file.close();
  }

  async #syncOnce(): Promise<void> {
    this.#requireNoDoubt();
    const { fd, path } = this.#file;
    const isKnown = this.#durableEntries.has(this.id);
    const directory = isKnown ? undefined : await open(dirname(path), "r");
    try {
      if (directory === undefined) return await fdatasyncLater(fd);
      await fsyncLater(fd);
      await directory.sync();
      this.#durableEntries.add(this.id);
    } catch (error) {
      this.#doubtful.set(this.id, undefined);
      throw error;
    } finally {
      await directory?.close();
    }
  }

  /** The kernel reports an error of writing once; a sync after that would succeed over the hole. */
  #requireNoDoubt(): void {
    if (!this.#doubtful.has(this.id)) return;
    const { path } = this.#file;
    throw new NexusError("io-failure", `a sync of ${path} failed before`, { op: "sync", path });
  }

  #copyThroughMemory({ source, offset, toOffset, length }: CopyRequest): number {
    const into = Buffer.allocUnsafe(length);
    const count = source.read({ into, offset });
    this.write({ from: into.subarray(0, count), offset: toOffset });
    return count;
  }
}

/** One that was made read-only, to be sealed, opens for reading. */
function openExisting(path: string): LocalFile {
  try {
    return new LocalFile(path, "r+");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EACCES") throw error;
    return new LocalFile(path, "r");
  }
}

export function stagingStat(stat: Stats): StagingStat {
  const mtime = timestampFromMs(stat.mtimeMs);
  const isFrozen = (stat.mode & 0o222) === 0;
  return { sizeBytes: stat.size, blocks: stat.blocks, mtime, isFrozen };
}

/** How much of a span the source has. */
function available({ sizeBytes }: ContentReader, { offset, length }: Span): number {
  return Math.max(0, Math.min(length, sizeBytes - offset));
}

/** The source ended before its size: what is missing must not become zeros, or the end of a file. */
function cutShort({ sizeBytes }: ContentReader): NexusError {
  return new NexusError("corrupt", `a content of ${sizeBytes} bytes ended before that`, {
    op: "copy",
  });
}

/** The descriptor below, for what is a file of this machine. */
function descriptorOf(reader: ContentReader): number | undefined {
  return "fd" in reader && typeof reader.fd === "number" ? reader.fd : undefined;
}
