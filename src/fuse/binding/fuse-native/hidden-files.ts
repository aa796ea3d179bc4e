import type { Ino } from "../../../model/ids.js";
import type { NameRequest } from "../../../vfs/file-system.js";

/**
 * What libfuse 2 calls an open file that loses its name: it doesn't unlink it, it renames it, with the number of a
 * node and a counter (`hidden_name` in its lib/fuse.c).
 */
const HIDDEN_NAME = /^\.fuse_hidden[0-9a-f]{8}([0-9a-f]{8})$/;
/** It counts on by itself, past names that are taken. */
const MOST_SKIPPED = 16;
/** A rename over an open file comes right after its hiding, which another thread's calls may hold up. */
const RESTORABLE_MS = 1000;

/** A file without a name, that libfuse believes to have one. */
interface HiddenFile {
  readonly ino: Ino;
  /** The name that it lost, for as long as a rename that takes it may still fail. */
  readonly lost: NameRequest;
  readonly hiddenAtMs: number;
}

/** The files of one mount that libfuse has hidden, by the directory and the name in which it believes them to be. */
export class HiddenFiles {
  readonly #files = new Map<string, HiddenFile>();
  #lastCount = 0;

  get size(): number {
    return this.#files.size;
  }

  /** Whether a name can be one of these at all. */
  mayBe(name: string): boolean {
    return this.#files.size > 0 && HIDDEN_NAME.test(name);
  }

  get(name: NameRequest): Ino | undefined {
    return this.#files.get(keyOf(name))?.ino;
  }

  /** Whether a new name is the next one of libfuse's. A program that makes up one of its own doesn't meet the count. */
  isNext({ name }: NameRequest): boolean {
    const count = Number.parseInt(HIDDEN_NAME.exec(name)?.[1] ?? "", 16);
    return count > this.#lastCount && count <= this.#lastCount + MOST_SKIPPED;
  }

  add(name: NameRequest, { ino, lost }: { ino: Ino; lost: NameRequest }): void {
    this.#lastCount = Number.parseInt(HIDDEN_NAME.exec(name.name)?.[1] ?? "0", 16);
    this.#files.set(keyOf(name), { ino, lost, hiddenAtMs: performance.now() });
  }

  /** The file that had this name until just now, and lost it for a rename that is to come. */
  lostJustNow(name: NameRequest): Ino | undefined {
    const key = keyOf(name);
    const since = performance.now() - RESTORABLE_MS;
    const found = [...this.#files.values()].findLast(
      ({ lost, hiddenAtMs }) => hiddenAtMs >= since && keyOf(lost) === key,
    );
    return found?.ino;
  }

  /** False when it wasn't there. */
  delete(name: NameRequest): boolean {
    return this.#files.delete(keyOf(name));
  }

  /** Forgets all names of an inode. Returns how many there were. */
  deleteAll(ino: Ino): number {
    const keys = [...this.#files].filter(([, file]) => file.ino === ino).map(([key]) => key);
    for (const key of keys) this.#files.delete(key);
    return keys.length;
  }

  /** Forgets everything. Returns the inodes, as often as they were there. */
  clear(): Ino[] {
    const inos = [...this.#files.values()].map(({ ino }) => ino);
    this.#files.clear();
    return inos;
  }
}

function keyOf({ parent, name }: NameRequest): string {
  return `${parent}/${name}`;
}
