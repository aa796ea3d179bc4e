import { NexusError } from "../../model/errors.js";
import { INIT_FLAG, MAJOR, NEWEST_MINOR, OLDEST_MINOR } from "./constants.js";
import type { Reply } from "./reply.js";
import type { Request } from "./request.js";

/** The largest READ and WRITE we take; the kernel's own bound is 256 pages. */
export const MAX_WRITE_BYTES = 1024 * 1024;
/** The kernel wants room for a WRITE with its headers; a page is more than enough for those. */
export const MAX_REQUEST_BYTES = MAX_WRITE_BYTES + 4096;
const PAGE_BYTES = 4096;
const MAX_PAGES = MAX_WRITE_BYTES / PAGE_BYTES;

/** Requests that the kernel may have under way on its own (read-ahead), and when it calls that busy. */
const MAX_BACKGROUND = 64;
const CONGESTION_THRESHOLD = 48;

/**
 * What we ask for, where the kernel offers it. Left off: POSIX_LOCKS and FLOCK_LOCKS (the kernel's
 * own locks are right for a mount that is the only one), WRITEBACK_CACHE (see native-notes),
 * POSIX_ACL.
 */
const WANTED: readonly (keyof typeof INIT_FLAG)[] = [
  "ASYNC_READ",
  "ASYNC_DIO",
  "ATOMIC_O_TRUNC",
  "BIG_WRITES",
  "DO_READDIRPLUS",
  "READDIRPLUS_AUTO",
  "PARALLEL_DIROPS",
  "ABORT_ERROR",
  "MAX_PAGES",
  "CACHE_SYMLINKS",
  "HANDLE_KILLPRIV_V2",
  "INIT_EXT",
];

/** What was agreed with a kernel. */
export interface Agreement {
  readonly minor: number;
  readonly flags: readonly (keyof typeof INIT_FLAG)[];
}

/**
 * Answers INIT. Undefined when the kernel speaks a newer major version: it then asks again in ours.
 * Errors: `not-supported` for a kernel older than 5.4 (7.31).
 */
export function negotiate(request: Request, reply: Reply): Agreement | undefined {
  const [major, minor] = [request.u32(0), request.u32(4)];
  if (major > MAJOR) {
    reply.u32(MAJOR);
    reply.u32(NEWEST_MINOR);
    reply.zeros(56);
    return undefined;
  }
  if (major < MAJOR || minor < OLDEST_MINOR) {
    throw new NexusError(
      "not-supported",
      `this kernel speaks FUSE ${major}.${minor}; at least ${MAJOR}.${OLDEST_MINOR} is needed (Linux 5.4)`,
    );
  }
  const maxReadahead = request.u32(8);
  const offered = request.u32(12);
  const flags = WANTED.filter((name) => (offered & (1 << INIT_FLAG[name])) !== 0);
  const accepted = flags.reduce((bits, name) => bits | (1 << INIT_FLAG[name]), 0);
  const agreedMinor = Math.min(minor, NEWEST_MINOR);

  // struct fuse_init_out, 64 bytes.
  reply.u32(MAJOR);
  reply.u32(agreedMinor);
  reply.u32(maxReadahead);
  reply.u32(accepted);
  reply.u16pair(MAX_BACKGROUND, CONGESTION_THRESHOLD);
  reply.u32(MAX_WRITE_BYTES);
  reply.u32(1); // time_gran: nanoseconds
  reply.u16pair(MAX_PAGES, 0);
  reply.zeros(32); // flags2, max_stack_depth, request_timeout, unused
  return { minor: agreedMinor, flags };
}
