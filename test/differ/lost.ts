import { readFileSync, readlinkSync } from "node:fs";
import { S_IFDIR, S_IFMT, S_IFREG } from "../../src/model/attributes.js";
import type { Pair } from "./compare.js";
import { O_PATH } from "./flags.js";
import { orErrno } from "./look.js";
import type { Side } from "./side.js";
import type { Step } from "./step.js";

/** What proc(5) adds to the name by which something was opened, once that name is gone. */
const NAME_IS_GONE = / \(deleted\)$/;

/**
 * The descriptors that libfuse 2 can't use any more once a step has taken names away. It finds what is open by
 * path, and keeps one only for a regular file, in the directory where the name was. They are closed on both
 * sides; all others go on being compared.
 */
export class LostDescriptors {
  readonly #sides: Pair<Side>;
  readonly #takesDirectory: boolean;

  private constructor(sides: Pair<Side>, takesDirectory: boolean) {
    this.#sides = sides;
    this.#takesDirectory = takesDirectory;
  }

  /** Before the step; undefined if it takes no name away. */
  static async of(step: Step, sides: Pair<Side>): Promise<LostDescriptors | undefined> {
    switch (step.call) {
      case "unlink":
        return new LostDescriptors(sides, false);
      case "rmdir":
        return new LostDescriptors(sides, true);
      case "rename":
      case "renameat2": {
        const target = typeof step.to === "string" ? step.to : "";
        const there = await orErrno(sides.native.driver(0).lstat(target));
        const isDirectory = typeof there === "object" && (there.mode & S_IFMT) === S_IFDIR;
        return new LostDescriptors(sides, isDirectory);
      }
      default:
        return undefined;
    }
  }

  /** After the step, if it has succeeded. */
  async close(): Promise<void> {
    const { native, mount } = this.#sides;
    for (const [slot, { fd, via }] of [...native.slots]) {
      if (!NAME_IS_GONE.test(readlinkSync(`/proc/self/fd/${fd}`))) continue;
      const { mode } = await native.driver(via).fstat(fd);
      const isKept = (mode & S_IFMT) === S_IFREG && !isPath(fd) && !this.#takesDirectory;
      if (isKept) continue;
      for (const side of [native, mount]) await side.take({ call: "close", slot });
    }
  }
}

/** Whether it is of a path alone (O_PATH): then nothing has been opened. */
function isPath(fd: number): boolean {
  const flags = /^flags:\s+([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1];
  return (Number.parseInt(flags ?? "0", 8) & O_PATH) !== 0;
}
