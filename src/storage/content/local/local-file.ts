import { closeSync, openSync } from "node:fs";
import { SEEK_DATA, SEEK_HOLE, seek } from "../../../libc/files.js";

/** A file of the data directory, open. It closes once its last asynchronous use is over. */
export class LocalFile {
  readonly path: string;
  readonly fd: number;
  #uses = 0;
  #isClosed = false;

  constructor(path: string, flags: string) {
    this.path = path;
    this.fd = openSync(path, flags, 0o600);
  }

  async use<T>(work: (fd: number) => Promise<T>): Promise<T> {
    this.#uses += 1;
    try {
      return await work(this.fd);
    } finally {
      this.#uses -= 1;
      if (this.#isClosed && this.#uses === 0) closeSync(this.fd);
    }
  }

  /** The next data or hole at or after an offset; see `ContentReader.seek`. */
  seek({ offset, to }: { offset: number; to: "data" | "hole" }): number | undefined {
    return seek(this.fd, { offset, whence: to === "data" ? SEEK_DATA : SEEK_HOLE });
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#uses === 0) closeSync(this.fd);
  }
}
