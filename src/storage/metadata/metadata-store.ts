import type { Attributes } from "../../model/attributes.js";
import type { AgentId, ContentHash, Ino, PathId, StagingId, TenantId } from "../../model/ids.js";
import type { Timestamp } from "../../model/timestamp.js";
import type { ChangeStore } from "./change-store.js";
import type { Imported, ImportRequest } from "./import-store.js";
import type { ScrubStore } from "./scrub-store.js";
import type { WorkContext, WorkStore } from "./work-store.js";

/**
 * The metadata of one namespace: inodes, the names that lead to them, custom metadata, and which
 * content each file has. A method is a whole operation and one transaction: it happens completely
 * or, when it throws, not at all.
 *
 * What survives what. A method that has returned survives the death of the process (kill -9). It
 * survives a power failure once a later {@link MetadataStore.sync} has resolved. Programs that open
 * the database beside us see it within some milliseconds of quiet, or after {@link commit}.
 *
 * Isolation is not its business: whoever calls has checked.
 *
 * Every method may throw `io-failure`, `no-space` or `corrupt`, when the engine below does.
 */
export interface MetadataStore {
  /** The work queue. */
  readonly work: WorkStore;
  /** What happened, for those who watch. */
  readonly changes: ChangeStore;
  /** Whether contents are still what they were. */
  readonly scrub: ScrubStore;

  // Reading

  /** The inode that `name` leads to in the directory, or undefined. */
  lookup(entry: EntryName): InodeRecord | undefined;
  getattr(ino: Ino): InodeRecord | undefined;
  /** The inode that a path_id names, or undefined. */
  inodeOf(pathId: PathId): Ino | undefined;
  /** Where an inode lies, by one of its names. The root, and what has no name, lies nowhere. */
  entryOf(ino: Ino): EntryName | undefined;
  /** The target of a symlink, byte for byte. Errors: `invalid-argument` for anything else. */
  readlink(ino: Ino): Uint8Array;
  /**
   * Up to `limit` entries of a directory in the order of their cookies, after the one given (0
   * starts). A cookie stays what it is while the entry keeps its directory, and with the name while
   * that is renamed over: so a listing goes on where it stopped however entries come and go, and sees once what is
   * there all the time.
   */
  readdir(page: DirectoryPage): DirectoryEntry[];
  /** The same with each entry's inode. */
  readdirPlus(page: DirectoryPage): DirectoryEntryPlus[];
  /**
   * Up to `limit` entries of a directory, each with its inode, in the order of their names' UTF-8, after
   * this name (`""` starts).
   */
  readdirByName(page: NamePage): DirectoryEntryPlus[];
  /** What the computed attributes tell of a file, or undefined when there is no such inode. */
  describe(ino: Ino): FileDescription | undefined;
  /** One name of each inode that has this content, if it has any. */
  entriesOfContent(hash: ContentHash): EntryName[];
  countInodes(): number;
  /** How much a tenant has, orphans included. Only of a store that was opened to count that. */
  usageOf(tenantId: TenantId): TenantUsage;

  // Entries. All of them move the parent's mtime and ctime to `now`.

  /**
   * Makes an inode and its name. Errors: `already-exists`, `not-found` (the directory is removed),
   * `not-a-directory`.
   */
  create(request: CreateRequest): InodeRecord;
  /** Makes an inode without a name (O_TMPFILE); {@link link} may give it one. */
  createUnnamed(request: Omit<CreateRequest, "parent" | "name">): InodeRecord;
  /** Another name for an inode. Errors: `already-exists`, `not-found`, `too-many-links`. */
  link(request: LinkRequest): InodeRecord;
  /** Errors: `not-found`, `is-a-directory`. */
  unlink(request: EntryName & At): Unlinked;
  /** Errors: `not-found`, `not-a-directory`, `directory-not-empty`. */
  rmdir(request: EntryName & At): Unlinked;
  /**
   * rename(2) with the flags of renameat2(2). Errors: `not-found`, `already-exists`,
   * `not-a-directory`, `is-a-directory`, `directory-not-empty`, `invalid-argument` (a directory
   * into itself).
   */
  rename(request: RenameRequest): RenameResult;

  // Attributes

  /** Changes what is given and moves ctime to `now`. Errors: `not-found`. */
  setattr(request: SetAttributesRequest): InodeRecord;
  /**
   * Catches up with what an open file went through since its row was written last. Never touches
   * ctime by itself.
   */
  recordActivity(activities: readonly FileActivity[]): void;

  // Custom metadata and the other extended attributes; all of them belong to the inode. What changes
  // of the custom ones can be read by other programs, in SQL, when the call returns.

  getAttribute(request: AttributeName): Uint8Array | undefined;
  /** The keys, ordered by their bytes. */
  listAttributes(request: { ino: Ino; family: AttributeFamily }): string[];
  /** How many keys there are, and how many bytes of UTF-8 they have together. */
  measureAttributes(request: { ino: Ino; family: AttributeFamily }): AttributeSizes;
  /**
   * Errors: `already-exists` (create), `no-attribute` (replace), `not-found`, `invalid-argument` (a
   * value that the queue can't take).
   */
  setAttribute(request: SetAttributeRequest): void;
  /** Sets all of them, or none. Errors as above. */
  setAttributes(requests: readonly SetAttributeRequest[]): void;
  /** False when there was none. */
  removeAttribute(request: AttributeName & At): boolean;

  // Contents

  /** From now on the inode's content is its staging file, until {@link commitContent}. */
  stage(request: { ino: Ino; stagingId: StagingId }): void;
  /** Everything staged; read once at start. */
  stagedContents(): StagedRecord[];
  /**
   * Remembers contents that are about to be put into the store, before they are: whatever happens
   * then, {@link unreferencedContents} finds them.
   */
  announceContents(contents: readonly SealedContent[]): void;
  /**
   * Points each inode at its sealed content, moves the references, bumps the version if the content
   * is another one, and forgets the staging file. Never touches mtime or ctime. One that isn't
   * staged under this id any more is left alone. Returns the contents that nothing refers to now.
   */
  commitContents(commits: readonly ContentCommit[]): ContentHash[];
  /**
   * Gives `to` the sealed content of `from`, by reference. Returns the content that nothing refers
   * to now, if any. Errors: `not-found`.
   */
  referenceContent(request: { from: Ino; to: Ino } & At): ContentHash | undefined;
  /**
   * Gives each of these files without a name the name that it was made for. Where a regular file has
   * the name already, that one keeps its inode and gets the content, with size and mtime; the other
   * one is left empty, without a name. One transaction for all of them. Returns the contents that
   * nothing refers to now. Errors: `not-found`, `is-a-directory`, `not-supported` (what has the name
   * is no regular file), `not-a-directory`.
   */
  placeFiles(requests: readonly PlaceFileRequest[]): ContentHash[];
  /** A sealed content that an inode has; undefined when none has it. */
  findContent(hash: ContentHash): SealedContent | undefined;
  /**
   * Makes files with contents that others have already, or gives these to files that are there, with
   * times, version and custom metadata as they come. What was staged for one is its content no more.
   * Errors: `not-found` (a content that no inode has, a file that is gone), `already-exists`,
   * `not-a-directory`.
   */
  importFiles(request: ImportRequest): Imported;
  unreferencedContents(): ContentHash[];
  /** Which of these nothing refers to. */
  selectUnreferenced(hashes: readonly ContentHash[]): ContentHash[];
  /** Which of these are unknown: neither noted as contents, announced ones included, nor had by an inode. */
  selectUnknown(hashes: readonly ContentHash[]): ContentHash[];
  /** Forgets contents that were removed, unless something refers to them again. */
  forgetContents(hashes: readonly ContentHash[]): void;

  // Inodes without a name

  /** Inodes that have no name left and wait for their last user, or for a crash to be mended. */
  orphans(): Ino[];
  /** Deletes orphans with all they own; an inode that has a name is left alone. */
  reap(inos: readonly Ino[]): Reaped;

  // The store itself

  /**
   * A number that this store never gave before: for an inode or a staging file. Errors: `no-space` when there are none
   * left, which only damage brings about.
   */
  nextId(): number;
  /** From now on numbers up to this one count as given. */
  skipIds(highest: number): void;
  /**
   * False while the disk has only the room that removing needs. The methods above don't ask: who is
   * about to add something does, and leaves it. True also when there is no telling.
   */
  hasRoom(): boolean;
  /** Makes everything so far visible to other programs. */
  commit(): void;
  /** The same for somebody to whom it makes no difference when that can't be done: it is logged. */
  publish(): void;
  /** Resolves when everything so far would survive a power failure. */
  sync(): Promise<void>;
  /** Commits, syncs and closes. */
  close(): Promise<void>;
}

/** The inodes of one tenant, and their sizes together with those of their attributes. */
export interface TenantUsage {
  readonly files: number;
  readonly bytes: number;
}

export interface AttributeSizes {
  readonly keys: number;
  readonly bytes: number;
}

export interface At {
  readonly now: Timestamp;
}

export interface EntryName {
  readonly parent: Ino;
  readonly name: string;
}

export interface InodeRecord extends Attributes {
  /** The sealed content; undefined while a file has never had one. */
  readonly contentHash: ContentHash | undefined;
}

export interface DirectoryPage {
  readonly ino: Ino;
  readonly after: number;
  readonly limit: number;
}

export interface NamePage {
  readonly ino: Ino;
  readonly after: string;
  readonly limit: number;
}

export interface DirectoryEntry {
  readonly name: string;
  readonly ino: Ino;
  readonly mode: number;
  readonly cookie: number;
}

export interface DirectoryEntryPlus extends DirectoryEntry {
  readonly inode: InodeRecord;
}

/** What is known of a file beyond stat(2). */
export interface FileDescription {
  readonly pathId: PathId;
  readonly version: number;
  readonly contentHash: ContentHash | undefined;
  /** How many inodes have this content. */
  readonly refCount: number;
  readonly mimeType: string | undefined;
  readonly tenantId: TenantId | undefined;
  readonly agentId: AgentId | undefined;
  readonly createdAt: Timestamp;
}

export interface CreateRequest extends EntryName, At {
  /** With the type bits; a directory starts with two links. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly rdev: number;
  readonly tenantId: TenantId | undefined;
  readonly agentId: AgentId | undefined;
  readonly mimeType: string | undefined;
  /** For a symlink. */
  readonly target?: Uint8Array;
  /** For a regular file: where its content will be staged. */
  readonly stagingId?: StagingId;
}

export interface LinkRequest extends EntryName, At {
  readonly ino: Ino;
  /** What the name suggests of a regular file that has none yet; other names change nothing. */
  readonly mimeType?: string | undefined;
}

/** `ino` has no name, and is to have this one. */
export interface PlaceFileRequest extends LinkRequest {}

/** What became of an inode that lost a name. */
export interface Unlinked {
  readonly ino: Ino;
  /** With 0 it is an orphan now. */
  readonly nlink: number;
}

export interface RenameRequest extends EntryName, At {
  readonly newParent: Ino;
  readonly newName: string;
  readonly mode: "replace" | "no-replace" | "exchange";
  /** RENAME_WHITEOUT: leaves a 0/0 character device, owned so, under the old name. */
  readonly whiteout?: {
    readonly uid: number;
    readonly gid: number;
    readonly tenantId?: TenantId | undefined;
    readonly agentId?: AgentId | undefined;
  };
  /** What the names suggest of the file that will have them. */
  readonly mimeType: string | undefined;
  readonly newMimeType: string | undefined;
}

export interface RenameResult {
  /** What got another name: one inode, two when they were exchanged, none when both names were of one. */
  readonly moved: readonly Ino[];
  /** What the new name led to before, if it was replaced. */
  readonly replaced: Unlinked | undefined;
}

export interface SetAttributesRequest extends At {
  readonly ino: Ino;
  /** Permission bits only. */
  readonly permissions?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly sizeBytes?: number;
  readonly atime?: Timestamp;
  readonly mtime?: Timestamp;
  /** The content is staged here from now on, in the same transaction. */
  readonly stagingId?: StagingId;
}

/** What is left out stays as it is. */
export interface FileActivity {
  readonly ino: Ino;
  readonly sizeBytes?: number;
  readonly blocks?: number;
  readonly atime?: Timestamp;
  readonly mtime?: Timestamp;
  readonly ctime?: Timestamp;
}

/** `custom`: `user.*`, the product's file_metadata. `system`: `trusted.*` and `security.*`. */
export type AttributeFamily = "custom" | "system";

export interface AttributeName {
  readonly ino: Ino;
  readonly family: AttributeFamily;
  /** Without `user.` in the custom family, whole in the other. */
  readonly key: string;
}

export interface SetAttributeRequest extends AttributeName, At {
  readonly value: Uint8Array;
  readonly mode: "create" | "replace" | "any";
  /** For a regular file's key that means something to the queue. */
  readonly work?: WorkContext;
}

export interface StagedRecord {
  readonly ino: Ino;
  readonly stagingId: StagingId;
  readonly sizeBytes: number;
  readonly mtime: Timestamp;
}

/** A content as it lies in the content store. `blocks` counts 512 bytes each. */
export interface SealedContent {
  readonly hash: ContentHash;
  readonly sizeBytes: number;
  readonly blocks: number;
}

export interface ContentCommit extends SealedContent, At {
  readonly ino: Ino;
  readonly stagingId: StagingId;
}

export interface Reaped {
  /** How many inodes there are fewer. */
  readonly count: number;
  readonly stagingIds: StagingId[];
  /** Contents that nothing refers to now. */
  readonly unreferenced: ContentHash[];
}
