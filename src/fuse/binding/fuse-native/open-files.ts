import { NexusError } from "../../../model/errors.js";
import type { Ino } from "../../../model/ids.js";

/** A file as somebody has it open. */
export interface OpenFile {
  readonly handle: number;
  readonly ino: Ino;
  /** What is written goes where the file ends, unless its flags of then say otherwise. */
  readonly appends: boolean;
}

/** The numbers of open files: libfuse keeps them, in 31 bits, so each is used again when it is free. */
export class OpenFiles {
  readonly #files = new Map<number, OpenFile>();
  readonly #free: number[] = [];
  #last = 0;

  /** How many there are. */
  get size(): number {
    return this.#files.size;
  }

  add(file: OpenFile): number {
    // 0 means to the C side that there is none.
    const number = this.#free.pop() ?? ++this.#last;
    this.#files.set(number, file);
    return number;
  }

  /** Errors: `bad-handle`. */
  get(number: number): OpenFile {
    const file = this.#files.get(number);
    if (file === undefined) throw new NexusError("bad-handle", `file ${number} isn't open`);
    return file;
  }

  /** The number may be another file's from now on. Errors: as above. */
  take(number: number): OpenFile {
    const file = this.get(number);
    this.#files.delete(number);
    this.#free.push(number);
    return file;
  }

  isOpen(ino: Ino): boolean {
    for (const file of this.#files.values()) if (file.ino === ino) return true;
    return false;
  }

  /** All that are open, which nobody uses any more. */
  takeAll(): OpenFile[] {
    const files = [...this.#files.values()];
    this.#files.clear();
    return files;
  }
}
