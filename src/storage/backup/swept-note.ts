import { existsSync, readFileSync, rmSync } from "node:fs";
import { namesIn } from "../../libc/directories.js";
import { replaceDurably, syncPath } from "../../libc/durability.js";
import { fsError } from "../../libc/system-error.js";
import { type BackupLayout, SWEPT_NAME } from "./backup-layout.js";
import { isForLackOfRoom } from "./no-room.js";

// That `cas/` was swept is noted with the snapshots that were there then: it has nothing but what these name, as
// long as none of them goes. The note is away while contents are put there, so a run that ends early leaves none, and
// what it copied is looked for by the next sweep.

/**
 * Takes the note, for who is going to put contents there: it is gone before any of them is durable. Undefined where
 * nobody knows what is there. Errors: those of the host.
 */
export function takeSweptNote(layout: BackupLayout): readonly string[] | undefined {
  const noted = read(layout);
  if (existsSync(layout.sweptNote)) {
    rmSync(layout.sweptNote);
    syncPath(layout.root);
  }
  const isNew = [layout.casDirectory, layout.snapshotsDirectory].every(
    (path) => namesIn(path).length === 0,
  );
  return isNew ? [] : noted;
}

/** Whether `cas/` has nothing but what the snapshots name that are there now. */
export function isSwept(layout: BackupLayout, noted: readonly string[] | undefined): boolean {
  const there = new Set(namesIn(layout.snapshotsDirectory));
  return noted?.every((id) => there.has(id)) === true;
}

/** Notes that it has. Where there is no room for that, the next one sweeps again. */
export function writeSweptNote(layout: BackupLayout): void {
  const text = `${JSON.stringify(namesIn(layout.snapshotsDirectory).sort())}\n`;
  try {
    replaceDurably({ directory: layout.root, name: SWEPT_NAME }, text);
  } catch (error) {
    const failure = fsError(error, { op: "write", path: layout.sweptNote });
    if (!isForLackOfRoom(failure)) throw failure;
  }
}

function read({ sweptNote: path }: BackupLayout): readonly string[] | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw fsError(error, { op: "read", path });
  }
  try {
    const noted: unknown = JSON.parse(text);
    const isList = Array.isArray(noted) && noted.every((id) => typeof id === "string");
    return isList ? noted : undefined;
  } catch {
    return undefined; // damaged: then nobody knows
  }
}
