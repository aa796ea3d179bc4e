import { FALLOC, RENAME } from "../conformance/posix-driver.js";
import type { Outcome } from "./side.js";
import { pathsOf, type Step } from "./step.js";

// All that the two sides may differ in; compare.ts has which attributes aren't compared, and why. Besides, no step
// asks for what would make the sides go apart, for good reasons (isAsked in generate.ts, arguments.ts):
// - positions behind 16 TiB: FUSE lets lseek(2) go there, though no file can;
// - data behind 16 TiB, by an ordinary user: the kernel takes the set-id bits before the daemon can refuse;
// - set-group-id without group execute: FUSE doesn't tell who may keep it (native-notes/caching.md);
// - through two mounts, FIFOs and mmap, which are each kernel's own; and RWF_NOAPPEND, which FUSE doesn't tell
//   from an append to what the other mount has made longer (fuse/operations/data.ts).
// What a mount through fuse-native differs in besides is in fuse-native.ts.
// And after seekdir(3) names may come that are gone (side.ts). A listing that the kernel keeps, but that nobody has
// read to its end, it takes to be complete when another reader reaches the same end, without a look at whether the
// directory has changed since (fuse_readdir_cache_end in its fs/fuse/readdir.c); only who starts over finds out.

/** What the mount refuses on purpose, though a file system of the kernel does it. */
export interface Refused {
  readonly name: string;
  readonly reason: string;
  readonly isOf: (step: Step) => boolean;
  /** With what; the native side isn't asked, so that both stay alike. */
  readonly errnos: readonly string[];
  /** Or it says that it has been done, and nothing has changed. */
  readonly mayDoNothing?: true;
}

/** A call that fails natively, and on the mount with something else, or comes to nothing. */
export interface OtherErrno {
  readonly reason: string;
  readonly calls: readonly Step["call"][];
  readonly native: string;
  /** An errno, or what is returned. */
  readonly mount: string | number | undefined;
  /** Only where the directory has two mounts. */
  readonly ofTwoMounts?: true;
}

/** A step after which the times of one inode moved on one side alone. */
export interface OtherMoves {
  readonly reason: string;
  readonly isOf: (step: Step) => boolean;
  /** Only where the call fails, or only where it doesn't. */
  readonly fails: boolean;
  readonly moved: "native" | "mount";
}

/** What one kind of mount may differ in. */
export interface Accepted {
  readonly refused: readonly Refused[];
  readonly otherErrnos: readonly OtherErrno[];
  readonly otherMoves: readonly OtherMoves[];
}

/** What is in the way on the way to the name. */
export const ON_THE_WAY = ["ENOENT", "ENOTDIR", "EACCES", "ELOOP"];

const REFUSED: readonly Refused[] = [
  {
    name: "names that aren't UTF-8",
    reason: "names are text in SQL, in the library and in JSON",
    isOf: (step) => pathsOf(step).some((path) => typeof path !== "string"),
    errnos: ["EILSEQ", ...ON_THE_WAY],
  },
  {
    name: "control characters in names",
    reason: "a canonical path of the store has none",
    isOf: (step) => pathsOf(step).some((path) => typeof path === "string" && hasControl(path)),
    errnos: ["EINVAL", ...ON_THE_WAY],
  },
  {
    name: "collapsing and inserting ranges",
    reason: "FUSE passes on no such mode",
    isOf: (step) =>
      step.call === "fallocate" &&
      (step.mode & (FALLOC.COLLAPSE_RANGE | FALLOC.INSERT_RANGE)) !== 0,
    errnos: ["EOPNOTSUPP", "EBADF", "ENODEV", "EINVAL", "no descriptor"],
  },
  {
    name: "ACLs",
    reason: "permissions are those of the mode",
    isOf: (step) =>
      "name" in step && step.call !== "openat" && step.name.startsWith("system.posix_acl"),
    errnos: ["EOPNOTSUPP", "EBADF", "no descriptor", ...ON_THE_WAY],
  },
];

/** What is removed through one mount is open through the other one, whose kernel isn't told that it is gone. */
const REMOVED_ELSEWHERE = "a kernel knows only of its own removals that an open directory is gone";

const OTHER_ERRNOS: readonly OtherErrno[] = [
  {
    reason:
      "a directory's position is a hash on ext4, and so large that the kernel refuses to read from there",
    calls: ["read", "write", "copyFileRange"],
    native: "EINVAL",
    mount: "EISDIR",
  },
  {
    reason: "an ordinary user's mount has no devices (nodev), and a whiteout is one",
    calls: ["open", "openat"],
    native: "ENXIO",
    mount: "EACCES",
  },
  {
    reason: "FUSE knows of no largest file, so it asks first whether there is anything to copy",
    calls: ["copyFileRange"],
    native: "EFBIG",
    mount: 0,
  },
  // Nothing, or what is left of a listing that it has kept.
  ...["", "..:4 .:4"].map((mount) => ({
    reason: REMOVED_ELSEWHERE,
    calls: ["flist"] as const,
    native: "ENOENT",
    mount,
    ofTwoMounts: true as const,
  })),
  {
    reason: REMOVED_ELSEWHERE,
    calls: ["getdents64"],
    native: "ENOENT",
    mount: undefined,
    ofTwoMounts: true,
  },
];

const OTHER_MOVES: readonly OtherMoves[] = [
  {
    reason: "ext4 writes the whiteout before it finds that the rename can't be, and takes it back",
    isOf: (step) => step.call === "renameat2" && (step.flags & RENAME.WHITEOUT) !== 0,
    fails: true,
    moved: "native",
  },
  {
    reason: "ext4 doesn't count it as a change to set the value that there is",
    isOf: ({ call }) => call === "setxattr" || call === "fsetxattr",
    fails: false,
    moved: "mount",
  },
];

/** A mount by the device, which others may have more of. */
export const ACCEPTED: Accepted = {
  refused: REFUSED,
  otherErrnos: OTHER_ERRNOS,
  otherMoves: OTHER_MOVES,
};

export function refusedByMount({ refused }: Accepted, step: Step): Refused | undefined {
  return refused.find(({ isOf }) => isOf(step));
}

export function mayFailSo(
  { otherErrnos }: Accepted,
  { step, ...errnos }: { step: Step; native: string; mount: string | number | undefined },
): boolean {
  return otherErrnos.some(
    ({ calls, native, mount, ofTwoMounts }) =>
      calls.includes(step.call) &&
      native === errnos.native &&
      mount === errnos.mount &&
      (ofTwoMounts !== true || step.via !== undefined),
  );
}

export function mayMoveSo(
  { otherMoves }: Accepted,
  { moved, step, outcome }: { moved: "native" | "mount"; step: Step; outcome: Outcome },
): boolean {
  return otherMoves.some(
    (other) => other.moved === moved && other.fails === "error" in outcome && other.isOf(step),
  );
}

/** Somebody has to look at such a step, to know of which inode it is. */
export function isFreeToMove({ otherMoves }: Accepted, step: Step): boolean {
  return otherMoves.some(({ isOf }) => isOf(step));
}

function hasControl(path: string): boolean {
  return [...path].some((character) => character < " " || character === "\x7f");
}
