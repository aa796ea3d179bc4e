import type { StagingId } from "../../model/ids.js";
import type { StagedBytes } from "../content/content-store.js";

export type { StagedBytes } from "../content/content-store.js";

/**
 * A store that is backed up while its owner, who may be another process, goes on with it. Its files are read as
 * they lie there; the owner keeps them until {@link letGo}, or {@link close}.
 */
export interface BackupSource {
  readonly dataDir: string;
  readonly databasePath: string;
  /** Aborts when the owner doesn't keep anything any more, with why; that may be that it was told so. */
  readonly lost: AbortSignal;
  /** Staged contents, of those ids that rows have at the moment of the snapshot, which has come when this is asked. */
  stagedBytes(ids: readonly StagingId[]): Promise<readonly StagedBytes[]>;
  /** Staged contents needn't be kept any longer: until then none that was closed at that moment changes. */
  letStagedGo(): Promise<void>;
  /** Nothing needs to be kept any longer. */
  letGo(): void;
  close(): Promise<void>;
}
