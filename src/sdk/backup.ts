import { resolve } from "node:path";
import type { Config } from "../config/config.js";
import { isKind } from "../model/errors.js";
import { BackupDirectory } from "../storage/backup/backup-directory.js";
import { placeOfBackups, type Surroundings } from "../storage/backup/backup-place.js";
import type { BackupSource } from "../storage/backup/backup-source.js";
import { type PruneResult, pruneSnapshots } from "../storage/backup/prune-snapshots.js";
import {
  type BackupOptions,
  type BackupResult,
  writeBackup,
} from "../storage/backup/write-backup.js";
import type { Patience } from "../storage/data-dir-lock.js";
import { version } from "../telemetry/version.js";
import { holdDaemonStore } from "./daemon-backup.js";
import type { ControlClient } from "./daemon-control.js";
import { openStore } from "./open-store.js";
import { keptAwake } from "./operations.js";

export type { Lacking } from "../storage/backup/prune-snapshots.js";
export type { Amount, BackupResult, Damage } from "../storage/backup/write-backup.js";
export type { Patience } from "../storage/data-dir-lock.js";

export interface BackupRequest
  extends Pick<BackupOptions, "verify" | "keep" | "signal" | "onPlan" | "onProgress"> {
  /** Of the store. */
  readonly config: Config;
  /** Where backups go, on the host; its parent is there. */
  readonly directory: string;
  readonly mounts: Surroundings["mounts"];
  /** Reaches the daemon of a data directory; undefined when there is none. */
  readonly control: (dataDir: string) => Promise<ControlClient | undefined>;
  /** How to wait for a store that another process has. */
  readonly patience: Patience;
}

/**
 * Makes a snapshot of a store in a directory of backups: beside its daemon, which goes on, or of a store that
 * nobody has open. Errors: those of `writeBackup`, of opening either, and of the place.
 */
export async function backUp(request: BackupRequest): Promise<BackupResult> {
  // A store that this process has open keeps nobody awake.
  return await keptAwake(backUpTo(resolve(request.directory), request));
}

/** Removes old snapshots from a directory of backups. Errors: those of `pruneSnapshots`, and of opening it. */
export async function pruneBackups({
  directory: path,
  ...options
}: {
  readonly directory: string;
  readonly keep: number;
  readonly signal: AbortSignal;
}): Promise<PruneResult> {
  const directory = await BackupDirectory.openToPrune(resolve(path));
  try {
    return await pruneSnapshots(directory, options);
  } finally {
    directory.close();
  }
}

async function backUpTo(path: string, request: BackupRequest): Promise<BackupResult> {
  const { config, mounts, verify, keep, signal, onPlan, onProgress } = request;
  const place = placeOfBackups(path, { dataDir: config.dataDir, mounts });
  const directory = await BackupDirectory.openToWrite(place);
  try {
    const source = await openSource(request);
    try {
      return await writeBackup({
        ...{ source, directory, verify, keep, signal, onPlan, onProgress },
        version: version(),
        nowMs: () => Date.now(),
      });
    } finally {
      await source.close();
    }
  } finally {
    directory.close();
  }
}

async function openSource({
  config,
  control,
  patience,
  signal,
  directory,
}: BackupRequest): Promise<BackupSource> {
  const holding = { purpose: `a backup to ${directory}`, signal };
  const client = await control(config.dataDir);
  if (client !== undefined) return await holdDaemonStore(client, holding);
  try {
    return await holdOwnStore(config, patience);
  } catch (error) {
    if (!isKind(error, "in-use")) throw error;
    // A daemon may have come first.
    const late = await control(config.dataDir);
    if (late === undefined) throw error;
    return await holdDaemonStore(late, holding);
  }
}

/** A store that this process opens, which nobody else has then. */
async function holdOwnStore(config: Config, patience: Patience): Promise<BackupSource> {
  const { nexus, release } = await openStore(config, patience);
  const hold = nexus.hold();
  try {
    await hold.begin();
  } catch (error) {
    hold.end();
    await release();
    throw error;
  }
  return {
    dataDir: config.dataDir,
    databasePath: config.dbPath,
    lost: new AbortController().signal,
    stagedBytes: async (ids) => hold.stagedBytes(ids),
    letStagedGo: async () => hold.letStagedGo(),
    letGo: () => hold.end(),
    close: async () => {
      hold.end();
      await release();
    },
  };
}
