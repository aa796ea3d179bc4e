import { readFileSync } from "node:fs";

/** The names of the host's users and groups, as far as its own files have them. */
export interface OwnerNames {
  user(uid: number): string;
  group(gid: number): string;
}

/** Reads passwd(5) and group(5). Who isn't in there goes by the number. */
export function readOwnerNames(): OwnerNames {
  const users = namesIn("/etc/passwd");
  const groups = namesIn("/etc/group");
  return {
    user: (uid) => users.get(uid) ?? String(uid),
    group: (gid) => groups.get(gid) ?? String(gid),
  };
}

/** Both files have `name:password:number:...`; the first line with a number counts. */
function namesIn(file: string): Map<number, string> {
  const names = new Map<number, string>();
  for (const line of linesOf(file)) {
    const [name = "", , number = ""] = line.split(":");
    if (/^\d+$/.test(number) && !names.has(Number(number))) names.set(Number(number), name);
  }
  return names;
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\n");
  } catch {
    return []; // numbers are as good
  }
}
