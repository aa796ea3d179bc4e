import type { SearchProgress } from "./search.js";

const FILES_BETWEEN_REPORTS = 100;
const BYTES_BETWEEN_REPORTS = 8 * 1024 * 1024;

/** Counts what a search has seen, and tells of it now and then and at the end. */
export class ProgressCounter {
  readonly #report: ((progress: SearchProgress) => void) | undefined;
  #filesSeen = 0;
  #bytesRead = 0;
  #path: string;
  #nextFiles = FILES_BETWEEN_REPORTS;
  #nextBytes = BYTES_BETWEEN_REPORTS;

  constructor(options: {
    readonly path: string;
    readonly report: ((progress: SearchProgress) => void) | undefined;
  }) {
    this.#path = options.path;
    this.#report = options.report;
  }

  sawFile(path: string): void {
    this.#filesSeen += 1;
    this.#path = path;
    if (this.#filesSeen >= this.#nextFiles) this.tell();
  }

  readBytes(count: number): void {
    this.#bytesRead += count;
    if (this.#bytesRead >= this.#nextBytes) this.tell();
  }

  /** Tells where it is, however little has happened since the last time. */
  tell(): void {
    this.#nextFiles = this.#filesSeen + FILES_BETWEEN_REPORTS;
    this.#nextBytes = this.#bytesRead + BYTES_BETWEEN_REPORTS;
    this.#report?.({ filesSeen: this.#filesSeen, bytesRead: this.#bytesRead, path: this.#path });
  }
}
