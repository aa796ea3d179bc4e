import { mkdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { makeDirectories } from "../../libc/directories.js";
import { replaceDurably, syncPath } from "../../libc/durability.js";
import { refusal } from "../../libc/refusal.js";
import { fsError } from "../../libc/system-error.js";
import { type ErrorKind, isKind, NexusError } from "../../model/errors.js";
import { DataDirLock, type Patience } from "../data-dir-lock.js";
import {
  type BackupLayout,
  backupLayoutOf,
  DATABASE_NAME,
  MANIFEST_NAME,
  snapshotPath,
} from "./backup-layout.js";
import { requireEmpty } from "./empty-directory.js";
import {
  type DirectoryManifest,
  manifestText,
  readDirectoryManifest,
  type SnapshotManifest,
} from "./manifest.js";
import { isForLackOfRoom, noRoom } from "./no-room.js";
import { nextSnapshotId, type Snapshots, snapshotsIn } from "./snapshot-list.js";

export type { Snapshot, Snapshots, UnreadableSnapshot } from "./snapshot-list.js";

/** A snapshot that is being made, of which nobody knows yet. */
export interface Draft {
  readonly id: string;
  readonly directory: string;
  readonly databasePath: string;
}

/** The manifest while it is written: no other program makes a file of this name. */
const NEW_MANIFEST_NAME = ".nexus-backup.new";

/** Why who only reads does without a lock. */
const UNLOCKABLE: readonly ErrorKind[] = [
  "read-only",
  "access-denied",
  "no-space",
  "quota-exceeded",
];

/**
 * A directory of backups, locked. A snapshot gets its name when all that it names is durable, so there is no
 * half one; what a run that was cut short left in `incoming/` is removed by the next. The manifest comes before
 * anything else: without it nothing here is ours, whatever it is called.
 */
export class BackupDirectory {
  readonly path: string;
  readonly layout: BackupLayout;
  /** Whether it is begun just now: no run before has made a snapshot in it. */
  readonly isNew: boolean;
  readonly #lock: DataDirLock | undefined;

  private constructor(
    path: string,
    { lock, isNew = false }: { lock: DataDirLock | undefined; isNew?: boolean },
  ) {
    this.path = path;
    this.isNew = isNew;
    this.layout = backupLayoutOf(path);
    this.#lock = lock;
  }

  /**
   * Opens one to write to it; an empty or missing directory becomes one with the first snapshot. Errors: `in-use`
   * (another backup or restore is at it), `directory-not-empty` (it has something else), `corrupt`,
   * `not-supported` (of a newer program), those of the host.
   */
  static async openToWrite(path: string): Promise<BackupDirectory> {
    const layout = backupLayoutOf(path);
    requireBackupOrEmpty(path, layout);
    const held = await lock(path);
    try {
      // From here on nobody else of us changes it.
      const known = requireBackupOrEmpty(path, layout);
      const directory = new BackupDirectory(path, { lock: held, isNew: countIn(layout) === 0 });
      if (known?.isWritten !== true) directory.#writeManifest({ store: known?.store ?? null });
      makeDirectories(layout.casDirectory, { mode: 0o700 });
      makeDirectories(layout.snapshotsDirectory, { mode: 0o700 });
      rmSync(layout.incomingDirectory, { recursive: true, force: true });
      mkdirSync(layout.incomingDirectory, { mode: 0o700 });
      syncPath(path);
      return directory;
    } catch (error) {
      held.release();
      throw unusable(error, path);
    }
  }

  /**
   * Opens one to remove from it, which takes no room: its disk may be full. Errors: as above, and `not-found` when
   * there is none.
   */
  static async openToPrune(path: string): Promise<BackupDirectory> {
    requireBackup(path);
    return new BackupDirectory(path, { lock: await lock(path, { withoutNote: "hold" }) });
  }

  /** Opens one to read it. Errors: as above. */
  static async openToRead(path: string): Promise<BackupDirectory> {
    requireBackup(path);
    try {
      const held = await lock(path, { beside: "readers", withoutNote: "hold" });
      return new BackupDirectory(path, { lock: held });
    } catch (error) {
      const isFixed = error instanceof NexusError && UNLOCKABLE.includes(error.kind);
      if (!isFixed) throw error;
      // Nobody writes where we can't either, or it isn't ours to hold them up.
      return new BackupDirectory(path, { lock: undefined });
    }
  }

  snapshots(): Snapshots {
    return snapshotsIn(this.layout);
  }

  /** How many there are, whether they can be read or not. */
  countSnapshots(): number {
    return countIn(this.layout);
  }

  /** Begins a snapshot of this moment. Its id comes after all that there are, whatever the clock says. */
  begin(nowMs: number): Draft {
    const id = nextSnapshotId(this.layout, nowMs);
    const directory = join(this.layout.incomingDirectory, id);
    mkdirSync(directory, { mode: 0o700 });
    return { id, directory, databasePath: join(directory, DATABASE_NAME) };
  }

  /** Notes whose backups these are. Errors: `not-permitted` when they are another store's. */
  claim(store: string): void {
    const there = ownerOf(this.layout)?.store ?? null;
    if (there === null) this.#writeManifest({ store });
    else if (there !== store) {
      throw new NexusError(
        "not-permitted",
        `${this.path} has backups of another store; each store needs a directory of its own`,
        { path: this.path },
      );
    }
  }

  /** Makes a draft the newest snapshot. Everything that it names has to be durable. */
  publish(
    { id, directory, databasePath }: Draft,
    manifest: Omit<SnapshotManifest, "format">,
  ): void {
    replaceDurably({ directory, name: MANIFEST_NAME }, manifestText(manifest));
    linkContents(directory);
    syncPath(databasePath);
    syncPath(directory);
    renameSync(directory, snapshotPath(this.layout, id));
    syncPath(this.layout.snapshotsDirectory);
  }

  /** Durably takes away these snapshots, each as a whole; what only they name stays. Needs no room. */
  remove(ids: readonly string[]): void {
    const { incomingDirectory: out, snapshotsDirectory } = this.layout;
    for (const id of ids) {
      rmSync(out, { recursive: true, force: true });
      renameSync(snapshotPath(this.layout, id), out);
      syncPath(snapshotsDirectory);
    }
    rmSync(out, { recursive: true, force: true });
  }

  #writeManifest(manifest: Omit<DirectoryManifest, "format">): void {
    const place = { directory: this.path, name: MANIFEST_NAME, nameBefore: NEW_MANIFEST_NAME };
    replaceDurably(place, manifestText(manifest));
  }

  /** Removes what wasn't finished, as far as that can be. */
  close(): void {
    try {
      if (this.#lock !== undefined) {
        rmSync(this.layout.incomingDirectory, { recursive: true, force: true });
      }
    } catch {
      // The next run does.
    } finally {
      this.#lock?.release();
    }
  }
}

function countIn(layout: BackupLayout): number {
  const { readable, unreadable } = snapshotsIn(layout);
  return readable.length + unreadable.length;
}

/** Whose backups a directory has. */
interface Owner extends Pick<DirectoryManifest, "store"> {
  /** Whether the directory itself says so, or only its snapshots. */
  readonly isWritten: boolean;
}

/**
 * Where the manifest is damaged or gone, its snapshots say whose they are, if they all say the same: they aren't lost
 * with a few bytes beside them. Undefined for what is no directory of backups. Errors: `corrupt`, `not-supported`,
 * those of the host.
 */
function ownerOf(layout: BackupLayout): Owner | undefined {
  let failure: NexusError | undefined;
  try {
    const manifest = readDirectoryManifest(layout.manifest);
    if (manifest !== undefined) return { store: manifest.store, isWritten: true };
  } catch (error) {
    if (!isKind(error, "corrupt")) throw error;
    failure = error;
  }
  const [store, ...others] = new Set(
    snapshotsIn(layout).readable.map(({ manifest }) => manifest.store),
  );
  if (store !== undefined && others.length === 0) return { store, isWritten: false };
  if (failure !== undefined) throw failure;
  return undefined;
}

function requireBackup(path: string): void {
  if (ownerOf(backupLayoutOf(path)) !== undefined) return;
  throw new NexusError("not-found", `there is no backup at ${path}`, { path });
}

function requireBackupOrEmpty(path: string, layout: BackupLayout): Owner | undefined {
  const owner = ownerOf(layout);
  if (owner === undefined) {
    requireEmpty(path, {
      advice: "a backup needs a directory of its own",
      notCounted: [NEW_MANIFEST_NAME],
    });
  }
  return owner;
}

async function lock(
  path: string,
  options: Pick<Patience, "beside" | "withoutNote"> = {},
): Promise<DataDirLock> {
  return await DataDirLock.acquire({
    dataDir: path,
    holder: { pid: process.pid },
    called: "the directory of backups",
    advice: "choose another directory",
    ...options,
  });
}

/**
 * So that a copy of a snapshot, links followed, has its contents. Nothing else needs it, and not every file system has
 * symlinks: exFAT and vfat have none, nor need SMB and FUSE.
 */
function linkContents(snapshot: string): void {
  try {
    symlinkSync(join("..", "..", "cas"), join(snapshot, "cas"));
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (!["EPERM", "ENOTSUP", "ENOSYS"].includes(code)) throw error;
  }
}

function unusable(error: unknown, path: string): NexusError {
  if (isForLackOfRoom(fsError(error, { op: "open", path }))) return noRoom(error, path);
  const what = `${path} can't be used for a backup`;
  return refusal(error, { what, advice: "choose another directory", path });
}
