import {
  S_IFBLK,
  S_IFCHR,
  S_IFIFO,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
} from "../../src/model/attributes.js";
import { FALLOC, O, RENAME, RWF, type Whence } from "../conformance/posix-driver.js";
import { Arguments, TOO_FAR } from "./arguments.js";
import type { Unasked } from "./profile.js";
import { Random } from "./random.js";
import type { Call, Step } from "./step.js";

export interface Plan {
  readonly seed: number;
  readonly length: number;
  /** Through how many mounts. */
  readonly mounts: number;
  /** The ordinary user, whom files are given to. */
  readonly uid: number;
  readonly gid: number;
  /** Whether root runs the steps, and takes some of them as that user. */
  readonly isRoot: boolean;
  /** What no step asks for besides. */
  readonly unasked?: readonly Unasked[];
}

type Choice = readonly [weight: number, make: (any: Arguments) => Call];

const WHENCES: readonly Whence[] = ["set", "set", "current", "end", "data", "hole"];
const { KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE } = FALLOC;
const FALLOCATE_MODES = [
  0,
  KEEP_SIZE,
  PUNCH_HOLE | KEEP_SIZE,
  ZERO_RANGE,
  ZERO_RANGE | KEEP_SIZE,
  PUNCH_HOLE,
] as const;
const RENAME_FLAGS = [
  0,
  RENAME.NOREPLACE,
  RENAME.EXCHANGE,
  RENAME.EXCHANGE,
  RENAME.WHITEOUT,
  RENAME.NOREPLACE | RENAME.WHITEOUT,
  RENAME.NOREPLACE | RENAME.EXCHANGE,
  8,
] as const;
const WRITE_FLAGS = [0, RWF.APPEND, RWF.NOAPPEND, 0x1000] as const;

const DATA_CALLS: readonly Choice[] = [
  [40, (any) => ({ call: "write", slot: any.slot(), data: any.data() })],
  [40, (any) => ({ call: "pwrite", slot: any.slot(), offset: any.offset(), data: any.data() })],
  [30, (any) => ({ call: "read", slot: any.slot(), length: any.length() })],
  [30, (any) => ({ call: "pread", slot: any.slot(), offset: any.offset(), length: any.length() })],
  [
    6,
    (any) => ({
      call: "pwritev2",
      slot: any.slot(),
      offset: any.offset(),
      data: any.data(),
      flags: any.random.pick(WRITE_FLAGS),
    }),
  ],
  [
    4,
    (any) => ({ call: "setStatusFlags", slot: any.slot(), flags: any.random.pick([0, O.APPEND]) }),
  ],
  [
    20,
    (any) => ({
      call: "lseek",
      slot: any.slot(),
      offset: any.position(),
      whence: any.random.pick(WHENCES),
    }),
  ],
  [20, (any) => ({ call: "ftruncate", slot: any.slot(), size: any.offset() })],
  [
    30,
    (any) => ({
      call: "fallocate",
      slot: any.slot(),
      mode: any.random.pick(FALLOCATE_MODES),
      offset: any.offset(),
      length: any.length(),
    }),
  ],
  [
    30,
    (any) => ({
      call: "copyFileRange",
      slot: any.slot(),
      ...(any.random.chance(80) ? { offset: any.offset() } : {}),
      to: any.slot(),
      ...(any.random.chance(80) ? { toOffset: any.offset() } : {}),
      length: any.length(),
    }),
  ],
  [1, (any) => ({ call: "fsync", slot: any.slot() })],
  [1, (any) => ({ call: "fdatasync", slot: any.slot() })],
  [8, (any) => ({ call: "dropCache", slot: any.slot() })],
];

const OPEN_CALLS: readonly Choice[] = [
  [
    90,
    (any) => ({
      call: "open",
      slot: any.slot(),
      path: any.path(),
      flags: any.openFlags(),
      mode: any.mode(),
    }),
  ],
  [
    8,
    (any) => ({
      call: "openat",
      slot: any.slot(),
      at: any.slot(),
      name: any.path(),
      flags: any.openFlags(),
      mode: any.mode(),
    }),
  ],
  [
    6,
    (any) => ({
      call: "open",
      slot: any.slot(),
      path: any.path(),
      flags: O.RDONLY | O.DIRECTORY,
      mode: 0,
    }),
  ],
  [15, (any) => ({ call: "close", slot: any.slot() })],
  [20, (any) => ({ call: "settle", path: any.path() })],
];

const NAME_CALLS: readonly Choice[] = [
  [30, (any) => ({ call: "mkdir", path: any.path(), mode: any.mode() })],
  [15, (any) => ({ call: "rmdir", path: any.path() })],
  [25, (any) => ({ call: "unlink", path: any.path() })],
  [30, (any) => ({ call: "rename", path: any.path(), to: any.path() })],
  [
    25,
    (any) => ({
      call: "renameat2",
      path: any.path(),
      to: any.path(),
      flags: any.random.pick(RENAME_FLAGS),
    }),
  ],
  [25, (any) => ({ call: "link", path: any.path(), to: any.path() })],
  [8, (any) => ({ call: "flink", slot: any.slot(), to: any.path() })],
  [15, (any) => ({ call: "symlink", target: any.target(), path: any.path() })],
  [10, (any) => ({ call: "readlink", path: any.path() })],
  [12, (any) => ({ call: "list", path: any.path(), bytes: any.random.pick([24, 280, 700, 4096]) })],
  [6, (any) => ({ call: "list", path: ".", bytes: any.random.pick([280, 4096]) })],
  [8, (any) => ({ call: "flist", slot: any.slot(), bytes: any.random.pick([280, 4096]) })],
  [8, (any) => ({ call: "getdents64", slot: any.slot(), bytes: any.random.pick([280, 700]) })],
  [
    8,
    (any) => ({
      call: "mknod",
      path: any.path(),
      ...any.random.pick([
        { mode: S_IFREG, major: 0, minor: 0 },
        { mode: S_IFCHR, major: 0, minor: 0 },
        { mode: S_IFCHR, major: 1, minor: 3 },
        { mode: S_IFBLK, major: 251, minor: 70_000 },
        { mode: S_IFSOCK, major: 0, minor: 0 },
      ]),
    }),
  ],
  [4, (any) => ({ call: "mknod", path: any.path(), mode: S_IFIFO | 0o644, major: 0, minor: 0 })],
];

const ATTRIBUTE_CALLS: readonly Choice[] = [
  [10, (any) => ({ call: "stat", path: any.path() })],
  [10, (any) => ({ call: "lstat", path: any.path() })],
  [10, (any) => ({ call: "fstat", slot: any.slot() })],
  [15, (any) => ({ call: "truncate", path: any.path(), size: any.offset() })],
  [8, (any) => ({ call: "access", path: any.path(), mode: any.random.below(8) })],
  [20, (any) => ({ call: "chmod", path: any.path(), mode: any.mode() })],
  [8, (any) => ({ call: "fchmod", slot: any.slot(), mode: any.mode() })],
  [
    20,
    (any) => ({
      call: "utimensat",
      path: any.path(),
      follow: any.random.chance(60),
      ...any.times(),
    }),
  ],
  [8, (any) => ({ call: "futimens", slot: any.slot(), ...any.times() })],
  [3, (any) => ({ call: "umask", mask: any.random.pick([0, 0, 0o022, 0o027]) })],
  [
    12,
    (any) => ({
      call: "getxattr",
      path: any.path(),
      name: any.attribute(),
      ...(any.random.chance(30) ? { size: any.random.pick([0, 1, 5, 40]) } : {}),
      follow: any.random.chance(60),
    }),
  ],
  [5, (any) => ({ call: "fgetxattr", slot: any.slot(), name: any.attribute() })],
  [
    25,
    (any) => ({
      call: "setxattr",
      path: any.path(),
      name: any.attribute(),
      value: any.value(),
      flags: any.setFlags(),
      follow: any.random.chance(70),
    }),
  ],
  [
    8,
    (any) => ({
      call: "fsetxattr",
      slot: any.slot(),
      name: any.attribute(),
      value: any.value(),
      flags: any.setFlags(),
    }),
  ],
  [
    10,
    (any) => ({
      call: "listxattr",
      path: any.path(),
      ...(any.random.chance(30) ? { size: any.random.pick([0, 1, 20]) } : {}),
      follow: any.random.chance(60),
    }),
  ],
  [8, (any) => ({ call: "removexattr", path: any.path(), name: any.attribute() })],
];

/** One mount's kernel alone has these: memory that is shared, and pipes. */
const ONE_MOUNT_CALLS: readonly Choice[] = [
  [
    2,
    (any) => ({
      call: "mmap",
      slot: any.slot(),
      shared: any.random.chance(70),
      offset: any.random.below(70_000),
      data: any.data(),
    }),
  ],
];

/** Whether a step is one that the sides agree on; accepted.ts has the reasons. */
function isAsked(step: Step, { mounts, isRoot, unasked = [] }: Plan): boolean {
  if (unasked.some(({ isOf }) => isOf(step))) return false;
  if (mounts > 1) {
    if (step.call === "mknod" && (step.mode & S_IFMT) === S_IFIFO) return false;
    if (step.call === "pwritev2" && (step.flags & RWF.NOAPPEND) !== 0) return false;
  }
  if (isRoot && step.asUser !== true) return true;
  return (
    !("offset" in step && step.offset === TOO_FAR) &&
    !("toOffset" in step && step.toOffset === TOO_FAR)
  );
}

/** The steps of a plan: chosen without a look at what they come to, and so always the same. */
export function generate(plan: Plan): Step[] {
  const { seed, length, mounts, uid, gid, isRoot } = plan;
  const random = new Random(seed);
  const any = new Arguments(random);
  const owners: readonly Choice[] = (["chown", "lchown"] as const).map((call) => [
    10,
    () => ({
      call,
      path: any.path(),
      ...(random.chance(70) ? { uid: random.pick([0, uid, uid, 54_321]) } : {}),
      ...(random.chance(70) ? { gid: random.pick([0, gid, gid, 54_321]) } : {}),
    }),
  ]);
  const choices: readonly Choice[] = [
    ...DATA_CALLS,
    ...OPEN_CALLS,
    ...NAME_CALLS,
    ...ATTRIBUTE_CALLS,
    ...owners,
    ...(mounts === 1 ? ONE_MOUNT_CALLS : []),
  ];
  const steps: Step[] = [];
  while (steps.length < length) {
    const call = random.weighted(choices)(any);
    const step = {
      ...call,
      ...(mounts > 1 ? { via: random.below(mounts) } : {}),
      ...(isRoot && random.chance(12) ? { asUser: true as const } : {}),
      ...(random.chance(25) ? { unseen: true as const } : {}),
    };
    if (isAsked(step, plan)) steps.push(step);
  }
  return steps;
}
