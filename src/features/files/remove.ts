import { isDirectory } from "../../model/attributes.js";
import { isKind, NexusError } from "../../model/errors.js";
import type { Ino } from "../../model/ids.js";
import type { RmdirOptions } from "./files.js";
import { type FoundSpot, type PathParts, PathWalk } from "./path-walk.js";

const PAGE = 512;

/** {@link Files.delete}. */
export async function deleteFile(
  parts: PathParts,
  { path, missingOk = false }: { path: string; missingOk?: boolean },
): Promise<void> {
  await PathWalk.during(parts, async (walk) => {
    const spot = await findToRemove(walk, { path, missingOk });
    if (spot === undefined) return;
    if (isDirectory(spot.entry.attributes.mode)) {
      const message = `${spot.path} is a directory; rmdir removes it`;
      throw new NexusError("is-a-directory", message, { path: spot.path });
    }
    const { parent, name } = spot;
    await walk.fs.unlink(walk.caller, { parent, name });
  });
}

/** {@link Files.rmdir}. */
export async function removeDirectory(
  parts: PathParts,
  { path, recursive = false, missingOk = false }: RmdirOptions & { path: string },
): Promise<void> {
  await PathWalk.during(parts, async (walk) => {
    const spot = await findToRemove(walk, { path, missingOk });
    if (spot === undefined) return;
    if (!isDirectory(spot.entry.attributes.mode)) {
      const message = `${spot.path} is not a directory`;
      throw new NexusError("not-a-directory", message, { path: spot.path });
    }
    if (spot.name === "") throw new NexusError("busy", "the root can't be removed", { path: "/" });
    const { parent, name } = spot;
    try {
      // Says whether it may go at all, before anything in it does.
      await walk.fs.rmdir(walk.caller, { parent, name });
      return;
    } catch (error) {
      if (!recursive || !isKind(error, "directory-not-empty")) throw error;
    }
    await removeChildren(walk, spot.entry.ino);
    await walk.fs.rmdir(walk.caller, { parent, name });
  });
}

/** Removes a file or a whole tree, whatever it is. */
export async function removeTree(
  walk: PathWalk,
  { parent, name, mode, ino }: { parent: Ino; name: string; mode: number; ino: Ino },
): Promise<void> {
  if (!isDirectory(mode)) {
    await walk.fs.unlink(walk.caller, { parent, name });
    return;
  }
  await removeChildren(walk, ino);
  await walk.fs.rmdir(walk.caller, { parent, name });
}

async function removeChildren(walk: PathWalk, parent: Ino): Promise<void> {
  const { fs, caller } = walk;
  for (let after: string | undefined = ""; after !== undefined; ) {
    const page: Awaited<ReturnType<typeof fs.listByName>> = await fs.listByName(caller, {
      ino: parent,
      after,
      limit: PAGE,
    });
    for (const { name } of page.entries) {
      const entry = await fs.lookup(caller, { parent, name });
      if (entry === undefined) continue;
      const { ino, attributes } = entry;
      try {
        await removeTree(walk, { parent, name, ino, mode: attributes.mode });
      } finally {
        fs.forget({ ino, count: 1 });
      }
    }
    after = page.last;
    // Others get their turn; a signal, too.
    await walk.scheduler.turn();
  }
}

async function findToRemove(
  walk: PathWalk,
  { path, missingOk }: { path: string; missingOk: boolean },
): Promise<FoundSpot | undefined> {
  try {
    return await walk.require(path, { access: "write", followLast: false });
  } catch (error) {
    if (missingOk && isKind(error, "not-found")) return undefined;
    throw error;
  }
}
