import { S_IFDIR, S_IFMT } from "../../src/model/attributes.js";
import { type PosixDriver, PosixError, type Stat } from "../conformance/posix-driver.js";
import type { Side } from "./side.js";
import { pathsOf, type Step, slotsOf } from "./step.js";

/** What is seen of each thing that a step touches: attributes, a position, or the name of an errno. */
export type Look = ReadonlyMap<string, Stat | number | string>;

/**
 * Looks at all that a step names: what its paths lead to, symlinks followed and not, the directories that
 * they lie in, its descriptors and their positions; through every mount.
 */
export async function look(side: Side, step: Step): Promise<Look> {
  const seen = new Map<string, Stat | number | string>();
  for (const path of pathsOf(step)) {
    if (typeof path !== "string") continue;
    for (const [via, driver] of side.drivers.entries()) {
      const where = via === 0 ? "" : ` through mount ${via}`;
      seen.set(`lstat of ${path}${where}`, await orErrno(driver.lstat(path)));
      seen.set(`stat of ${path}${where}`, await orErrno(driver.stat(path)));
      const parent = parentOf(path);
      seen.set(`stat of ${parent}${where}`, await orErrno(driver.stat(parent)));
    }
  }
  for (const slot of slotsOf(step)) {
    const descriptor = side.slots.get(slot);
    const driver = side.driver(descriptor?.via ?? 0);
    if (descriptor === undefined) continue;
    const stat = await orErrno(driver.fstat(descriptor.fd));
    seen.set(`fstat of ${slot}`, stat);
    // A directory's position is a number of the file system's own.
    if (typeof stat === "object" && (stat.mode & S_IFMT) === S_IFDIR) continue;
    seen.set(`position of ${slot}`, await position(driver, descriptor.fd));
  }
  return seen;
}

/** The directory that a path's last component is in, as the path has it. */
function parentOf(path: string): string {
  return /^(?<parent>.+?)\/+[^/]+\/*$/.exec(path)?.groups?.parent ?? ".";
}

async function position(driver: PosixDriver, fd: number): Promise<number | string> {
  return await orErrno(driver.lseek(fd, { offset: 0, whence: "current" }));
}

/** What a call returns, or the name of the errno that it fails with. */
export async function orErrno<T>(call: Promise<T>): Promise<T | string> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof PosixError) return error.code;
    throw error;
  }
}
