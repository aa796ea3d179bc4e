import { type BigIntStats, statSync } from "node:fs";
import { NexusError } from "../../../model/errors.js";

/**
 * Where the database was when it was opened. Somebody may move its directory, remove it, unmount what it lies
 * on, or put another file in its place: this process would go on with the old one, and acknowledge what
 * nobody ever finds again.
 */
export class DatabasePlace {
  readonly #path: string;
  readonly #opened: BigIntStats;

  /** Call it with the database open. Errors: those of stat(2), as Node throws them. */
  constructor(path: string) {
    this.#path = path;
    this.#opened = statSync(path, { bigint: true });
  }

  /** Two microseconds. Errors: `io-failure` for as long as something else, or nothing, is there. */
  requireKept(): void {
    const { dev, ino } = this.#opened;
    let found: BigIntStats | undefined;
    try {
      found = statSync(this.#path, { bigint: true, throwIfNoEntry: false });
    } catch {
      // A part of the path is none, or nobody may go there any more: as good as gone.
    }
    if (found?.ino === ino && found.dev === dev) return;
    const what = found === undefined ? "is gone" : "is another file now";
    throw new NexusError(
      "io-failure",
      `the metadata database ${this.#path} ${what}; nothing is changed until the one that was opened is back, or this process has ended`,
      { op: "write metadata", path: this.#path },
    );
  }
}
