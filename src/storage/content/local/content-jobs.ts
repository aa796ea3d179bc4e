import type { ContentHash, StagingId } from "../../../model/ids.js";
import type { SealedContent } from "../../metadata/metadata-store.js";
import type {
  Needless,
  NeedlessFound,
  SealRequest,
  Verification,
  Verified,
} from "../content-store.js";

/**
 * The slow part of a content store: what takes long, or syncs, and so must not run on the serving
 * thread. Plain data in and out, so that it can run on another one. The promises mean what
 * `ContentStore` says of the methods of the same name.
 */
export interface ContentJobs {
  /**
   * The bytes that come along are kept until the next call, so that `seal` has them; the others are
   * in staging files.
   */
  hash(sources: readonly HashSource[]): Promise<[StagingId, ContentHash][]>;
  cancelHash(id: StagingId): void;
  /** Errors: a `FailedSync` says of which staging files nobody knows any more what the disk has. */
  seal(requests: readonly SealJob[]): Promise<SealedContent[]>;
  discardStaging(ids: readonly StagingId[]): Promise<void>;
  remove(hashes: readonly ContentHash[]): Promise<void>;
  sealedIn(directory: number): Promise<ContentHash[]>;
  handleNeedless(request: Needless): Promise<NeedlessFound>;
  verify(request: Verification): Promise<Verified>;
  cancelVerify(): void;
  close(): Promise<void>;
}

export interface SealJob extends SealRequest {
  /** A sync of its staging file failed: then only a copy of it can be made durable. */
  readonly isDoubtful?: boolean;
}

export interface HashSource {
  readonly id: StagingId;
  /** A small content, which has no file. Copied before the call returns. */
  readonly bytes: Uint8Array | undefined;
}
