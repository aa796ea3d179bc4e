import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { replaceDurably } from "../libc/durability.js";
import { fsError } from "../libc/system-error.js";

const NAME = "database-behind.json";

/** That a database lacks what was in it: what it doesn't name may be all there is of a file. */
export interface Behind {
  /** Milliseconds since the epoch. */
  readonly sinceMs: number;
  readonly why: string;
  /**
   * The first start that went on with an older state; a repair of such a database that has begun; or one of a database
   * with lost or damaged rows.
   */
  readonly notedBy: "start" | "repair" | "repair-of-rows";
}

/** Whether a newer state had what this one lacks: what a row announces, too, may have had a file there. */
export function lacksChanges({ notedBy }: Behind): boolean {
  return notedBy !== "repair-of-rows";
}

/** Whether a repair has to come to its end. */
export function isRepairing({ notedBy }: Behind): boolean {
  return notedBy !== "start";
}

/** What somebody has found. */
interface FoundBehind extends Pick<Behind, "sinceMs" | "why"> {
  /** Changes that were committed, or rows of a database that has all of them. */
  readonly lacks: "changes" | "rows";
}

/**
 * Keeps it in the data directory that its database lacks something. What tells of it doesn't outlive the first step:
 * the journal is overwritten as soon as somebody goes on with an older state, and mended rows look as they must. What
 * belonged to the rest must not count as needless by then.
 */
export class BehindNote {
  readonly #path: string;
  readonly #dataDir: string;

  constructor(dataDir: string) {
    this.#dataDir = dataDir;
    this.#path = join(dataDir, NAME);
  }

  /** Undefined when there is none. One that can't be understood is one. Errors: `io-failure`, `access-denied`. */
  read(): Behind | undefined {
    let text: string;
    try {
      text = readFileSync(this.#path, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw fsError(error, { op: "read", path: this.#path });
    }
    const { sinceMs, why, notedBy } = parsed(text);
    return {
      sinceMs: typeof sinceMs === "number" ? sinceMs : 0,
      why: typeof why === "string" ? why : `${this.#path} can't be understood`,
      notedBy: notedBy === "start" || notedBy === "repair-of-rows" ? notedBy : "repair",
    };
  }

  /**
   * Notes that a repair begins, before its first step: what it has to end is noted until it has. Durable when it
   * returns. Errors: `io-failure`, `no-space`, `access-denied`.
   */
  beginRepair({ sinceMs, why, lacks }: FoundBehind): void {
    const noted = this.read();
    if (lacks === "changes") this.write({ sinceMs, why, notedBy: "repair" });
    else if (noted === undefined) this.write({ sinceMs, why, notedBy: "repair-of-rows" });
    else if (!isRepairing(noted)) this.write({ ...noted, notedBy: "repair" });
  }

  /**
   * Notes that a start goes on without changes; a repair that was cut short has to end all the same. Errors: as above.
   */
  goOn({ sinceMs, why }: Pick<Behind, "sinceMs" | "why">): void {
    const noted = this.read();
    const notedBy = noted !== undefined && isRepairing(noted) ? "repair" : "start";
    this.write({ sinceMs, why, notedBy });
  }

  /** For a repair that has mended nothing: what was noted before is again. Errors: as above. */
  takeBack(before: Behind | undefined): void {
    if (before === undefined) this.clear();
    else this.write(before);
  }

  /** When it returns, the note is durable. Errors: as above. */
  write(behind: Behind): void {
    try {
      replaceDurably({ directory: this.#dataDir, name: NAME }, `${JSON.stringify(behind)}\n`);
    } catch (error) {
      throw fsError(error, { op: "write", path: this.#path });
    }
  }

  /** Errors: `io-failure`, `access-denied`. */
  clear(): void {
    try {
      rmSync(this.#path, { force: true });
    } catch (error) {
      throw fsError(error, { op: "remove", path: this.#path });
    }
  }
}

function parsed(text: string): Partial<Record<keyof Behind, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}
