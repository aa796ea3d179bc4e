import { libc } from "../conformance/system-calls.js";
import type { Pair } from "./compare.js";
import { orErrno } from "./look.js";
import { POSIX_FADV_DONTNEED, type Side } from "./side.js";
import { type Step, slotsOf } from "./step.js";

/**
 * Files that have had several names. To libfuse 2, and so to the kernel, each name is a file of its own: what it keeps
 * of the one doesn't change with the other. So that only this isn't compared, it is made to look again.
 */
export class LinkedFiles {
  readonly #sides: Pair<Side>;
  /** By their inodes on the native side. */
  readonly #linked = new Set<number>();

  constructor(sides: Pair<Side>) {
    this.#sides = sides;
  }

  /**
   * Not a rename that does nothing because both names are of one file, which is open: libfuse hides an open file
   * before it renames another over it, and then the first name is gone. And not a copy from one to the other: that
   * their ranges overlap the kernel can't see.
   */
  async isAsked(step: Step): Promise<boolean> {
    if (step.call === "copyFileRange") {
      const [from, to] = [await this.#inodeOf(step.slot), await this.#inodeOf(step.to)];
      return step.slot === step.to || from !== to || from === undefined || !this.#linked.has(from);
    }
    if (step.call !== "rename" && step.call !== "renameat2") return true;
    if (typeof step.path !== "string" || typeof step.to !== "string") return true;
    const native = this.#sides.native.driver(0);
    const [from, to] = [
      await orErrno(native.lstat(step.path)),
      await orErrno(native.lstat(step.to)),
    ];
    if (typeof from !== "object" || typeof to !== "object" || from.ino !== to.ino) return true;
    for (const slot of this.#sides.native.slots.keys()) {
      if ((await this.#inodeOf(slot)) === from.ino) return false;
    }
    return true;
  }

  /** Before a step: has the kernel forget what it keeps of them. A write finds the end by itself. */
  async refresh(step: Step): Promise<void> {
    const { mount } = this.#sides;
    for (const slot of slotsOf(step)) {
      const there = mount.slots.get(slot);
      const ino = await this.#inodeOf(slot);
      if (there === undefined || ino === undefined || !this.#linked.has(ino)) continue;
      libc.posixFadvise(there.fd, 0, 0, POSIX_FADV_DONTNEED);
      if (step.call !== "write") await orErrno(mount.driver(there.via).fstat(there.fd));
    }
  }

  /** After a step that succeeded. */
  async note(step: Step): Promise<void> {
    if ((step.call !== "link" && step.call !== "flink") || typeof step.to !== "string") return;
    const made = await orErrno(this.#sides.native.driver(0).lstat(step.to));
    if (typeof made === "object") this.#linked.add(made.ino);
  }

  async #inodeOf(slot: number): Promise<number | undefined> {
    const { native } = this.#sides;
    const descriptor = native.slots.get(slot);
    if (descriptor === undefined) return undefined;
    return (await native.driver(descriptor.via).fstat(descriptor.fd)).ino;
  }
}
