import { constants, type Stats } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { alignedBuffer } from "../../../libc/memory.js";

const CHUNK_BYTES = 1024 * 1024;
/** No disk asks for more. */
const ALIGNMENT = 4096;
const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK, O_DIRECT = 0 } = constants;
/** So that a FIFO in a file's place doesn't hold anybody up, and a symlink isn't followed. */
const FLAGS = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;

/**
 * A file that is read from its disk, past what the kernel has of it in memory: that may still be right when the disk
 * isn't, and reading all of a store through it would drive out what others need (open(2), O_DIRECT). Where the file
 * system can't do that, it is read as usual.
 *
 * Errors are those of the host, untranslated.
 */
export class MediumFile {
  readonly #path: string;
  #file: FileHandle;

  static async open(path: string): Promise<MediumFile> {
    const file = await open(path, FLAGS | O_DIRECT).catch((error) => {
      if (!isRefusal(error)) throw error;
      return open(path, FLAGS);
    });
    return new MediumFile(path, file);
  }

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  stat(): Promise<Stats> {
    return this.#file.stat();
  }

  /** All its bytes, piece by piece; each piece until the next one is asked for. */
  async *chunks(): AsyncGenerator<Buffer> {
    const { size } = await this.stat();
    const blocks = Math.ceil((size + 1) / ALIGNMENT);
    const length = Math.min(CHUNK_BYTES, blocks * ALIGNMENT);
    const buffer = alignedBuffer(length, { alignment: ALIGNMENT });
    for (let position = 0; ; ) {
      const count = await this.#read(buffer, position);
      if (count === 0) return;
      yield buffer.subarray(0, count);
      position += count;
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #read(buffer: Buffer, position: number): Promise<number> {
    try {
      return (await this.#file.read(buffer, 0, buffer.length, position)).bytesRead;
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
    // Behind the last whole block, or on a file system that says so only now.
    const file = await open(this.#path, FLAGS);
    await this.#file.close();
    this.#file = file;
    return (await file.read(buffer, 0, buffer.length, position)).bytesRead;
  }
}

function isRefusal(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "EINVAL";
}
