import { fstatSync } from "node:fs";
import { readAt } from "../../../libc/files.js";
import { fsError } from "../../../libc/system-error.js";
import { type ErrorKind, NexusError } from "../../../model/errors.js";
import type { ContentReader } from "../content-store.js";
import { LocalFile } from "./local-file.js";

/** What the host says when a content isn't there as we left it. */
const UNREADABLE: readonly ErrorKind[] = [
  "not-found",
  "not-a-directory",
  "access-denied",
  "not-permitted",
  "symlink-loop",
];

/** A sealed content, open. Its size is known from the metadata: bytes that are missing are damage. */
export class LocalContentReader implements ContentReader {
  readonly sizeBytes: number;
  readonly #file: LocalFile;

  constructor(path: string, sizeBytes: number) {
    this.sizeBytes = sizeBytes;
    try {
      this.#file = new LocalFile(path, "r");
    } catch (error) {
      const failure = fsError(error, { op: "open content", path });
      if (!UNREADABLE.includes(failure.kind)) throw failure;
      throw new NexusError("corrupt", `the content ${path} is missing or can't be read`, {
        path,
        cause: error,
      });
    }
    try {
      // Later, bytes that are missing could be taken for a hole, or for the end of the file.
      this.#requireWhole();
    } catch (error) {
      this.#file.close();
      throw error;
    }
  }

  get fd(): number {
    return this.#file.fd;
  }

  read({ into, offset }: { into: Uint8Array; offset: number }): number {
    const length = Math.max(0, Math.min(into.length, this.sizeBytes - offset));
    if (length === 0) return 0;
    const wanted = length === into.length ? into : into.subarray(0, length);
    const count = readAt(this.#file.fd, { into: wanted, offset });
    if (count < length) {
      const { path } = this.#file;
      throw new NexusError("corrupt", `the content ${path} is shorter than its metadata says`, {
        path,
      });
    }
    return count;
  }

  seek({ offset, to }: { offset: number; to: "data" | "hole" }): number | undefined {
    const found = this.#file.seek({ offset, to });
    // A file that was cut meanwhile looks as if it had a hole from there on.
    const isHole = to === "hole" || found === undefined;
    if (isHole && (found ?? offset) < this.sizeBytes) this.#requireWhole();
    return found;
  }

  close(): void {
    this.#file.close();
  }

  #requireWhole(): void {
    const { path, fd } = this.#file;
    const stat = fstatSync(fd);
    if (stat.isFile() && stat.size === this.sizeBytes) return;
    throw new NexusError("corrupt", `the content ${path} isn't of the size that it should be`, {
      path,
    });
  }
}
