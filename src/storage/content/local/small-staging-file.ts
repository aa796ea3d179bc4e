import { NexusError } from "../../../model/errors.js";
import type { StagingId } from "../../../model/ids.js";
import type { Timestamp } from "../../../model/timestamp.js";
import type { AllocateRequest, CopyRequest, StagingFile, StagingStat } from "../content-store.js";
import type { LocalStagingFile } from "./local-staging-file.js";
import type { SmallContent } from "./small-content.js";
import type { SmallContents } from "./small-contents.js";

const BLOCK_BYTES = 4096;

/**
 * A staging file that is none: a small content in memory. When it grows too large it *spills*: it
 * becomes a file, and whoever has it open doesn't notice.
 */
export class SmallStagingFile implements StagingFile {
  readonly id: StagingId;
  readonly #contents: SmallContents;
  readonly #content: SmallContent;
  readonly #makeFile: (id: StagingId) => LocalStagingFile;
  readonly #removeFile: (id: StagingId) => void;
  #file: LocalStagingFile | undefined;

  constructor({
    contents,
    content,
    makeFile,
    removeFile,
  }: {
    contents: SmallContents;
    content: SmallContent;
    makeFile: (id: StagingId) => LocalStagingFile;
    removeFile: (id: StagingId) => void;
  }) {
    this.id = content.id;
    this.#contents = contents;
    this.#content = content;
    this.#makeFile = makeFile;
    this.#removeFile = removeFile;
  }

  get sizeBytes(): number {
    return this.#file?.sizeBytes ?? this.#content.sizeBytes;
  }

  /** The descriptor of the file, once it is one. */
  get fd(): number | undefined {
    return this.#file?.fd;
  }

  read(request: { into: Uint8Array; offset: number }): number {
    return this.#file?.read(request) ?? this.#content.read(request);
  }

  seek(request: { offset: number; to: "data" | "hole" }): number | undefined {
    if (this.#file !== undefined) return this.#file.seek(request);
    return seekInMemory(this.#content.sizeBytes, request);
  }

  write({ from, offset }: { from: Uint8Array; offset: number }): void {
    if (from.length === 0) return;
    const file = this.#fileFor(offset + from.length);
    if (file !== undefined) file.write({ from, offset });
    else this.#contents.apply(this.#content, { kind: "write", offset, data: from });
  }

  truncate(sizeBytes: number): void {
    const file = this.#fileFor(sizeBytes);
    if (file !== undefined) file.truncate(sizeBytes);
    else this.#contents.apply(this.#content, { kind: "truncate", sizeBytes });
  }

  allocate(request: AllocateRequest): void {
    this.#spill().allocate(request);
  }

  copyFrom({ source, offset, toOffset, length }: CopyRequest): number {
    const file = this.#fileFor(toOffset + length);
    if (file !== undefined) return file.copyFrom({ source, offset, toOffset, length });
    const into = Buffer.allocUnsafe(length);
    const count = source.read({ into, offset });
    if (count > 0) this.write({ from: into.subarray(0, count), offset: toOffset });
    return count;
  }

  setModified(mtime: Timestamp): void {
    if (this.#file !== undefined) {
      this.#file.setModified(mtime);
      return;
    }
    this.#contents.apply(this.#content, { kind: "times", mtime });
  }

  stat(): StagingStat {
    return this.#file?.stat() ?? smallStat(this.#content);
  }

  async sync(): Promise<void> {
    // From now on nothing may put these bytes at risk again, see #spill.
    this.#content.isPromised = true;
    if (this.#file === undefined) await this.#contents.sync();
    else await this.#file.sync();
  }

  close(): void {
    this.#file?.close();
  }

  /** The file, when it is one or has to become one to hold so many bytes. */
  #fileFor(endBytes: number): LocalStagingFile | undefined {
    if (this.#file !== undefined) return this.#file;
    return this.#contents.hasRoomFor(endBytes) ? undefined : this.#spill();
  }

  #spill(): LocalStagingFile {
    if (this.#file !== undefined) return this.#file;
    const file = this.#makeFile(this.id);
    try {
      // All of it, then the record: a crash in between leaves the log to count. A power failure
      // could keep the record and lose the bytes; what was synced once must not get lost so.
      file.write({ from: this.#content.bytes, offset: 0 });
      file.setModified(this.#content.mtime);
      if (this.#content.isPromised) file.syncNow();
      this.#contents.noteSpilled(this.#content);
    } catch (error) {
      file.close();
      // The log counts still; on a full disk the half-made file would take room that nobody gets back.
      this.#removeFile(this.id);
      throw error;
    }
    this.#file = file;
    return file;
  }
}

export function smallStat({ sizeBytes, mtime }: SmallContent): StagingStat {
  return { sizeBytes, blocks: smallBlocks(sizeBytes), mtime, isFrozen: false };
}

/** What so many bytes take, in blocks of 512, wherever they lie. */
export function smallBlocks(sizeBytes: number): number {
  return (Math.ceil(sizeBytes / BLOCK_BYTES) * BLOCK_BYTES) / 512;
}

/** All of it is data, and the hole is at the end; lseek(2). */
function seekInMemory(
  sizeBytes: number,
  { offset, to }: { offset: number; to: "data" | "hole" },
): number | undefined {
  if (offset < 0) throw new NexusError("invalid-argument", "a negative offset");
  if (offset >= sizeBytes) return undefined;
  return to === "data" ? offset : sizeBytes;
}
