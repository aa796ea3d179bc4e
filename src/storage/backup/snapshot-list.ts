import { statSync } from "node:fs";
import { join } from "node:path";
import { namesIn } from "../../libc/directories.js";
import { fsError } from "../../libc/system-error.js";
import type { NexusError } from "../../model/errors.js";
import { type BackupLayout, MANIFEST_NAME, snapshotPath } from "./backup-layout.js";
import { readSnapshotManifest, type SnapshotManifest } from "./manifest.js";

export interface Snapshot {
  readonly id: string;
  readonly manifest: SnapshotManifest;
  /** Somebody gave it a name: it is restored by that, and neither the newest one nor removed. */
  readonly isRenamed: boolean;
}

/** What has the place of a snapshot, and doesn't say what it is: damaged, of a newer program, or not ours. */
export interface UnreadableSnapshot extends Pick<Snapshot, "id" | "isRenamed"> {
  readonly path: string;
  readonly failure: NexusError;
}

/** Oldest first: by the time that its name says, or of one that was renamed its manifest. */
export interface Snapshots {
  readonly readable: readonly Snapshot[];
  readonly unreadable: readonly UnreadableSnapshot[];
}

/** What there is in a directory of backups. */
export function snapshotsIn(layout: BackupLayout): Snapshots {
  const readable: Snapshot[] = [];
  const unreadable: UnreadableSnapshot[] = [];
  for (const id of idsIn(layout)) {
    const path = snapshotPath(layout, id);
    const named = { id, isRenamed: timeOf(id) === undefined };
    try {
      readable.push({ ...named, manifest: readSnapshotManifest(join(path, MANIFEST_NAME)) });
    } catch (error) {
      unreadable.push({ ...named, path, failure: fsError(error, { op: "read", path }) });
    }
  }
  const msOf = ({ id, manifest }: Snapshot) => timeOf(id) ?? Date.parse(manifest.takenAt);
  return { readable: readable.sort((one, other) => msOf(one) - msOf(other)), unreadable };
}

/** The one that was made last, whether it can be read or not. */
export function newestOf({ readable, unreadable }: Snapshots): string | undefined {
  const dated = [...readable, ...unreadable].flatMap(({ id }) => {
    const ms = timeOf(id);
    return ms === undefined ? [] : [{ id, ms }];
  });
  return dated.sort((one, other) => one.ms - other.ms).at(-1)?.id;
}

/** The name of a snapshot of this moment, which comes after all that there are, whatever the clock says. */
export function nextSnapshotId({ snapshotsDirectory }: BackupLayout, nowMs: number): string {
  const times = namesIn(snapshotsDirectory).flatMap((id) => timeOf(id) ?? []);
  return idOf(Math.max(nowMs, ...times.map((ms) => ms + 1)));
}

/** In the order of their names. */
function idsIn({ snapshotsDirectory }: BackupLayout): string[] {
  return namesIn(snapshotsDirectory)
    .filter((name) => !isFile(join(snapshotsDirectory, name)))
    .sort();
}

/** What can't be looked at (a loop of symlinks, say) may be anything. */
function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
  } catch {
    return false; // reading its manifest fails for the same reason, which is told
  }
}

/** `2026-01-31T12-00-00.123Z`: ISO 8601 as far as the name of a file may have it anywhere. */
function idOf(ms: number): string {
  return new Date(ms).toISOString().replaceAll(":", "-");
}

/** Undefined for a name that isn't one of ours: it may be read as any time. */
function timeOf(id: string): number | undefined {
  const ms = Date.parse(id.replace(/T(\d\d)-(\d\d)-/, "T$1:$2:"));
  return !Number.isNaN(ms) && idOf(ms) === id ? ms : undefined;
}
