import { PERMISSION_BITS } from "../../model/attributes.js";
import { NexusError } from "../../model/errors.js";

/** A mode that a file or a directory can get, as it is. Errors: `invalid-argument`. */
export function permissionBits(mode: number): number {
  if (Number.isInteger(mode) && mode >= 0 && mode <= PERMISSION_BITS) return mode;
  const found = Number.isInteger(mode) && mode > 0 ? octal(mode) : mode;
  throw new NexusError(
    "invalid-argument",
    `a mode is permission bits, from 0 to ${octal(PERMISSION_BITS)}, not ${found}`,
  );
}

function octal(mode: number): string {
  return `0o${mode.toString(8)}`;
}
