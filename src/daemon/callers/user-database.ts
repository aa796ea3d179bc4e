import { readFileSync } from "node:fs";
import { fsError } from "../../libc/system-error.js";

/** What this machine's own files say of its users; users that only a directory service knows have numbers. */
export interface UserDatabase {
  /** Undefined for a name that isn't there. */
  uidOf(name: string): number | undefined;
  gidOf(name: string): number | undefined;
  /** The group of the user's processes as long as they ask for no other one. */
  primaryGidOf(uid: number): number | undefined;
  /** Who is of the group, be it as the primary one or as one of the others. */
  membersOf(gid: number): ReadonlySet<number>;
}

/**
 * Reads passwd(5) and group(5), once. A broken line is passed over, as by the C library. Errors: those of
 * reading the files.
 */
export function readUserDatabase({
  passwdPath = "/etc/passwd",
  groupPath = "/etc/group",
}: {
  passwdPath?: string;
  groupPath?: string;
} = {}): UserDatabase {
  const uids = new Map<string, number>();
  const gids = new Map<string, number>();
  const primaryGids = new Map<number, number>();
  const members = new Map<number, Set<number>>();
  const addMember = (gid: number, uid: number) => {
    const known = members.get(gid);
    if (known === undefined) members.set(gid, new Set([uid]));
    else known.add(uid);
  };
  for (const [name = "", , uidText, gidText] of fieldsOf(passwdPath)) {
    const [uid, gid] = [numberOf(uidText), numberOf(gidText)];
    if (name === "" || uid === undefined || gid === undefined) continue;
    // The first line counts, for a name as for a number.
    if (!uids.has(name)) uids.set(name, uid);
    if (!primaryGids.has(uid)) primaryGids.set(uid, gid);
    addMember(gid, uid);
  }
  for (const [name = "", , gidText, list = ""] of fieldsOf(groupPath)) {
    const gid = numberOf(gidText);
    if (name === "" || gid === undefined) continue;
    if (!gids.has(name)) gids.set(name, gid);
    for (const member of list.split(",")) {
      const uid = uids.get(member.trim());
      if (uid !== undefined) addMember(gid, uid);
    }
  }
  return {
    uidOf: (name) => uids.get(name),
    gidOf: (name) => gids.get(name),
    primaryGidOf: (uid) => primaryGids.get(uid),
    membersOf: (gid) => members.get(gid) ?? NOBODY,
  };
}

const NOBODY: ReadonlySet<number> = new Set();

function fieldsOf(path: string): string[][] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw fsError(error, { op: "read", path });
  }
  return text
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.startsWith("#"))
    .map((line) => line.split(":"));
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}
