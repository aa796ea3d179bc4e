import { createRequire } from "node:module";

const load = createRequire(import.meta.url);
let types: typeof import("mime-types") | undefined;

/** The media type that a file's name suggests, or undefined. */
export function mimeTypeOf(name: string): string | undefined {
  const dot = name.lastIndexOf(".");
  if (dot <= 0) return undefined;
  // To load its table is 7 % of what a short command takes, and most commands make no file.
  types ??= load("mime-types") as typeof import("mime-types");
  return types.lookup(name.slice(dot)) || undefined;
}
