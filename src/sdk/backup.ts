import { realpathSync } from "node:fs";
import { resolve, sep } from "node:path";
import type { Config } from "../config/config.js";
import { isKind, NexusError } from "../model/errors.js";
import { BackupDirectory } from "../storage/backup/backup-directory.js";
import type { BackupSource } from "../storage/backup/backup-source.js";
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

export type { Amount, BackupResult, Damage } from "../storage/backup/write-backup.js";
export type { Patience } from "../storage/data-dir-lock.js";

export interface BackupRequest
  extends Pick<BackupOptions, "verify" | "keep" | "signal" | "onPlan" | "onProgress"> {
  /** Of the store. */
  readonly config: Config;
  /** Where backups go, on the host. */
  readonly directory: string;
  /** Reaches the daemon of a data directory; undefined when there is none. */
  readonly control: (dataDir: string) => Promise<ControlClient | undefined>;
  /** How to wait for a store that another process has. */
  readonly patience: Patience;
}

/**
 * Makes a snapshot of a store in a directory of backups: beside its daemon, which goes on, or of a store that
 * nobody has open. Errors: those of `writeBackup` and of opening either.
 */
export async function backUp(request: BackupRequest): Promise<BackupResult> {
  // A store that this process has open keeps nobody awake.
  return await keptAwake(backUpTo(resolve(request.directory), request));
}

async function backUpTo(path: string, request: BackupRequest): Promise<BackupResult> {
  const { config, verify, keep, signal, onPlan, onProgress } = request;
  requireOutside(path, config);
  const directory = await BackupDirectory.openToWrite(path);
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

/** Errors: `invalid-argument` for a place that goes with the store when that is lost. */
function requireOutside(path: string, { dataDir }: Config): void {
  const isWithin = `${realPath(path)}${sep}`.startsWith(`${realPath(dataDir)}${sep}`);
  if (!isWithin) return;
  throw new NexusError(
    "invalid-argument",
    `${path} is in the data directory itself; a backup belongs on another disk`,
    { path },
  );
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path; // it isn't there yet
  }
}

async function openSource({
  config,
  control,
  patience,
  signal,
}: BackupRequest): Promise<BackupSource> {
  const client = await control(config.dataDir);
  if (client !== undefined) return await holdDaemonStore(client, { signal });
  try {
    return await holdOwnStore(config, patience);
  } catch (error) {
    if (!isKind(error, "in-use")) throw error;
    // A daemon may have come first.
    const late = await control(config.dataDir);
    if (late === undefined) throw error;
    return await holdDaemonStore(late, { signal });
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
