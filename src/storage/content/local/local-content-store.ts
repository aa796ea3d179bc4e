import { mkdirSync, readdirSync, statfsSync, statSync } from "node:fs";
import { fsError } from "../../../libc/system-error.js";
import type { ContentHash, StagingId } from "../../../model/ids.js";
import type { MaybePromise } from "../../../model/maybe-promise.js";
import type { SealedContent } from "../../metadata/metadata-store.js";
import type {
  Capacity,
  ContentReader,
  ContentStore,
  SealRequest,
  StagingFile,
  StagingStat,
} from "../content-store.js";
import type { ContentJobs } from "./content-jobs.js";
import { casPath, type Layout, stagingPath } from "./layout.js";
import { LocalContentReader, LocalStagingFile, stagingStat } from "./local-file.js";

/** Up to here a copy is made at once (about a millisecond); above, on the thread pool. */
const COPY_AT_ONCE_BYTES = 1024 * 1024;

/** Contents in a local directory: `cas/` for the sealed ones, `staging/` for the others. */
export class LocalContentStore implements ContentStore {
  readonly #layout: Layout;
  readonly #jobs: ContentJobs;

  /** Makes the directories that are missing. */
  constructor({ layout, jobs }: { layout: Layout; jobs: ContentJobs }) {
    this.#layout = layout;
    this.#jobs = jobs;
    try {
      mkdirSync(layout.casDirectory, { recursive: true, mode: 0o700 });
      mkdirSync(layout.stagingDirectory, { recursive: true, mode: 0o700 });
    } catch (error) {
      throw fsError(error, { op: "make directories", path: layout.root });
    }
  }

  open({ hash, sizeBytes }: { hash: ContentHash; sizeBytes: number }): ContentReader {
    return new LocalContentReader(casPath(this.#layout, hash), sizeBytes);
  }

  createStaging(id: StagingId): StagingFile {
    return this.#create(id);
  }

  openStaging(id: StagingId): StagingFile {
    return new LocalStagingFile(stagingPath(this.#layout, id), { id, create: false });
  }

  statStaging(id: StagingId): StagingStat | undefined {
    const stat = statSync(stagingPath(this.#layout, id), { throwIfNoEntry: false });
    return stat === undefined ? undefined : stagingStat(stat);
  }

  stagingIds(): StagingId[] {
    return readdirSync(this.#layout.stagingDirectory)
      .filter((name) => /^\d+$/.test(name))
      .map((name) => Number(name) as StagingId);
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
    const file = this.#create(id);
    try {
      if (lengthBytes > COPY_AT_ONCE_BYTES && file.cloneFrom(source)) {
        file.truncate(lengthBytes);
        return file;
      }
      file.truncate(lengthBytes);
      if (lengthBytes > COPY_AT_ONCE_BYTES) {
        return copyLater({ source, file, lengthBytes }).then(
          () => file,
          (error) => this.#abandon(file, error),
        );
      }
      for (const span of dataSpans(source, lengthBytes)) file.copyFrom({ source, ...span });
      return file;
    } catch (error) {
      return this.#abandon(file, error);
    }
  }

  async hash(ids: readonly StagingId[]): Promise<ReadonlyMap<StagingId, ContentHash>> {
    return new Map(await this.#jobs.hash(ids));
  }

  cancelHash(id: StagingId): void {
    this.#jobs.cancelHash(id);
  }

  seal(requests: readonly SealRequest[]): Promise<SealedContent[]> {
    return this.#jobs.seal(requests);
  }

  discardStaging(ids: readonly StagingId[]): Promise<void> {
    return this.#jobs.discardStaging(ids);
  }

  remove(hashes: readonly ContentHash[]): Promise<void> {
    return this.#jobs.remove(hashes);
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

  close(): Promise<void> {
    return this.#jobs.close();
  }

  #create(id: StagingId): LocalStagingFile {
    return new LocalStagingFile(stagingPath(this.#layout, id), { id, create: true });
  }

  #abandon(file: LocalStagingFile, error: unknown): never {
    file.close();
    this.#jobs.discardStaging([file.id]).catch(() => undefined);
    throw error;
  }
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

async function copyLater({
  source,
  file,
  lengthBytes,
}: {
  source: ContentReader;
  file: LocalStagingFile;
  lengthBytes: number;
}): Promise<void> {
  for (const span of dataSpans(source, lengthBytes)) await file.copyFromLater({ source, ...span });
}
