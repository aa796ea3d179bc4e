import { readdirSync, rmSync, statfsSync, statSync } from "node:fs";
import { join } from "node:path";
import { makeDirectories } from "../../../libc/directories.js";
import { syncPath } from "../../../libc/durability.js";
import { fsError } from "../../../libc/system-error.js";
import type { Clock } from "../../../model/clock.js";
import { NexusError } from "../../../model/errors.js";
import { type Failpoints, NO_FAILPOINTS } from "../../../model/failpoint.js";
import { type ContentHash, isContentHash, type StagingId } from "../../../model/ids.js";
import type { MaybePromise } from "../../../model/maybe-promise.js";
import type { SealedContent } from "../../metadata/metadata-store.js";
import type {
  Capacity,
  ContentReader,
  ContentStore,
  Needless,
  NeedlessFound,
  SealRequest,
  StagingFile,
  StagingStat,
  Verification,
  Verified,
} from "../content-store.js";
import type { ContentJobs } from "./content-jobs.js";
import { FailedSync, lostBytes } from "./failed-sync.js";
import { casPath, type Layout, stagingPath, UNFINISHED } from "./layout.js";
import { LocalContentReader } from "./local-content-reader.js";
import { LocalStagingFile, stagingStat } from "./local-staging-file.js";
import type { SmallContent } from "./small-content.js";
import { SmallContents } from "./small-contents.js";
import { SmallStagingFile, smallStat } from "./small-staging-file.js";
import { StagingLog } from "./staging-log.js";

/** Up to here a copy is made at once (about a millisecond); above, on the thread pool. */
const COPY_AT_ONCE_BYTES = 1024 * 1024;

/**
 * Contents in a local directory: `cas/` for the sealed ones, `staging/` for the others: a file each,
 * or, as long as they are small, in memory and in a log.
 */
export class LocalContentStore implements ContentStore {
  readonly #layout: Layout;
  readonly #jobs: ContentJobs;
  readonly #failpoints: Failpoints;
  readonly #small: SmallContents;
  /** The staging files whose names would survive a power failure. */
  readonly #durableEntries = new Set<StagingId>();
  /**
   * The staging files of which a sync failed; until they are gone, no sync vouches for them again. With
   * the hash that they were to be sealed by, if there was one: what is read from the disk later may have
   * another one, and that is damage.
   */
  readonly #doubtful = new Map<StagingId, ContentHash | undefined>();

  /** Makes the directories that are missing, and brings back what the log has. */
  constructor({
    layout,
    jobs,
    clock,
    failpoints = NO_FAILPOINTS,
  }: {
    layout: Layout;
    jobs: ContentJobs;
    clock: Clock;
    failpoints?: Failpoints;
  }) {
    this.#layout = layout;
    this.#jobs = jobs;
    this.#failpoints = failpoints;
    try {
      makeDirectories(layout.casDirectory, { mode: 0o700 });
      makeDirectories(layout.stagingDirectory, { mode: 0o700 });
      requireOneFileSystem(layout);
      // What is synced in them is of no use without their names, which a dead process may not have come to sync.
      syncPath(layout.root);
      const log = new StagingLog(layout.stagingDirectory, { failpoints });
      this.#small = new SmallContents({ log, clock, failpoints });
      this.#removeUnfinished();
    } catch (error) {
      throw fsError(error, { op: "open contents", path: layout.root });
    }
  }

  open({ hash, sizeBytes }: { hash: ContentHash; sizeBytes: number }): ContentReader {
    return new LocalContentReader(casPath(this.#layout, hash), sizeBytes);
  }

  statSealed(hash: ContentHash): SealedContent | undefined {
    if (!isContentHash(hash)) return undefined;
    const stat = statSync(casPath(this.#layout, hash), { throwIfNoEntry: false });
    if (stat === undefined || !stat.isFile()) return undefined;
    return { hash, sizeBytes: stat.size, blocks: stat.blocks };
  }

  createStaging(id: StagingId): StagingFile {
    return this.#small.hasRoomFor(0) ? this.#openSmall(this.#small.create(id)) : this.#create(id);
  }

  openStaging(id: StagingId): StagingFile {
    const small = this.#small.get(id);
    if (small !== undefined) return this.#openSmall(small);
    return this.#file(id, { create: false });
  }

  statStaging(id: StagingId): StagingStat | undefined {
    const small = this.#small.get(id);
    if (small !== undefined) return smallStat(small);
    const stat = statSync(stagingPath(this.#layout, id), { throwIfNoEntry: false });
    return stat === undefined ? undefined : stagingStat(stat);
  }

  stagingIds(): StagingId[] {
    const files = readdirSync(this.#layout.stagingDirectory)
      .filter((name) => /^\d+$/.test(name))
      .map((name) => Number(name) as StagingId);
    return [...this.#small.ids, ...files];
  }

  copyUp({
    source,
    id,
    lengthBytes,
  }: {
    source: ContentReader;
    id: StagingId;
    lengthBytes: number;
  }): MaybePromise<StagingFile> {
    // One record of the log, which is there whole or not at all.
    if (this.#small.hasRoomFor(lengthBytes)) return this.#copySmall({ source, id, lengthBytes });
    const file = this.#create(id);
    return copyDurably({ source, file, lengthBytes }).then(
      () => file,
      (error) => this.#abandon(file, error),
    );
  }

  async hash(ids: readonly StagingId[]): Promise<ReadonlyMap<StagingId, ContentHash>> {
    const sources = ids.map((id) => {
      const small = this.#small.get(id);
      return { id, bytes: small?.bytes };
    });
    return new Map(await this.#jobs.hash(sources));
  }

  cancelHash(id: StagingId): void {
    this.#jobs.cancelHash(id);
  }

  async seal(requests: readonly SealRequest[]): Promise<SealedContent[]> {
    const jobs = requests.map((request) => ({ ...request, isDoubtful: this.#isDoubtful(request) }));
    try {
      return await this.#jobs.seal(jobs);
    } catch (error) {
      const failed = new Set(error instanceof FailedSync ? error.ids : []);
      for (const { id, hash } of requests) {
        if (id !== undefined && failed.has(id)) this.#doubtful.set(id, hash);
      }
      throw error;
    }
  }

  async discardStaging(ids: readonly StagingId[]): Promise<void> {
    const files = ids.filter((id) => !this.#small.discard(id));
    for (const id of files) this.#forgetFile(id);
    if (files.length > 0) await this.#jobs.discardStaging(files);
  }

  remove(hashes: readonly ContentHash[]): Promise<void> {
    return this.#jobs.remove(hashes);
  }

  sealedIn(directory: number): Promise<ContentHash[]> {
    return this.#jobs.sealedIn(directory);
  }

  handleNeedless(request: Needless): Promise<NeedlessFound> {
    return this.#jobs.handleNeedless(request);
  }

  verify(request: Verification): Promise<Verified> {
    return this.#jobs.verify(request);
  }

  cancelVerify(): void {
    this.#jobs.cancelVerify();
  }

  capacity(): Capacity {
    const { bsize, blocks, bfree, bavail, ffree } = statfsSync(this.#layout.root);
    return {
      blockBytes: bsize,
      blocks,
      blocksFree: bfree,
      blocksAvailable: bavail,
      filesFree: ffree,
    };
  }

  async close(): Promise<void> {
    this.#small.close();
    await this.#jobs.close();
  }

  #openSmall(content: SmallContent): SmallStagingFile {
    return new SmallStagingFile({
      contents: this.#small,
      content,
      makeFile: (id) => this.#create(id),
      removeFile: (id) => this.#removeFile(id),
    });
  }

  #copySmall({
    source,
    id,
    lengthBytes,
  }: {
    source: ContentReader;
    id: StagingId;
    lengthBytes: number;
  }): SmallStagingFile {
    const data = Buffer.allocUnsafe(lengthBytes);
    const count = source.read({ into: data, offset: 0 });
    const content = this.#small.create(id);
    // Its bytes were durable where they come from, and must not be at risk when it becomes a file.
    content.isPromised = true;
    try {
      this.#small.apply(content, { kind: "snapshot", data: data.subarray(0, count) });
    } catch (error) {
      this.#small.discard(id);
      throw error;
    }
    return this.#openSmall(content);
  }

  /** What a crash left half-made: files of contents that the log still has, and of seals. */
  #removeUnfinished(): void {
    const { stagingDirectory } = this.#layout;
    for (const id of this.#small.ids) rmSync(stagingPath(this.#layout, id), { force: true });
    for (const name of readdirSync(stagingDirectory)) {
      if (name.endsWith(UNFINISHED)) rmSync(join(stagingDirectory, name), { force: true });
    }
  }

  /** Errors: `io-failure` when a doubtful one has other bytes than it had at the first try. */
  #isDoubtful({ id, hash }: SealRequest): boolean {
    if (id === undefined || !this.#doubtful.has(id)) return false;
    const first = this.#doubtful.get(id) ?? hash;
    this.#doubtful.set(id, first);
    if (first === hash) return true;
    throw lostBytes(stagingPath(this.#layout, id));
  }

  #create(id: StagingId): LocalStagingFile {
    this.#forgetFile(id);
    return this.#file(id, { create: true });
  }

  #file(id: StagingId, { create }: { create: boolean }): LocalStagingFile {
    return new LocalStagingFile(stagingPath(this.#layout, id), {
      id,
      create,
      durableEntries: this.#durableEntries,
      doubtful: this.#doubtful,
      syncSpill: (spilled) => this.#small.syncSpill(spilled),
      failpoints: this.#failpoints,
    });
  }

  /** Of a spill that failed. What can't be removed is removed at the next start. */
  #removeFile(id: StagingId): void {
    this.#forgetFile(id);
    try {
      rmSync(stagingPath(this.#layout, id), { force: true });
    } catch {
      // The log has the content, and tells the next start so.
    }
  }

  #forgetFile(id: StagingId): void {
    this.#durableEntries.delete(id);
    this.#doubtful.delete(id);
  }

  #abandon(file: LocalStagingFile, error: unknown): never {
    file.close();
    this.discardStaging([file.id]).catch(() => undefined);
    throw error;
  }
}

/** Errors: `not-supported`. A content is sealed by a link, and the two are synced as one. */
function requireOneFileSystem({ root, casDirectory, stagingDirectory }: Layout): void {
  if (statSync(casDirectory).dev === statSync(stagingDirectory).dev) return;
  throw new NexusError(
    "not-supported",
    `${casDirectory} and ${stagingDirectory} are on different file systems, and have to be on one: have the whole data directory on the larger disk; only the database may be elsewhere (db_path)`,
    { path: root },
  );
}

/** The spans of the first `lengthBytes` that hold data: what is left out are holes. */
function* dataSpans(
  source: ContentReader,
  lengthBytes: number,
): Generator<{ offset: number; toOffset: number; length: number }> {
  for (let at = 0; at < lengthBytes; ) {
    const start = source.seek({ offset: at, to: "data" });
    if (start === undefined || start >= lengthBytes) return;
    at = Math.min(source.seek({ offset: start, to: "hole" }) ?? lengthBytes, lengthBytes);
    yield { offset: start, toOffset: start, length: at - start };
  }
}

/** Copies, and makes the copy durable: a file that nobody synced could come back shorter. */
async function copyDurably({
  source,
  file,
  lengthBytes,
}: {
  source: ContentReader;
  file: LocalStagingFile;
  lengthBytes: number;
}): Promise<void> {
  const isCloned = file.cloneFrom(source);
  file.truncate(lengthBytes);
  if (!isCloned) {
    const isLong = lengthBytes > COPY_AT_ONCE_BYTES;
    for (const span of dataSpans(source, lengthBytes)) {
      if (isLong) await file.copyFromLater({ source, ...span });
      else file.copyFrom({ source, ...span });
    }
  }
  await file.sync();
}
