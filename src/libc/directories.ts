import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";

/**
 * mkdir(1) with `-p`. Returns whether it made anything. Node's own `recursive` never comes back where a
 * directory that is there refuses with ENOENT, as those below /proc do. Errors: those of mkdir(2), as
 * Node throws them.
 */
export function makeDirectories(path: string, { mode = 0o777 }: { mode?: number } = {}): boolean {
  try {
    mkdirSync(path, { mode });
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST" && statSync(path).isDirectory()) return false;
    const parent = dirname(path);
    if (code !== "ENOENT" || parent === path || !makeDirectories(parent, { mode })) throw error;
    mkdirSync(path, { mode });
    return true;
  }
}
