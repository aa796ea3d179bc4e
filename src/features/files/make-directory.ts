import { isDirectory } from "../../model/attributes.js";
import { NexusError } from "../../model/errors.js";
import type { MkdirOptions } from "./files.js";
import { type PathParts, PathWalk } from "./path-walk.js";
import { permissionBits } from "./permission-bits.js";

const DIRECTORY_MODE = 0o755;

/** {@link Files.mkdir}. */
export async function makeDirectory(
  parts: PathParts,
  {
    path,
    parents = false,
    existOk = false,
    mode = DIRECTORY_MODE,
  }: MkdirOptions & { path: string },
): Promise<void> {
  const bits = permissionBits(mode);
  await PathWalk.during(parts, async (walk) => {
    const spot = await walk.find(path, { access: "write", makeParents: parents });
    const { parent, name, entry } = spot;
    if (entry === undefined) {
      walk.keep(await walk.fs.mkdir(walk.caller, { parent, name, mode: bits }));
      return;
    }
    if (existOk && isDirectory(entry.attributes.mode)) return;
    throw new NexusError("already-exists", `${spot.path} exists already`, { path: spot.path });
  });
}
