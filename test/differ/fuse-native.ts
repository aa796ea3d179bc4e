import type { Timestamp } from "../../src/model/timestamp.js";
import { O, O_ACCMODE, RWF } from "../conformance/posix-driver.js";
import { ACCEPTED, ON_THE_WAY, type OtherMoves, type Refused } from "./accepted.js";
import type { Profile, Unasked } from "./profile.js";
import type { Step } from "./step.js";

// What a mount through fuse-native does otherwise than one by the device; native-notes/fuse-native.md has more.

/** What a call with a descriptor or a path fails with before a file system is asked. */
const BEFORE_IT_IS_ASKED = ["no descriptor", "EBADF", "EPERM", "EROFS", ...ON_THE_WAY];

const REFUSED: readonly Refused[] = [
  {
    name: "fallocate",
    reason: "libfuse 2 has no callback for it",
    isOf: ({ call }) => call === "fallocate",
    errnos: ["EOPNOTSUPP", "EINVAL", "ENODEV", "ESPIPE", "EFBIG", "EISDIR", ...BEFORE_IT_IS_ASKED],
  },
  {
    name: "rename with flags",
    reason: "libfuse 2 has no callback for it",
    isOf: (step) => step.call === "renameat2" && step.flags !== 0,
    errnos: [
      ...["EINVAL", "EEXIST", "EISDIR", "ENOTEMPTY", "ENAMETOOLONG", "EBUSY"],
      ...BEFORE_IT_IS_ASKED,
    ],
    // The kernel itself knows that both names are of one file.
    mayDoNothing: true,
  },
  {
    name: "O_TMPFILE",
    reason: "libfuse 2 has no callback for it",
    isOf: (step) => (step.call === "open" || step.call === "openat") && has(step.flags, O.TMPFILE),
    errnos: ["EOPNOTSUPP", "EINVAL", "ENAMETOOLONG", ...BEFORE_IT_IS_ASKED],
  },
  {
    name: "one time alone",
    reason: "libfuse 2 calls utimens only when both times are set",
    isOf: (step) =>
      (step.call === "utimensat" || step.call === "futimens") &&
      (step.atime === undefined) !== (step.mtime === undefined),
    errnos: ["ENAMETOOLONG", ...BEFORE_IT_IS_ASKED],
    mayDoNothing: true,
  },
];

const OTHER_MOVES: readonly OtherMoves[] = [
  {
    reason: "libfuse 2 calls chown only when an owner or a group is set",
    isOf: (step) => isChown(step) && step.uid === undefined && step.gid === undefined,
    fails: false,
    moved: "native",
  },
];

const UNASKED: readonly Unasked[] = [
  {
    reason: "libfuse 2 doesn't tell with which flags a directory was opened",
    isOf: (step) =>
      (step.call === "open" || step.call === "openat") &&
      has(step.flags, O.NOATIME) &&
      (step.flags & O_ACCMODE) === O.RDONLY,
  },
  {
    reason: "FUSE doesn't tell RWF_NOAPPEND from an append",
    isOf: (step) => step.call === "pwritev2" && has(step.flags, RWF.NOAPPEND),
  },
];

/** So many milliseconds of the store's clock are never the same. */
const TICK_MS = 2;
/** The kernel's own "now", which libfuse passes on, is up to a tick old: 10 ms with 100 a second. */
const KERNEL_TICK_MS = 12;

export const BY_FUSE_NATIVE: Profile = {
  accepted: {
    refused: [...ACCEPTED.refused, ...REFUSED],
    otherErrnos: ACCEPTED.otherErrnos,
    otherMoves: [...ACCEPTED.otherMoves, ...OTHER_MOVES],
  },
  unasked: UNASKED,
  shown: wholeMs,
  pauseMs: (step) => (setsNow(step) ? KERNEL_TICK_MS : TICK_MS),
  goesByName: true,
  asksForEachName: true,
};

/** The package passes times in unsigned milliseconds. */
function wholeMs({ sec, nsec }: Timestamp): Timestamp {
  if (sec < 0) return { sec: 0, nsec: 0 };
  return { sec, nsec: nsec - (nsec % 1e6) };
}

function setsNow(step: Step): boolean {
  if (step.call !== "utimensat" && step.call !== "futimens") return false;
  return step.atime === "now" || step.mtime === "now";
}

function isChown(step: Step): step is Extract<Step, { call: "chown" | "lchown" }> {
  return step.call === "chown" || step.call === "lchown";
}

function has(flags: number, bits: number): boolean {
  return (flags & bits) === bits;
}
