import { posix } from "node:path";
import { NAME_MAX_BYTES } from "../../model/attributes.js";

/**
 * `/dir/name_imported1.txt` for `/dir/name.txt` and 1. A name that would be too long for a name loses the
 * end of its stem; one whose extension leaves no room for a stem is all stem.
 */
export function remappedPath(path: string, number: number): string {
  const { dir, base, name, ext } = posix.parse(path);
  const suffix = `_imported${number}`;
  const stem = shortened(name, NAME_MAX_BYTES - Buffer.byteLength(suffix + ext));
  if (stem !== "") return posix.join(dir, stem + suffix + ext);
  return posix.join(dir, shortened(base, NAME_MAX_BYTES - Buffer.byteLength(suffix)) + suffix);
}

/** The start of a text that has at most so many bytes in UTF-8, by whole code points. */
function shortened(text: string, mostBytes: number): string {
  let bytes = 0;
  let length = 0;
  for (const character of text) {
    bytes += Buffer.byteLength(character);
    if (bytes > mostBytes) break;
    length += character.length;
  }
  return text.slice(0, length);
}
