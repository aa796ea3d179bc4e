import { posix } from "node:path";
import { NAME_MAX_BYTES } from "../../model/attributes.js";
import { cutText } from "../../model/cut-text.js";

/**
 * `/dir/name_imported1.txt` for `/dir/name.txt` and 1. A name that would be too long for a name loses the
 * end of its stem; one whose extension leaves no room for a stem is all stem.
 */
export function remappedPath(path: string, number: number): string {
  const { dir, base, name, ext } = posix.parse(path);
  const suffix = `_imported${number}`;
  const stem = cutText(name, NAME_MAX_BYTES - Buffer.byteLength(suffix + ext));
  if (stem !== "") return posix.join(dir, stem + suffix + ext);
  return posix.join(dir, cutText(base, NAME_MAX_BYTES - Buffer.byteLength(suffix)) + suffix);
}
