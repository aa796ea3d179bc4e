import { NexusError } from "../../model/errors.js";
import { typeName } from "../../model/type-name.js";
import type { WriteOptions } from "./files.js";

/**
 * Whoever passes an etag that isn't known would overwrite what he meant to protect.
 * Errors: `invalid-argument`.
 */
export function requireConditions(
  options: WriteOptions,
  { path }: { readonly path: string },
): void {
  for (const name of ["ifMatch", "ifNoneMatch"] as const) {
    if (!(name in options) || typeof options[name] === "string") continue;
    throw new NexusError(
      "invalid-argument",
      `${name} is ${options[name]}: the etag isn't known while a file is written; leave the option out to write in any case`,
      { path },
    );
  }
}

/** One of the files of {@link Files.writeMany}, whatever an untyped caller passes. Errors: `invalid-argument`. */
export function requireFileToWrite(file: unknown): void {
  if (typeof file === "object" && file !== null) return;
  const message = `a file to write is an object with a path and a content, not ${typeName(file)}`;
  throw new NexusError("invalid-argument", message);
}
