declare const brand: unique symbol;

type Brand<Base, Name extends string> = Base & { readonly [brand]: Name };

/**
 * An inode number: a positive integer below 2^53, never used twice in the life of a store, so a
 * kernel needs no generation beside it.
 */
export type Ino = Brand<number, "Ino">;

/** The lower-case hexadecimal SHA-256 of a whole content, 64 characters; also a file's etag. */
export type ContentHash = Brand<string, "ContentHash">;

const HASH = /^[0-9a-f]{64}$/;

/** Whether this is what a content can have as its hash: a database may say anything. */
export function isContentHash(text: string): text is ContentHash {
  return HASH.test(text);
}

/** Names one staging file; from the same never-repeating sequence as inode numbers. */
export type StagingId = Brand<number, "StagingId">;

/** A UUID that names a file for its whole life, across renames, restarts, export and import. */
export type PathId = Brand<string, "PathId">;

export type TenantId = Brand<string, "TenantId">;
export type AgentId = Brand<string, "AgentId">;

/** The root directory. FUSE fixes this number (FUSE_ROOT_ID), so the store does too. */
export const ROOT_INO = 1 as Ino;

/**
 * Inode numbers from here on are virtual: what they stand for is computed when somebody asks, and may
 * be something else the next moment. No store gives such a number.
 */
export const FIRST_VIRTUAL_INO = 2 ** 52;

/** Whether a store gives such numbers, to inodes, entries and staged contents: a database may say anything. */
export function canBeGiven(number: number): boolean {
  return number >= ROOT_INO && number < FIRST_VIRTUAL_INO;
}

/** Whether nothing that is told of this inode may be kept: names, attributes, listings, contents. */
export function isVirtual(ino: Ino): boolean {
  return ino >= FIRST_VIRTUAL_INO;
}

/** SHA-256 of no bytes at all. */
export const EMPTY_HASH =
  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" as ContentHash;
