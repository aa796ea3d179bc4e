/**
 * Custom metadata of files: on a mount, the extended attributes `user.*`. A value is bytes; text is
 * its UTF-8. Some keys mean something to the work queue and are checked: DESIGN, section 8.
 *
 * Errors of all: `not-found`, `access-denied`, and for what changes something `read-only`,
 * `invalid-argument` (a value that the queue doesn't know), `attribute-too-large` (over 64 KiB),
 * `not-permitted` (a key `nexus.*`, which is computed).
 */
export interface CustomMetadata {
  /** The value as text; undefined when there is none. Errors: `invalid-encoding` unless it is text. */
  get(path: string, key: string): Promise<string | undefined>;
  getBytes(path: string, key: string): Promise<Buffer | undefined>;
  set(path: string, key: string, value: MetadataValue): Promise<void>;
  /** Several values of several files as one transaction: all of them or none. */
  setMany(entries: Iterable<MetadataEntry>): Promise<void>;
  /** False when there was none. */
  remove(path: string, key: string): Promise<boolean>;
  /** All of a file, in the order of their keys. What isn't text comes as bytes. */
  list(path: string): Promise<Map<string, string | Buffer>>;
}

/** Text and bytes are kept as they are, everything else as its JSON text. */
export type MetadataValue =
  | string
  | Uint8Array
  | number
  | boolean
  | null
  | readonly unknown[]
  | { readonly [key: string]: unknown };

export interface MetadataEntry {
  readonly path: string;
  readonly key: string;
  readonly value: MetadataValue;
}
