import { lookup } from "mime-types";

/** The media type that a file's name suggests, or undefined. */
export function mimeTypeOf(name: string): string | undefined {
  const dot = name.lastIndexOf(".");
  return (dot > 0 && lookup(name.slice(dot))) || undefined;
}
