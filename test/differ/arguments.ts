import type { Timestamp } from "../../src/model/timestamp.js";
import { O, XATTR } from "../conformance/posix-driver.js";
import { DATA_STARTS } from "./data.js";
import { O_PATH } from "./flags.js";
import type { Random } from "./random.js";
import type { Data } from "./step.js";

// From few values of each kind, so that steps meet each other; among them those at which something ends.

/** Descriptors that are open at once. */
export const SLOTS = 6;

const NAMES = ["a", "b", "c", "d", "e"] as const;
const LONGEST = "n".repeat(255);
const RARE_NAMES = ["ü", "日本", "file..txt", " ", LONGEST, `${LONGEST}n`, "e\u0301"] as const;

const KIB = 1024;
const ENDS = [512, 4 * KIB, 8 * KIB, 64 * KIB, 128 * KIB] as const;
/** Behind the largest file that there may be. */
export const TOO_FAR = 2 ** 44;

const MODES = [0o777, 0o777, 0o755, 0o700, 0o666, 0o644, 0o644, 0o600, 0o444, 0o711] as const;
const RARE_MODES = [0, 0o1777, 0o2775, 0o2654, 0o4755, 0o4711, 0o500, 0o300, 0o555] as const;

/** Before the epoch, long ago, in between and far away, with all digits of a nanosecond. */
const TIMES: readonly Timestamp[] = [
  { sec: 0, nsec: 0 },
  { sec: -1, nsec: 999_999_999 },
  { sec: -(2 ** 31) + 1, nsec: 5 },
  { sec: 1_000_000_000, nsec: 123_456_789 },
  { sec: 2 ** 31, nsec: 1 },
  { sec: 2 ** 33, nsec: 999_999_999 },
];

const ATTRIBUTES = ["user.a", "user.b", "user.note", "trusted.a", "security.note"] as const;
const RARE_ATTRIBUTES = [
  `user.${"x".repeat(250)}`,
  `user.${"x".repeat(251)}`,
  "user.",
  "other.a",
  "",
] as const;

export class Arguments {
  readonly random: Random;

  constructor(random: Random) {
    this.random = random;
  }

  path(): string {
    const { random } = this;
    const depth = random.weighted([
      [60, 1],
      [30, 2],
      [10, 3],
    ]);
    const path = Array.from({ length: depth }, () => this.component()).join("/");
    return random.chance(2) ? `${path}${random.pick(["/", "//", "/."])}` : path;
  }

  component(): string {
    const { random } = this;
    if (random.chance(96)) return random.pick(NAMES);
    return random.weighted([
      [10, random.pick(RARE_NAMES)],
      [3, "."],
      [3, ".."],
    ]);
  }

  /** Mostly within the tree; never absolute but to nowhere, so that a step can't leave its place. */
  target(): string {
    const { random } = this;
    return random.weighted([
      [20, random.pick(NAMES)],
      [6, this.path()],
      [3, `../${random.pick(NAMES)}`],
      [1, "."],
      [1, ".."],
      [1, "/nonexistent/a"],
      [1, "x".repeat(random.pick([1, 59, 60, 255, 4000, 4095, 4096]))],
      [1, ""],
    ]);
  }

  slot(): number {
    return this.random.below(SLOTS);
  }

  data(): Data {
    return { length: this.length(), from: this.random.below(DATA_STARTS) };
  }

  length(): number {
    const { random } = this;
    return random.weighted([
      [3, 0],
      [10, 1],
      [40, random.below(100)],
      [25, random.below(5000)],
      [8, random.pick(ENDS) + random.below(3) - 1],
      [5, random.below(70_000)],
    ]);
  }

  offset(): number {
    const { random } = this;
    return random.weighted([
      [25, 0],
      [25, random.below(100)],
      [25, random.below(9000)],
      [15, random.pick(ENDS) + random.below(3) - 1],
      [10, random.below(150_000)],
      [1, random.below(5_000_000)],
      [1, -1],
      [1, TOO_FAR],
    ]);
  }

  /** For lseek(2), which lets a position be where no file can have bytes on some file systems only. */
  position(): number {
    const offset = this.random.chance(15) ? -this.random.below(5000) : this.offset();
    return offset === TOO_FAR ? 0 : offset;
  }

  mode(): number {
    return this.random.chance(85) ? this.random.pick(MODES) : this.random.pick(RARE_MODES);
  }

  openFlags(): number {
    const { random } = this;
    let flags = random.weighted([
      [3, O.RDONLY],
      [2, O.WRONLY],
      [6, O.RDWR],
    ]);
    if (random.chance(55)) flags |= O.CREAT;
    if (random.chance(8)) flags |= O.EXCL;
    if (random.chance(8)) flags |= O.TRUNC;
    if (random.chance(10)) flags |= O.APPEND;
    if (random.chance(4)) flags |= O.DIRECTORY;
    if (random.chance(4)) flags |= O.NOFOLLOW;
    if (random.chance(3)) flags |= O.NOATIME;
    if (random.chance(2)) flags |= O_PATH;
    if (random.chance(3)) flags = (flags & ~O.CREAT) | O.TMPFILE;
    return flags;
  }

  time(): Timestamp | "now" {
    return this.random.chance(30) ? "now" : this.random.pick(TIMES);
  }

  /** What is left out stays. */
  times(): { atime?: Timestamp | "now"; mtime?: Timestamp | "now" } {
    return {
      ...(this.random.chance(75) ? { atime: this.time() } : {}),
      ...(this.random.chance(75) ? { mtime: this.time() } : {}),
    };
  }

  attribute(): string {
    return this.random.chance(94)
      ? this.random.pick(ATTRIBUTES)
      : this.random.pick(RARE_ATTRIBUTES);
  }

  value(): Data {
    return { length: this.random.pick([0, 1, 5, 40, 90]), from: this.random.below(DATA_STARTS) };
  }

  setFlags(): number {
    return this.random.pick([0, 0, 0, XATTR.CREATE, XATTR.REPLACE]);
  }
}
