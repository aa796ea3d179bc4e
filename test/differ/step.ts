import type { Timestamp } from "../../src/model/timestamp.js";
import type { Whence } from "../conformance/posix-driver.js";

/** Bytes of a content: so many, of the pattern that begins at `from`. */
export interface Data {
  readonly length: number;
  readonly from: number;
}

/** A path below the directory that is compared, or the bytes of one in hexadecimal. */
export type StepPath = string | { readonly hex: string };

/** In JSON: what is left out stays as it is. */
interface StepTimes {
  readonly atime?: Timestamp | "now";
  readonly mtime?: Timestamp | "now";
}

interface AtPath {
  readonly path: StepPath;
}

/** Where its descriptor is: a place in the pool, with what was opened there last. */
interface AtSlot {
  readonly slot: number;
}

interface SetAttribute {
  readonly name: string;
  readonly value: Data;
  readonly flags: number;
}

/** One call and its arguments, as they are in JSON; names as in PosixDriver where it has the call. */
export type Call =
  | ({ readonly call: "open"; readonly flags: number; readonly mode: number } & AtSlot & AtPath)
  | ({
      readonly call: "openat";
      readonly at: number;
      readonly flags: number;
      readonly mode: number;
      readonly name: string;
    } & AtSlot)
  | ({
      readonly call: "close" | "fstat" | "fsync" | "fdatasync" | "dropCache";
    } & AtSlot)
  | ({ readonly call: "read"; readonly length: number } & AtSlot)
  | ({ readonly call: "pread"; readonly offset: number; readonly length: number } & AtSlot)
  | ({ readonly call: "write"; readonly data: Data } & AtSlot)
  | ({ readonly call: "pwrite"; readonly offset: number; readonly data: Data } & AtSlot)
  | ({
      readonly call: "pwritev2";
      readonly offset: number;
      readonly data: Data;
      readonly flags: number;
    } & AtSlot)
  | ({ readonly call: "setStatusFlags"; readonly flags: number } & AtSlot)
  | ({ readonly call: "lseek"; readonly offset: number; readonly whence: Whence } & AtSlot)
  | ({ readonly call: "truncate"; readonly size: number } & AtPath)
  | ({ readonly call: "ftruncate"; readonly size: number } & AtSlot)
  | ({
      readonly call: "fallocate";
      readonly mode: number;
      readonly offset: number;
      readonly length: number;
    } & AtSlot)
  | ({
      readonly call: "copyFileRange";
      readonly offset?: number;
      readonly to: number;
      readonly toOffset?: number;
      readonly length: number;
    } & AtSlot)
  | ({
      readonly call: "mmap";
      readonly shared: boolean;
      readonly offset: number;
      readonly data: Data;
    } & AtSlot)
  | ({ readonly call: "fchmod"; readonly mode: number } & AtSlot)
  | ({ readonly call: "futimens" } & AtSlot & StepTimes)
  | ({ readonly call: "flink"; readonly to: StepPath } & AtSlot)
  | ({ readonly call: "flist"; readonly bytes: number } & AtSlot)
  | ({ readonly call: "getdents64"; readonly bytes: number } & AtSlot)
  | ({ readonly call: "fgetxattr"; readonly name: string } & AtSlot)
  | ({ readonly call: "fsetxattr" } & AtSlot & SetAttribute)
  | ({
      readonly call: "stat" | "lstat" | "rmdir" | "unlink" | "readlink" | "settle";
    } & AtPath)
  | ({ readonly call: "access" | "chmod" | "mkdir"; readonly mode: number } & AtPath)
  | ({ readonly call: "chown" | "lchown"; readonly uid?: number; readonly gid?: number } & AtPath)
  | ({ readonly call: "utimensat"; readonly follow: boolean } & AtPath & StepTimes)
  | { readonly call: "umask"; readonly mask: number }
  | ({ readonly call: "rename" | "link"; readonly to: StepPath } & AtPath)
  | ({ readonly call: "renameat2"; readonly to: StepPath; readonly flags: number } & AtPath)
  | ({ readonly call: "symlink"; readonly target: string } & AtPath)
  | ({
      readonly call: "mknod";
      readonly mode: number;
      readonly major: number;
      readonly minor: number;
    } & AtPath)
  | ({ readonly call: "list"; readonly bytes: number } & AtPath)
  | ({
      readonly call: "getxattr";
      readonly name: string;
      readonly size?: number;
      readonly follow: boolean;
    } & AtPath)
  | ({ readonly call: "setxattr"; readonly follow: boolean } & AtPath & SetAttribute)
  | ({ readonly call: "listxattr"; readonly size?: number; readonly follow: boolean } & AtPath)
  | ({ readonly call: "removexattr"; readonly name: string } & AtPath);

/**
 * A step of a sequence. `flist` and `list` read a whole directory, `flist` from its start; `settle` brings
 * a content to its place of rest, where there is one; `dropCache` has the kernel forget clean pages.
 */
export type Step = Call & {
  /** Through which of several mounts; a descriptor stays with its own. */
  readonly via?: number;
  /** As the ordinary user, where root runs the sequence. */
  readonly asUser?: true;
  /** Nobody looks at the attributes before and after: what the kernel keeps stays as it was. */
  readonly unseen?: true;
};

/** The paths that a step names, in the order in which they stand. */
export function pathsOf(step: Step): readonly StepPath[] {
  return [...("path" in step ? [step.path] : []), ...("to" in step ? [step.to] : [])].filter(
    (path) => typeof path !== "number",
  );
}

/** The descriptors that a step names. */
export function slotsOf(step: Step): readonly number[] {
  const slots: number[] = [];
  if ("slot" in step) slots.push(step.slot);
  if (step.call === "openat") slots.push(step.at);
  if (step.call === "copyFileRange") slots.push(step.to);
  return [...new Set(slots)];
}

export function pathBytes(path: StepPath): string | Uint8Array {
  return typeof path === "string" ? path : Buffer.from(path.hex, "hex");
}
