import { join } from "node:path";
import type { Nexus } from "../../src/compose.js";
import { BackupDirectory } from "../../src/storage/backup/backup-directory.js";
import type { BackupSource } from "../../src/storage/backup/backup-source.js";
import { type RestoreResult, restoreBackup } from "../../src/storage/backup/restore-backup.js";
import {
  type BackupOptions,
  type BackupResult,
  writeBackup,
} from "../../src/storage/backup/write-backup.js";
import { testDir } from "./temp-dir.js";

// Backups of a store that this process has open, as `sdk/backup.ts` makes them of one that nobody has.

/** What may be said of a backup; the rest is as a command without options has it. */
export type Asked = Partial<Omit<BackupOptions, "source" | "directory">> & {
  /** Stands between the backup and the store. */
  readonly wrap?: (source: BackupSource) => BackupSource | Promise<BackupSource>;
};

/** Makes a snapshot of an open store. */
export async function backUp(
  { nexus, dataDir }: { nexus: Nexus; dataDir: string },
  { to, wrap = (source) => source, ...asked }: Asked & { to: string },
): Promise<BackupResult> {
  const directory = await BackupDirectory.openToWrite(to);
  const hold = nexus.hold();
  try {
    await hold.begin();
    const source: BackupSource = {
      dataDir,
      databasePath: join(dataDir, "metadata.db"),
      lost: new AbortController().signal,
      stagedBytes: async (ids) => hold.stagedBytes(ids),
      letStagedGo: async () => hold.letStagedGo(),
      letGo: () => hold.end(),
      close: async () => undefined,
    };
    return await writeBackup({
      ...{ source: await wrap(source), directory, verify: false, version: "1.2.3" },
      nowMs: () => Date.now(),
      signal: new AbortController().signal,
      onPlan: () => undefined,
      onProgress: () => undefined,
      ...asked,
    });
  } finally {
    hold.end();
    directory.close();
  }
}

/** Makes a data directory of a snapshot: of the newest one if it isn't named. */
export async function restore(
  from: string,
  {
    snapshot,
    dataDir = join(testDir(), "restored"),
    databasePath = join(dataDir, "metadata.db"),
    onPlan = () => undefined,
  }: {
    readonly snapshot?: string;
    readonly dataDir?: string;
    readonly databasePath?: string;
    readonly onPlan?: () => void | Promise<void>;
  } = {},
): Promise<RestoreResult & { readonly dataDir: string }> {
  const directory = await BackupDirectory.openToRead(from);
  try {
    const result = await restoreBackup({
      ...{ directory, snapshot, dataDir, databasePath, onPlan },
      signal: new AbortController().signal,
      onProgress: () => undefined,
    });
    return { ...result, dataDir };
  } finally {
    directory.close();
  }
}
