import { createHash } from "node:crypto";
import {
  closeSync,
  fchmodSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { makeDirectories } from "../../libc/directories.js";
import { syncPath } from "../../libc/durability.js";
import { clone, writeAt } from "../../libc/files.js";
import { fsError } from "../../libc/system-error.js";
import { type ContentHash, isContentHash } from "../../model/ids.js";
import { casPath, type Layout } from "../content/local/layout.js";
import { FileSystemSync } from "../file-system-sync.js";
import type { Turns } from "./turns.js";

const CHUNK_BYTES = 1024 * 1024;
/** What is synced together: up to so many files, or bytes. */
const BATCH_FILES = 512;
const BATCH_BYTES = 64 * 1024 * 1024;
const SEALED_MODE = 0o444;
const ZEROS = Buffer.alloc(CHUNK_BYTES);

export interface Content {
  readonly hash: ContentHash;
  readonly sizeBytes: number;
}

/** Why a content can't be copied. */
export type ContentProblem = "missing" | "damaged" | "unreadable";

export interface ContentCopierOptions {
  /** Of what is copied to. */
  readonly layout: Pick<Layout, "casDirectory">;
  /** On the same file system; what is left there is nobody's. */
  readonly incomingDirectory: string;
  /** Whether bytes that are at hand needn't be copied where their name is there already, with their size. */
  readonly namesAre: "trusted" | "doubted";
  readonly turns: Turns;
  /** Takes away a directory that is in a content's place; without it that is an error. */
  readonly putDirectoryAside?: (hash: ContentHash) => void;
  /** Told of each chunk that was read. */
  readonly onBytes: (bytes: number) => void;
}

/**
 * Puts contents into a CAS, each checked against its hash before it gets its name there. The order: the bytes
 * under another name; synced, many files at a time; then renamed. So whatever has a name is whole, also
 * after a crash or a power failure, and what is there already needn't be copied again. The directories
 * are synced by {@link finish}, before anything may rely on the names in them; those of what was there already, too:
 * a run that was cut short may have put it there.
 */
export class ContentCopier {
  readonly #options: ContentCopierOptions;
  readonly #buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  #pending: { readonly path: string; readonly hash: ContentHash }[] = [];
  #pendingBytes = 0;
  #files = 0;
  /** Until the file system says that it can't share blocks with where contents come from. */
  #mayClone = true;
  readonly #sync: FileSystemSync;
  /** The directories of what was copied, or was there already. */
  readonly #leaves = new Set<string>();
  /** What got its name here by this, or is about to. */
  readonly copied = { contents: 0, bytes: 0 };

  constructor(options: ContentCopierOptions) {
    this.#options = options;
    this.#sync = new FileSystemSync(options.layout.casDirectory);
  }

  /** Whether it is there, by its name and size; one whose size the database has wrong is copied again. */
  has({ hash, sizeBytes }: Content): boolean {
    if (!isContentHash(hash)) return false;
    const path = casPath(this.#casLayout, hash);
    const stat = statSync(path, { throwIfNoEntry: false });
    const isThere = stat?.isFile() === true && stat.size === sizeBytes;
    if (isThere) this.#leaves.add(dirname(path));
    return isThere;
  }

  /** Whether it is there with its bytes, which are read. */
  async isWhole(content: Content): Promise<boolean> {
    const fd = openOrProblem(casPath(this.#casLayout, content.hash));
    if (typeof fd !== "number") return false;
    try {
      return (await this.#hash(fd)) === content.hash;
    } catch (error) {
      if (error instanceof UnreadableSource) return false;
      throw error;
    } finally {
      closeSync(fd);
    }
  }

  /**
   * Copies one from where it is sealed. Returns why it can't, if that is the file's trouble. Errors: those of where it
   * is written to (`no-space`, `io-failure` ...), and of the turns.
   */
  async copy({ hash }: Content, from: Layout): Promise<ContentProblem | undefined> {
    if (!isContentHash(hash)) return "missing";
    const fd = openOrProblem(casPath(from, hash));
    if (typeof fd !== "number") return fd;
    try {
      const received = await this.#receive(fd);
      if (typeof received === "string") return received;
      if (received.hash !== hash) {
        rmSync(received.path);
        return "damaged";
      }
      await this.#add(received);
      return undefined;
    } finally {
      closeSync(fd);
    }
  }

  /** Copies what a file has until its end, whatever that is. */
  async copyFile(from: string): Promise<Content | ContentProblem> {
    const fd = openOrProblem(from);
    if (typeof fd !== "number") return fd;
    try {
      const received = await this.#receive(fd);
      if (typeof received === "string") return received;
      if (this.#isTrusted(received)) rmSync(received.path);
      else await this.#add(received);
      return { hash: received.hash, sizeBytes: received.sizeBytes };
    } finally {
      closeSync(fd);
    }
  }

  /** Copies bytes. */
  async copyBytes(bytes: Uint8Array): Promise<Content> {
    const hash = createHash("sha256").update(bytes).digest("hex") as ContentHash;
    const content = { hash, sizeBytes: bytes.length };
    if (this.#isTrusted(content)) return content;
    const { path, fd } = this.#create();
    try {
      writeAt(fd, { from: bytes, offset: 0 });
    } finally {
      closeSync(fd);
    }
    await this.#add({ ...content, path });
    return content;
  }

  /** All that was copied is durable, names included, when this resolves. */
  async finish(): Promise<void> {
    await this.flush();
    if (this.#sync.coversAll) return await this.#sync.all();
    const { casDirectory } = this.#options.layout;
    const directories = new Set([...this.#leaves, ...[...this.#leaves].map(dirname)]);
    for (const path of [...directories, casDirectory]) {
      syncPath(path);
      await this.#options.turns.take();
    }
  }

  /** Nothing of it is under way; what wasn't finished isn't durable. */
  close(): void {
    this.#sync.close();
  }

  #isTrusted(content: Content): boolean {
    return this.#options.namesAre === "trusted" && this.has(content);
  }

  get #casLayout(): Layout {
    const { casDirectory } = this.#options.layout;
    return { root: dirname(casDirectory), casDirectory, stagingDirectory: "" };
  }

  #create(): { path: string; fd: number } {
    const path = join(this.#options.incomingDirectory, String(++this.#files));
    const fd = openSync(path, "wx+", SEALED_MODE);
    try {
      makeReadOnly(fd);
      return { path, fd };
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** The bytes of an open file in a new one, and their hash. */
  async #receive(from: number): Promise<(Content & { readonly path: string }) | ContentProblem> {
    const { path, fd } = this.#create();
    try {
      const isCloned = this.#clone(from, fd);
      const sizeBytes = isCloned ? fstatSync(fd).size : undefined;
      // What was cloned is read where it is now: that is what has to be right.
      const hash = await this.#hash(isCloned ? fd : from, isCloned ? undefined : fd);
      return { path, hash, sizeBytes: sizeBytes ?? fstatSync(fd).size };
    } catch (error) {
      rmSync(path, { force: true });
      if (error instanceof UnreadableSource) return "unreadable";
      throw error;
    } finally {
      closeSync(fd);
    }
  }

  #clone(from: number, to: number): boolean {
    this.#mayClone &&= clone(from, to);
    return this.#mayClone;
  }

  /** Reads a file to its end, and writes it to another one but for holes. */
  async #hash(from: number, to?: number): Promise<ContentHash> {
    const hash = createHash("sha256");
    let offset = 0;
    for (;;) {
      const count = readChunk(from, { into: this.#buffer, offset });
      const bytes = this.#buffer.subarray(0, count);
      hash.update(bytes);
      const isHole = count === CHUNK_BYTES && bytes.equals(ZEROS);
      if (to !== undefined && !isHole) writeAt(to, { from: bytes, offset });
      offset += count;
      this.#options.onBytes(count);
      // A file has no more when it gives less.
      if (count < CHUNK_BYTES) break;
      await this.#options.turns.take();
    }
    if (to !== undefined) ftruncateSync(to, offset);
    return hash.digest("hex") as ContentHash;
  }

  async #add(file: Content & { readonly path: string }): Promise<void> {
    this.#pending.push(file);
    this.#pendingBytes += file.sizeBytes;
    this.copied.contents += 1;
    this.copied.bytes += file.sizeBytes;
    const isFull = this.#pending.length >= BATCH_FILES || this.#pendingBytes >= BATCH_BYTES;
    if (isFull) await this.flush();
    await this.#options.turns.take();
  }

  /** Gives what was copied its names; their directories are for {@link finish}. */
  async flush(): Promise<void> {
    const batch = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    if (this.#sync.isBestFor(batch.length)) await this.#sync.all();
    else for (const { path } of batch) syncPath(path);
    for (const { path, hash } of batch) {
      const to = casPath(this.#casLayout, hash);
      this.#place({ path, hash }, to);
      this.#leaves.add(dirname(to));
    }
  }

  /** What has that name already is replaced: by the same bytes, or because it was damaged. */
  #place({ path, hash }: { readonly path: string; readonly hash: ContentHash }, to: string): void {
    try {
      renameSync(path, to);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const { putDirectoryAside } = this.#options;
      if (code === "ENOENT") makeDirectories(dirname(to), { mode: 0o700 });
      else if (code === "EISDIR" && putDirectoryAside !== undefined) putDirectoryAside(hash);
      else throw error;
      renameSync(path, to);
    }
  }
}

/** Also under a umask that leaves out more. vfat and its like have modes of their own, and refuse others. */
function makeReadOnly(fd: number): void {
  try {
    fchmodSync(fd, SEALED_MODE);
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (!["EPERM", "ENOTSUP", "ENOSYS"].includes(code)) throw error;
  }
}

/** Reading failed, and not writing. */
class UnreadableSource extends Error {}

function readChunk(fd: number, { into, offset }: { into: Buffer; offset: number }): number {
  try {
    return readSync(fd, into, 0, into.length, offset);
  } catch (error) {
    throw new UnreadableSource("a content can't be read", { cause: error });
  }
}

/** What this process lacks (descriptors, memory) is no trouble of the file. */
function openOrProblem(path: string): number | ContentProblem {
  try {
    return openSync(path, "r");
  } catch (error) {
    const failure = fsError(error, { op: "open", path });
    if (failure.kind === "not-found" || failure.kind === "not-a-directory") return "missing";
    if (["too-many-open-files", "out-of-memory"].includes(failure.kind)) throw failure;
    return "unreadable";
  }
}
