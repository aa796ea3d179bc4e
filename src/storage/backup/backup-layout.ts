import { join } from "node:path";
import { type Layout, layoutOf } from "../content/local/layout.js";

// A directory of backups:
//
//   backup.json                     that it is one, and of which store: written before all else
//   swept.json                      the snapshots that were there when nothing else was named in cas/: see `swept-note.ts`
//   lock                            held by who writes here, or by those who read
//   cas/ab/cd/<hash>                the contents of all snapshots, each once
//   snapshots/<id>/metadata.db      the database of one moment, in which nothing is staged
//   snapshots/<id>/backup.json      what it has: see `manifest.ts`
//   snapshots/<id>/cas -> ../../cas so that a copy of a snapshot, links followed, is a data directory
//   damaged/<hash>                  what a content became that was read and isn't what it was: no snapshot has it
//   damaged/<hash>.directory        a directory that was in the place of a content; others have a number, too
//   incoming/                       what isn't finished; nothing in it counts

/** In the directory of backups, and in each snapshot. */
export const MANIFEST_NAME = "backup.json";
export const DATABASE_NAME = "metadata.db";
export const SWEPT_NAME = "swept.json";

export interface BackupLayout extends Layout {
  readonly manifest: string;
  readonly snapshotsDirectory: string;
  readonly incomingDirectory: string;
  readonly damagedDirectory: string;
  readonly sweptNote: string;
}

export function backupLayoutOf(directory: string): BackupLayout {
  return {
    ...layoutOf(directory),
    manifest: join(directory, MANIFEST_NAME),
    snapshotsDirectory: join(directory, "snapshots"),
    incomingDirectory: join(directory, "incoming"),
    damagedDirectory: join(directory, "damaged"),
    sweptNote: join(directory, SWEPT_NAME),
  };
}

export function snapshotPath({ snapshotsDirectory }: BackupLayout, id: string): string {
  return join(snapshotsDirectory, id);
}
