import { createHash } from "node:crypto";
import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  fchmodSync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { setImmediate } from "node:timers/promises";
import { makeDirectories } from "../../../libc/directories.js";
import { writeAt } from "../../../libc/files.js";
import { canOnlyBeCopied } from "../../../libc/hard-links.js";
import { fsError } from "../../../libc/system-error.js";
import { type ErrorKind, NexusError } from "../../../model/errors.js";
import { type Failpoints, NO_FAILPOINTS } from "../../../model/failpoint.js";
import type { ContentHash, StagingId } from "../../../model/ids.js";
import type { SealedContent } from "../../metadata/metadata-store.js";
import type { Needless, NeedlessFound, Verification, Verified } from "../content-store.js";
import { BatchSync, type ToSync } from "./batch-sync.js";
import type { ContentJobs, HashSource, SealJob } from "./content-jobs.js";
import { lostBytes } from "./failed-sync.js";
import { CHUNK_BYTES, CHUNKS_A_TURN, hashFile } from "./hash-file.js";
import { casPath, type Layout, stagingPath, UNFINISHED } from "./layout.js";
import { handleNeedless, removeBlob, sealedIn } from "./needless-files.js";
import { smallBlocks } from "./small-staging-file.js";
import { verifyContents } from "./verify-contents.js";

/** What is longer and there already is only read again by the scrub: it would hold up other seals (50 ms). */
const MOST_READ_AGAIN_BYTES = 64 * 1024 * 1024;
const SEALED_MODE = 0o444;
const NOTHING = new Uint8Array(0);
const ZEROS = Buffer.alloc(CHUNK_BYTES);

/**
 * Does the jobs on the thread that it runs on.
 *
 * The order of sealing, so that a crash or a power failure at any point leaves either the old or the
 * new: the bytes of the staging file are synced; it is linked into the CAS; the directories are
 * synced; only then the caller commits the row that names the hash. The staging file goes last, by
 * `discardStaging`, when that row is durable.
 *
 * A content that is there already need not be durable: whoever put it there may have failed, or died,
 * before the directories were synced. So the first seal of a process, and the one after a failure,
 * sync all of the file system; or each seal syncs all of its own contents, where that can't be done.
 *
 * A staging file of which a sync failed is sealed from a copy: the kernel takes its pages for clean, so
 * another sync of it would write nothing and succeed.
 */
export class LocalContentJobs implements ContentJobs {
  readonly #layout: Layout;
  readonly #sync: BatchSync;
  readonly #failpoints: Failpoints;
  /** Which run of `hash` is at each content: one that was cancelled must not go on for a later one. */
  readonly #hashing = new Map<StagingId, number>();
  #runs = 0;
  /** The small contents of the last run. */
  #bytes = new Map<StagingId, Uint8Array>();
  #verifying = new AbortController();
  #last: Promise<unknown> = Promise.resolve();
  /** Whether all that lies in the CAS was synced. */
  #isCasDurable = false;

  constructor(
    layout: Layout,
    { failpoints = NO_FAILPOINTS }: { readonly failpoints?: Failpoints } = {},
  ) {
    this.#layout = layout;
    this.#sync = new BatchSync(layout);
    this.#failpoints = failpoints;
  }

  async hash(sources: readonly HashSource[]): Promise<[StagingId, ContentHash][]> {
    return await this.hashOwned(
      sources.map(({ id, bytes }) => ({ id, bytes: bytes && Uint8Array.from(bytes) })),
    );
  }

  /** {@link hash} of bytes that nobody else has, and so needn't be copied. */
  async hashOwned(sources: readonly HashSource[]): Promise<[StagingId, ContentHash][]> {
    const run = ++this.#runs;
    this.#bytes = new Map();
    for (const { id, bytes } of sources) {
      this.#hashing.set(id, run);
      if (bytes !== undefined) this.#bytes.set(id, bytes);
    }
    const hashes: [StagingId, ContentHash][] = [];
    for (const { id, bytes } of sources) {
      const hash = bytes === undefined ? await this.#hashFile(id, run) : hashOf(bytes);
      if (hash !== undefined) hashes.push([id, hash]);
      if (this.#hashing.get(id) === run) this.#hashing.delete(id);
    }
    return hashes;
  }

  cancelHash(id: StagingId): void {
    this.#hashing.delete(id);
  }

  seal(requests: readonly SealJob[]): Promise<SealedContent[]> {
    return this.#inOrder(() => this.#seal(requests));
  }

  discardStaging(ids: readonly StagingId[]): Promise<void> {
    const paths = ids.map((id) => this.#stagingPath(id));
    return this.#inOrder(() =>
      forAll(paths, (path) => {
        rmSync(path, { force: true });
        this.#failpoints.reach("staging-discarded");
      }),
    );
  }

  remove(hashes: readonly ContentHash[]): Promise<void> {
    return this.#inOrder(() =>
      forAll(hashes, (hash) => {
        removeBlob(casPath(this.#layout, hash));
        this.#failpoints.reach("blob-removed");
      }),
    );
  }

  async sealedIn(directory: number): Promise<ContentHash[]> {
    return sealedIn(this.#layout, directory);
  }

  /** No seal is under way then, so what is unfinished stays so. */
  handleNeedless(request: Needless): Promise<NeedlessFound> {
    return this.#inOrder(() => handleNeedless(this.#layout, request));
  }

  async verify(request: Verification): Promise<Verified> {
    this.#verifying = new AbortController();
    return await verifyContents(this.#layout, request, { signal: this.#verifying.signal });
  }

  cancelVerify(): void {
    this.#verifying.abort();
  }

  async close(): Promise<void> {
    this.#hashing.clear();
    this.cancelVerify();
    await this.#last;
    this.#sync.close();
  }

  /** A seal waits for the disk in the middle: what comes meanwhile must not take its files away. */
  #inOrder<T>(job: () => T | Promise<T>): Promise<T> {
    const run = this.#last.then(job);
    this.#last = run.catch(() => undefined);
    return run;
  }

  async #seal(requests: readonly SealJob[]): Promise<SealedContent[]> {
    const wasDurable = this.#isCasDurable;
    this.#isCasDurable = false;
    try {
      const missing: SealJob[] = [];
      for (const request of requests) {
        if (!(await this.#isPresent(request))) missing.push(request);
      }
      const prepared: ToSync[] = [];
      for (const request of missing) prepared.push(await this.#prepare(request));
      await this.#sync.files(prepared);
      this.#failpoints.reach("content-prepared");
      const changed = new Set<string>();
      for (const request of missing) this.#place(request, changed);
      if (wasDurable) await this.#sync.files([...changed].map((path) => ({ path })));
      this.#isCasDurable =
        wasDurable || (await this.#sync.contents(requests.map(({ hash }) => hash)));
      this.#failpoints.reach("blobs-durable");
      return requests.map(({ id, hash, sizeBytes }) => {
        return { hash, sizeBytes, blocks: this.#blocksOf({ id, sizeBytes }) };
      });
    } catch (error) {
      // On a full disk, what was half-written would take the room that the next try needs.
      for (const { hash } of requests) rmSync(this.#newPath(hash), { force: true });
      throw sealFailure(error, this.#layout);
    }
  }

  /**
   * What the bytes at hand took. How the file lies that is there already is nobody's business: it may be another
   * tenant's, and who guesses its bytes would see whether somebody has it.
   */
  #blocksOf({ id, sizeBytes }: Pick<SealJob, "id" | "sizeBytes">): number {
    const isFile = id !== undefined && !this.#bytes.has(id);
    const stat = isFile && statSync(this.#stagingPath(id), { throwIfNoEntry: false });
    return stat ? stat.blocks : smallBlocks(sizeBytes);
  }

  #stagingPath(id: StagingId): string {
    return stagingPath(this.#layout, id);
  }

  /**
   * Whether a content is there already, so that the bytes at hand needn't be kept. One that is known to be damaged,
   * can't be read, or has other bytes than its name says counts as missing: those at hand are good.
   */
  async #isPresent({ hash, sizeBytes, isReplacement = false }: SealJob): Promise<boolean> {
    if (isReplacement) return false;
    const path = casPath(this.#layout, hash);
    if (statSync(path, { throwIfNoEntry: false })?.size !== sizeBytes) return false;
    if (sizeBytes > MOST_READ_AGAIN_BYTES) return true;
    try {
      return (await hashFile(path)) === hash;
    } catch (error) {
      const { kind } = fsError(error, { op: "read", path });
      if (kind === "too-many-open-files" || kind === "out-of-memory") throw error;
      return false;
    }
  }

  /** The file with the bytes, read-only. What has no file yet gets one. */
  async #prepare({ id, hash, sizeBytes, isDoubtful }: SealJob): Promise<ToSync> {
    const bytes = id === undefined ? NOTHING : this.#bytes.get(id);
    if (id !== undefined && bytes === undefined) {
      const path = this.#stagingPath(id);
      requireSize(statSync(path).size, { sizeBytes, of: path });
      if (isDoubtful) return { path: await this.#copyAnew(id, hash) };
      chmodSync(path, SEALED_MODE);
      return { path, id };
    }
    const path = this.#newPath(hash);
    requireSize((bytes ?? NOTHING).length, { sizeBytes, of: path });
    rmSync(path, { force: true });
    writeFileSync(path, bytes ?? NOTHING, { mode: SEALED_MODE });
    // Also under a umask that leaves out more.
    chmodSync(path, SEALED_MODE);
    return { path };
  }

  /**
   * The bytes of a staging file in a new one, if they are still those that were hashed. Written, not
   * cloned: the new file must not share what the disk may have got wrong.
   */
  async #copyAnew(id: StagingId, hash: ContentHash): Promise<string> {
    const path = this.#newPath(hash);
    rmSync(path, { force: true });
    const from = openSync(this.#stagingPath(id), "r");
    try {
      const to = openSync(path, "wx", SEALED_MODE);
      try {
        fchmodSync(to, SEALED_MODE);
        const found = await this.#copyChunks(from, to);
        if (found === hash) return path;
      } finally {
        closeSync(to);
      }
    } finally {
      closeSync(from);
    }
    throw lostBytes(this.#stagingPath(id));
  }

  /** Copies all of a file, but for holes, and returns the hash. */
  async #copyChunks(from: number, to: number): Promise<ContentHash> {
    const hash = createHash("sha256");
    const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    let offset = 0;
    for (let chunk = 1; ; chunk++) {
      const bytes = buffer.subarray(0, readSync(from, buffer, 0, CHUNK_BYTES, offset));
      if (bytes.length === 0) break;
      hash.update(bytes);
      if (!bytes.equals(ZEROS.subarray(0, bytes.length))) writeAt(to, { from: bytes, offset });
      offset += bytes.length;
      if (chunk % CHUNKS_A_TURN === 0) await setImmediate();
    }
    ftruncateSync(to, offset);
    return hash.digest("hex") as ContentHash;
  }

  /** Where a content is written that has no staging file. */
  #newPath(hash: ContentHash): string {
    return `${this.#layout.stagingDirectory}/${hash}${UNFINISHED}`;
  }

  async #hashFile(id: StagingId, run: number): Promise<ContentHash | undefined> {
    const path = this.#stagingPath(id);
    try {
      return await hashFile(path, { isWanted: () => this.#hashing.get(id) === run });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw fsError(error, { op: "hash", path });
    }
  }

  /** Puts one content to where its hash says; notes the directories that changed by it. */
  #place({ id, hash, isDoubtful }: SealJob, changed: Set<string>): void {
    const target = casPath(this.#layout, hash);
    const leaf = dirname(target);
    if (makeDirectories(leaf, { mode: 0o700 }))
      changed.add(dirname(leaf)).add(this.#layout.casDirectory);
    changed.add(leaf);
    if (id === undefined || isDoubtful || this.#bytes.has(id)) {
      // Two of a batch may have the same bytes: then the first one has moved it.
      if (existsSync(this.#newPath(hash))) renameSync(this.#newPath(hash), target);
    } else {
      linkOrCopy(this.#stagingPath(id), target);
    }
    this.#failpoints.reach("blob-linked");
  }
}

/** What is wrong with a file of ours isn't told as if the caller had named it. */
function sealFailure(error: unknown, { casDirectory }: Layout): NexusError {
  const op = "seal contents";
  const failure = fsError(error, { op });
  const reasons: Partial<Record<ErrorKind, string>> = {
    "not-found": "the bytes of a content to be sealed are gone",
    "cross-zone": `a directory below ${casDirectory} is on another file system, where nothing can be sealed: have it here again`,
  };
  const reason = reasons[failure.kind];
  return reason === undefined
    ? failure
    : new NexusError("io-failure", reason, { op, cause: error });
}

/** A row with another size than its blob's would be damage for good, so there won't be one. */
function requireSize(size: number, { sizeBytes, of }: { sizeBytes: number; of: string }): void {
  if (size === sizeBytes) return;
  const message = `${of} has ${size} bytes, and its metadata would say ${sizeBytes}`;
  throw new NexusError("io-failure", message, { op: "seal contents", path: of });
}

/**
 * Another name for the same bytes; what has that name is of the wrong size, and goes. Not every file
 * system has hard links: then the bytes are copied, and synced here.
 */
function linkOrCopy(from: string, to: string): void {
  const copy = `${from}${UNFINISHED}`;
  rmSync(copy, { force: true });
  try {
    linkSync(from, copy);
    renameSync(copy, to);
    // Renaming onto another name of the same file does nothing, and leaves both.
    rmSync(copy, { force: true });
  } catch (error) {
    if (!canOnlyBeCopied(error)) throw error;
    copyFileSync(from, copy);
    const fd = openSync(copy, "r");
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(copy, to);
  }
}

function hashOf(bytes: Uint8Array): ContentHash {
  return createHash("sha256").update(bytes).digest("hex") as ContentHash;
}

/** One that can't be removed is reported when the others are gone. */
function forAll<T extends string>(names: readonly T[], remove: (name: T) => void): void {
  let failure: NexusError | undefined;
  for (const name of names) {
    try {
      remove(name);
    } catch (error) {
      failure ??= fsError(error, { op: "remove", path: name });
    }
  }
  if (failure !== undefined) throw failure;
}
