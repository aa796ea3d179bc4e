import type { ErrorKind } from "../../model/errors.js";
import type { Caller } from "../../model/identity.js";
import { type Ino, isVirtual } from "../../model/ids.js";
import type { MaybePromise } from "../../model/maybe-promise.js";
import type { Entry, FileSystem } from "../../vfs/file-system.js";
import type { Coherence } from "../invalidation/coherence.js";
import type { KernelCache } from "../invalidation/kernel-cache.js";
import type { Reply } from "../protocol/reply.js";
import type { Request } from "../protocol/request.js";

/**
 * How long the kernel may keep what it was told: names (also absent ones), attributes. The daemon is
 * the only writer, and tells the kernel of what is changed elsewhere, so: long. See
 * native-notes/caching.md.
 */
export const CACHE_SECONDS = 24 * 60 * 60;

/**
 * The same for what is told of one inode: its attributes, and if it is a directory the names in it and
 * that others aren't. The kernel has one cache for all users of a mount. Where callers differ, it may
 * keep nothing of the directories in which they part, and so asks on behalf of each who passes there. Nor
 * does it of a directory that several mounts change.
 */
export function cacheSeconds({ fs, callersDiffer, coherence }: Context, ino: Ino): number {
  if (isVirtual(ino) || coherence?.isContended(ino)) return 0;
  return callersDiffer && fs.variesByCaller({ ino }) ? 0 : CACHE_SECONDS;
}

/** One request while it is being carried out. */
export interface Context {
  readonly fs: FileSystem;
  readonly caller: Caller;
  /** Not all who use this mount have the same identity. */
  readonly callersDiffer: boolean;
  /**
   * Only valid until the operation returns: a later answer must have taken from it what it needs.
   */
  readonly request: Request;
  /** Belongs to this request until it is answered. */
  readonly reply: Reply;
  /** What the kernel holds once it has the answer: look-ups of these inodes, this handle. */
  readonly granted: Granted;
  /** How others hear of what is changed here, if there may be any. */
  readonly coherence: Pick<Coherence, "hasSeveral" | "isContended"> | undefined;
  /** What this kernel keeps, where others may change it. */
  readonly cache: KernelCache | undefined;
  /** Set by an operation that failed without throwing. */
  refusal: ErrorKind | undefined;
}

export interface Granted {
  readonly inos: Ino[];
  handle: number | undefined;
  /** What is written through the handle goes past the kernel's pages. */
  goesPastCache: boolean;
}

/**
 * Carries out one opcode: decodes the request, calls the file system, writes the body of the answer.
 * What it throws becomes the errno of the answer. An everyday failure is put into `refusal` instead:
 * making an error costs more than the rest of the request.
 */
export type Operation = (context: Context) => MaybePromise<void>;

/** struct fuse_entry_out, 128 bytes, and the look-up that it stands for. */
export function replyEntry(context: Context, found: { parent: Ino; entry: Entry }): void {
  grantLookup(context, found.entry.ino);
  encodeEntry(context, found);
}

/** A name that isn't there, for the kernel to remember: an entry of inode 0. */
export function replyAbsent(context: Context, { parent }: { parent: Ino }): void {
  const { reply } = context;
  reply.zeros(16);
  reply.u64(cacheSeconds(context, parent));
  reply.zeros(104);
}

/** How long the name counts is said of the directory, all else of the inode that it leads to. */
export function encodeEntry(
  context: Context,
  { parent, entry: { ino, attributes } }: { parent: Ino; entry: Entry },
): void {
  const { reply } = context;
  const seconds = cacheSeconds(context, ino);
  reply.u64(ino);
  reply.u64(0); // generation: numbers are never used twice
  reply.u64(isVirtual(ino) ? 0 : cacheSeconds(context, parent));
  reply.u64(seconds);
  reply.u64(0); // nanoseconds of both
  reply.attributes(attributes);
}

export function grantLookup({ granted }: Context, ino: Ino): void {
  granted.inos.push(ino);
}
