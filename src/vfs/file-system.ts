import type { Attributes } from "../model/attributes.js";
import type { Caller } from "../model/identity.js";
import type { AgentId, ContentHash, Ino, PathId, TenantId } from "../model/ids.js";
import type { MaybePromise } from "../model/maybe-promise.js";
import type { Timestamp } from "../model/timestamp.js";

/**
 * The file system, by inode, with one method for each thing that a kernel asks. The FUSE session
 * calls it, and so will the library and the command line; nothing that can be done to a file is
 * implemented anywhere else.
 *
 * **Who asks.** Every method that touches a file takes the {@link Caller}. Isolation is checked here,
 * on each call, by where the inode lies: `access-denied`, or `read-only`. Mode bits and owners are
 * *not* checked: the kernel does that (`default_permissions`), and the library's identity has no uid.
 *
 * **When it answers.** At once, nearly always. What takes long answers with a promise (fsync, the
 * first write to a large file, asking for an etag that must be computed); other calls may come
 * meanwhile. A buffer to read into is the file system's until it has answered; one to write from is
 * the caller's again as soon as the method returns, also if the answer comes later.
 *
 * **What keeps an inode.** `lookup` and all that return an {@link Entry} count one look-up;
 * `forget` takes them back. An inode without a name lives until its look-ups are forgotten and its
 * handles released: then it is gone, with its content. A *handle* is a number of this file system;
 * who opens it releases it, once.
 *
 * **What may be kept.** Whoever asks may keep what it was told until it asks for a change, but for
 * virtual inodes (`isVirtual` in model/ids.ts): what is told of them is true at that moment only. Who
 * asks on behalf of several identities looks at {@link FileSystem.variesByCaller}, too.
 *
 * **What survives.** See DESIGN, section 5: what was written and closed survives the death of the
 * process; what `fsync` acknowledged survives a power failure.
 *
 * Errors are NexusErrors. Any method may throw `access-denied`, `read-only`, `not-found` (an inode
 * that is gone), `io-failure`, `corrupt` and `no-space`; what else is said per method.
 */
export interface FileSystem {
  /**
   * The entry of this name in a directory; undefined when there is none, and that may be remembered.
   * In a virtual directory, where it may not, a missing one is `not-found`.
   */
  lookup(caller: Caller, request: NameRequest): MaybePromise<Entry | undefined>;
  /** Takes back look-ups. Never fails: the kernel doesn't ask. */
  forget(request: { readonly ino: Ino; readonly count: number }): void;

  /**
   * Whether what is told of this directory depends on who asks: its attributes, its listing, and which
   * names in it lead somewhere. So it is where the places of several tenants or agents meet. Whoever
   * keeps what it was told for several callers may keep none of that; what lies deeper is the same
   * for all who get there. True also for an inode that isn't known.
   */
  variesByCaller(request: InodeRequest): boolean;

  getattr(caller: Caller, request: InodeRequest): MaybePromise<Attributes>;
  /** chmod, chown, truncate, utimens. Errors: `is-a-directory`, `file-too-large`. */
  setattr(caller: Caller, request: SetAttrRequest): MaybePromise<Attributes>;
  readlink(caller: Caller, request: InodeRequest): MaybePromise<Uint8Array>;

  /**
   * A file of any kind but a directory or a symlink. Errors: `already-exists`, `not-permitted` (the
   * name stands for a tenant or an agent, so it can only be a directory's; `symlink` and `create`
   * have that too).
   */
  mknod(caller: Caller, request: MknodRequest): MaybePromise<Entry>;
  mkdir(caller: Caller, request: MkdirRequest): MaybePromise<Entry>;
  symlink(caller: Caller, request: SymlinkRequest): MaybePromise<Entry>;
  /** Errors: `already-exists`, `cross-zone`, `too-many-links`, `not-permitted` (a directory). */
  link(caller: Caller, request: LinkRequest): MaybePromise<Entry>;
  /** Errors: `is-a-directory`. */
  unlink(caller: Caller, request: UnlinkRequest): MaybePromise<void>;
  /** Errors: `not-a-directory`, `directory-not-empty`, `busy` (the root of a namespace). */
  rmdir(caller: Caller, request: NameRequest): MaybePromise<void>;
  /** Errors: as rename(2), and `cross-zone` between two zones, so that mv(1) copies instead. */
  rename(caller: Caller, request: RenameRequest): MaybePromise<void>;

  /** Errors: `is-a-directory`, `not-supported` for what is no regular file. */
  open(caller: Caller, request: OpenRequest): MaybePromise<Opened>;
  /** Makes and opens a file; opens the one that is there unless `exclusive`. */
  create(caller: Caller, request: CreateRequest): MaybePromise<{ entry: Entry; opened: Opened }>;
  /**
   * A file without a name in this directory, O_TMPFILE. With `name` it lies where that name does, and
   * {@link placeFiles} may give it that name. Errors: as `create` for that name.
   */
  tmpfile(caller: Caller, request: TmpfileRequest): MaybePromise<{ entry: Entry; opened: Opened }>;
  /**
   * Gives files without a name the names that they were made for, all of them as one step, or none.
   * Where a regular file has the name, that one keeps its inode with all that belongs to it and gets
   * the content, as if it were written at that moment; who has it open goes on with the new one. The
   * files must be closed for writing; content that replaces another is durable before it does.
   * Returns where each content is now, with one look-up counted for each. Errors:
   * `precondition-failed`, `is-a-directory`, `not-supported` (the name is no regular file's),
   * `cross-zone`, `not-permitted`, `invalid-argument` (one name twice, a file that can't be placed).
   */
  placeFiles(caller: Caller, placements: readonly Placement[]): MaybePromise<Entry[]>;
  /**
   * What the names of an import lead to now. A content that waits to be sealed is sealed first. Errors:
   * those of writing there, for each path alone and before any look-up, and those of {@link importFiles}.
   */
  importTargets(caller: Caller, paths: readonly string[]): MaybePromise<ImportTarget[]>;
  /**
   * Makes files with contents that are there already, or gives these to the files that have the names;
   * directories on the way are made. All of it is one transaction. A content is there when a file that the
   * caller may read has it, or one of the unnamed files in the request. Symlinks are not followed.
   * Errors: `try-again` (a name leads to something else than expected), `not-found` (a content),
   * `invalid-argument` (another size than the content's; metadata that can't be), `not-permitted`,
   * `not-a-directory`, `is-a-directory`, `not-supported` (the name is no regular file's),
   * `attribute-too-large`. The error has the path, of the first one.
   */
  importFiles(caller: Caller, request: ImportFilesRequest): MaybePromise<void>;
  /** Reads into `into`; returns how many bytes: fewer than fit mean the end of the file. */
  read(caller: Caller, request: ReadRequest): MaybePromise<number>;
  /**
   * Writes all of `data`, or throws; then the file is as long as before. Returns the offset of its first byte.
   * Errors: `file-too-large`.
   */
  write(caller: Caller, request: WriteRequest): MaybePromise<number>;
  /** Errors: `not-supported`, `file-too-large`. */
  fallocate(caller: Caller, request: FallocateRequest): MaybePromise<void>;
  /** Where data or a hole begins. Errors: `no-such-offset`. */
  lseek(caller: Caller, request: SeekRequest): MaybePromise<number>;
  /**
   * Copies bytes inside the file system; returns how many, possibly fewer than asked. A whole file
   * onto an empty one is copied by reference, whatever its size, if it is sealed or can be soon.
   */
  copyFileRange(caller: Caller, request: CopyFileRangeRequest): MaybePromise<number>;
  /** Resolves when the file, and the names that lead to it, survive a power failure. */
  fsync(caller: Caller, request: InodeRequest): MaybePromise<void>;
  release(request: { readonly handle: number }): void;

  /**
   * Undefined when listings of the directory need no handle; one that is given goes with each call
   * that lists, and is released. Errors: `not-a-directory`.
   */
  opendir(caller: Caller, request: InodeRequest): MaybePromise<Opened | undefined>;
  /**
   * Hands the entries after `cookie` (0 starts) to `emit`, `.` and `..` first, until it returns
   * false. Entries that the caller may not enter are left out.
   */
  readdir(caller: Caller, request: ReaddirRequest): MaybePromise<void>;
  /** The same with attributes; each entry that is emitted with them counts one look-up. */
  readdirPlus(caller: Caller, request: ReaddirPlusRequest): MaybePromise<void>;

  /**
   * A page of a directory in the order of the names' UTF-8: up to `limit` entries after `after` (`""`
   * starts). Entries that the caller may not enter are left out. Counts no look-ups. Errors:
   * `not-a-directory`.
   */
  listByName(caller: Caller, request: ListByNameRequest): MaybePromise<NamePage>;
  /**
   * What is known of an inode beyond its attributes. With `etag` a content that waits to be sealed is
   * sealed now, so the answer may take as long as hashing does.
   */
  describe(caller: Caller, request: DescribeRequest): MaybePromise<FileDescription>;

  /** The value; undefined when there is no such attribute. Errors: `not-supported` (ACLs). */
  getxattr(caller: Caller, request: XattrRequest): MaybePromise<Uint8Array | undefined>;
  listxattr(caller: Caller, request: InodeRequest): MaybePromise<string[]>;
  /**
   * Errors: `already-exists`, `no-attribute`, `attribute-too-large`, `not-permitted`, `not-supported`;
   * `invalid-argument`, `busy` and `try-again` where the work queue says so: DESIGN, section 8.
   */
  setxattr(caller: Caller, request: SetXattrRequest): MaybePromise<void>;
  /** All of them, as one step, or none. Errors as above. */
  setxattrs(caller: Caller, requests: readonly SetXattrRequest[]): MaybePromise<void>;
  /** Errors: `no-attribute`, `not-permitted`, `not-supported`. */
  removexattr(caller: Caller, request: XattrRequest): MaybePromise<void>;

  statfs(caller: Caller, request: InodeRequest): MaybePromise<FileSystemStat>;
}

export interface InodeRequest {
  readonly ino: Ino;
}

export interface NameRequest {
  readonly parent: Ino;
  readonly name: string;
}

export interface UnlinkRequest extends NameRequest {
  /** As long as somebody knows the inode, `link` may give it a name again. */
  readonly mayReturn?: boolean;
}

/** An inode as a name led to it. Counts one look-up. */
export interface Entry {
  readonly ino: Ino;
  readonly attributes: Attributes;
}

export interface SetAttrRequest extends InodeRequest {
  /** Permission bits. */
  readonly permissions?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly sizeBytes?: number;
  readonly atime?: Timestamp | "now";
  readonly mtime?: Timestamp | "now";
  /** The caller may not keep set-id bits on a file whose content it changes. */
  readonly killSetId?: boolean;
  /** The handle that ftruncate(2) was called on: it may write, whatever the place says by now. */
  readonly handle?: number;
}

export interface MknodRequest extends NameRequest {
  /** With the type bits. */
  readonly mode: number;
  readonly rdev: number;
}

export interface MkdirRequest extends NameRequest {
  readonly mode: number;
}

export interface SymlinkRequest extends NameRequest {
  readonly target: Uint8Array;
}

export interface LinkRequest extends InodeRequest {
  readonly newParent: Ino;
  readonly newName: string;
}

export interface RenameRequest extends NameRequest {
  readonly newParent: Ino;
  readonly newName: string;
  readonly mode: "replace" | "no-replace" | "exchange";
  readonly whiteout: boolean;
}

export interface OpenFlags {
  /** `execute`: reads for execve(2), until the program has ended. */
  readonly access: "read" | "write" | "both" | "execute";
  readonly truncate: boolean;
  /** Leaves the access time alone. */
  readonly noAtime: boolean;
  readonly killSetId: boolean;
}

export interface OpenRequest extends InodeRequest {
  readonly flags: OpenFlags;
}

export interface Opened {
  readonly handle: number;
}

export interface CreateRequest extends NameRequest {
  readonly mode: number;
  readonly flags: OpenFlags;
  readonly exclusive: boolean;
}

export interface TmpfileRequest extends InodeRequest {
  readonly mode: number;
  readonly flags: OpenFlags;
  /** The name in this directory that it is going to get; see {@link FileSystem.placeFiles}. */
  readonly name?: string;
  /** Without it, `link` may name the file later. */
  readonly exclusive: boolean;
}

/** A file without a name, and the name for it. */
export interface Placement extends NameRequest {
  readonly ino: Ino;
  /** Only if the file of this name has this content now. */
  readonly ifMatch?: string;
  /** Only if it hasn't this content; `*`: only if the name is free. */
  readonly ifNoneMatch?: string;
}

export interface ListByNameRequest extends InodeRequest {
  readonly after: string;
  readonly limit: number;
}

export interface NamePage {
  readonly entries: readonly NamedEntry[];
  /** The last name that was looked at; undefined at the end of the directory. */
  readonly last: string | undefined;
}

export interface NamedEntry {
  readonly name: string;
  readonly attributes: Attributes;
}

export interface DescribeRequest extends InodeRequest {
  readonly etag: boolean;
}

export interface FileDescription {
  readonly pathId: PathId;
  /** How often the content has changed; it counts when a content is sealed. */
  readonly version: number;
  /** Undefined for what is no regular file, and for a content that isn't sealed. */
  readonly etag: ContentHash | undefined;
  readonly mimeType: string | undefined;
  readonly tenantId: TenantId | undefined;
  readonly agentId: AgentId | undefined;
}

/** What a name leads to before an import. */
export interface ImportTarget {
  /** False for a name that is free. */
  readonly exists: boolean;
  /** Undefined also while somebody writes to the file. */
  readonly etag: ContentHash | undefined;
  readonly mtime: Timestamp | undefined;
}

export interface ImportFilesRequest {
  readonly files: readonly FileImport[];
  /** Files without a name, closed, whose contents may be used. */
  readonly unnamed: readonly Ino[];
  /** Checks everything, and changes nothing. */
  readonly dryRun: boolean;
}

export interface FileImport {
  /** Canonical. */
  readonly path: string;
  /** What was found under the name; it has to be so still. */
  readonly expected: ImportTarget;
  readonly etag: ContentHash;
  readonly sizeBytes: number;
  /** Kept by a new file, if no other one has it. */
  readonly pathId: PathId | undefined;
  readonly version: number;
  readonly mtime: Timestamp;
  readonly btime: Timestamp;
  /** Undefined: what the name suggests. */
  readonly mimeType: string | undefined;
  /** Takes the place of all custom metadata. */
  readonly metadata: ReadonlyMap<string, Uint8Array>;
}

export interface ReadRequest {
  readonly handle: number;
  readonly offset: number;
  readonly into: Uint8Array;
}

export interface WriteRequest {
  readonly handle: number;
  /**
   * `end` is where the file ends when its turn comes: O_APPEND, for who doesn't know the size. A function is asked
   * then, which may be after this request has returned.
   */
  readonly offset: number | "end" | (() => number | "end");
  readonly data: Uint8Array;
  readonly killSetId: boolean;
}

export interface FallocateRequest {
  readonly handle: number;
  readonly offset: number;
  readonly length: number;
  readonly mode: "extend" | "keep-size" | "punch-hole" | "zero" | "zero-keep-size";
}

export interface SeekRequest {
  readonly handle: number;
  readonly offset: number;
  readonly to: "data" | "hole";
}

export interface CopyFileRangeRequest {
  readonly handle: number;
  readonly offset: number;
  readonly toHandle: number;
  readonly toOffset: number;
  readonly length: number;
}

export interface ListedEntry {
  readonly name: string;
  readonly ino: Ino;
  /** Only the type bits count. */
  readonly mode: number;
  /** Where a later call goes on after this entry. */
  readonly cookie: number;
}

export interface ListedEntryPlus extends ListedEntry {
  /** Undefined for `.` and `..` and for what is virtual, which count no look-up. */
  readonly attributes: Attributes | undefined;
}

export interface ReaddirRequest extends InodeRequest {
  readonly cookie: number;
  /** What `opendir` gave, if it gave one. */
  readonly handle?: number;
  /** About how many entries the caller has room for. */
  readonly limit: number;
  /** Leaves the access time alone. */
  readonly noAtime?: boolean;
  readonly emit: (entry: ListedEntry) => boolean;
}

export interface ReaddirPlusRequest extends InodeRequest {
  readonly cookie: number;
  readonly handle?: number;
  readonly limit: number;
  /** Leaves the access time alone. */
  readonly noAtime?: boolean;
  readonly emit: (entry: ListedEntryPlus) => boolean;
}

export interface XattrRequest extends InodeRequest {
  /** Whole, with its prefix: `user.project`. */
  readonly name: string;
}

export interface SetXattrRequest extends XattrRequest {
  readonly value: Uint8Array;
  /** To create and replace at once can't be done; the error says which of the two it was. */
  readonly mode: "create" | "replace" | "create and replace" | "any";
}

export interface FileSystemStat {
  readonly blockBytes: number;
  readonly blocks: number;
  readonly blocksFree: number;
  readonly blocksAvailable: number;
  readonly files: number;
  readonly filesFree: number;
  readonly nameMaxBytes: number;
}
