import { arch } from "node:os";
import { bind, lastErrno } from "../../src/libc/library.js";
import { errnoCode, PosixError } from "./posix-driver.js";

// Who the main thread is to the kernel. Linux keeps credentials by thread, and the C library's
// wrappers change those of all threads; the bare system calls change this one's only. All three
// user ids have to change, not just the effective one: FUSE lets nobody else's process in, and looks
// at all of them. The way back is a capability that stays permitted while it isn't effective.

const PR_SET_KEEPCAPS = 8;
const LINUX_CAPABILITY_VERSION_3 = 0x20080522;

const NUMBERS: Readonly<Record<string, { resuid: number; resgid: number; groups: number }>> = {
  x64: { resuid: 117, resgid: 119, groups: 116 },
  arm64: { resuid: 147, resgid: 149, groups: 159 },
};

const syscallOfIds = bind<
  (number: number, real: number, effective: number, saved: number) => number
>("long syscall(long number, long real, long effective, long saved)");
const syscallOfGroups = bind<(number: number, count: number, groups: Uint32Array) => number>(
  "long syscall(long number, long count, void *groups)",
);
const libcPrctl = bind<(option: number, a: number, b: number, c: number, d: number) => number>(
  "int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)",
);
const libcCapget = bind<(header: Uint32Array, data: Uint32Array) => number>(
  "int capget(void *header, void *data)",
);
const libcCapset = bind<(header: Uint32Array, data: Uint32Array) => number>(
  "int capset(void *header, void *data)",
);

export interface Credentials {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups. */
  readonly groups?: readonly number[];
}

/**
 * Does something as another user, without any capability: for the kernel, and for the children that
 * are started meanwhile. Only root can. It becomes root again whatever happens.
 */
export async function actAs<T>(
  { uid, gid, groups = [] }: Credentials,
  work: () => Promise<T>,
): Promise<T> {
  if (process.getuid?.() !== 0) throw new Error("only root can act as another user");
  const groupsBefore = process.getgroups?.() ?? [];
  check("prctl", libcPrctl(PR_SET_KEEPCAPS, 1, 0, 0, 0));
  try {
    setGroups(groups);
    setIds("resgid", gid);
    setIds("resuid", uid);
    return await work();
  } finally {
    raisePermitted();
    setIds("resuid", 0);
    setIds("resgid", 0);
    setGroups(groupsBefore);
    check("prctl", libcPrctl(PR_SET_KEEPCAPS, 0, 0, 0, 0));
  }
}

function setIds(which: "resuid" | "resgid", id: number): void {
  check(`set${which}`, syscallOfIds(numbers()[which], id, id, id));
}

function setGroups(groups: readonly number[]): void {
  check(
    "setgroups",
    syscallOfGroups(numbers().groups, groups.length, Uint32Array.from([...groups, 0])),
  );
}

/** Makes effective what is permitted: two triples of effective, permitted, inheritable. */
function raisePermitted(): void {
  const header = Uint32Array.of(LINUX_CAPABILITY_VERSION_3, 0);
  const data = new Uint32Array(6);
  check("capget", libcCapget(header, data));
  data[0] = data[1] ?? 0;
  data[3] = data[4] ?? 0;
  check("capset", libcCapset(header, data));
}

function numbers() {
  const found = NUMBERS[arch()];
  if (found === undefined) throw new Error(`system calls of ${arch()} have no known numbers`);
  return found;
}

function check(call: string, result: number): void {
  if (result < 0) throw new PosixError(call, errnoCode(lastErrno()));
}
