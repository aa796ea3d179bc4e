import { statSync } from "node:fs";
import { dirname } from "node:path";

/** Who keeps this user from a path. */
export interface OtherOwner {
  /** What belongs to them: the path, or what is above it. */
  readonly path: string;
  readonly uid: number;
}

/**
 * Who has the deepest part of a path that can be looked at; undefined when that is this user, who can do something
 * about it.
 */
export function otherOwnerOf(path: string): OtherOwner | undefined {
  try {
    const { uid } = statSync(path);
    return uid === process.geteuid?.() ? undefined : { path, uid };
  } catch {
    // What can't be looked at is kept from this user by what is above it.
    return dirname(path) === path ? undefined : otherOwnerOf(dirname(path));
  }
}
