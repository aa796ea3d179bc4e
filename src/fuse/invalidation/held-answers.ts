import type { Ino } from "../../model/ids.js";
import type { Change } from "../../vfs/changes.js";
import { inodeOf } from "./unsent.js";

/** What an answer that is held back is about. */
export interface Subject {
  /**
   * Its kernel keeps these locked, or learns of them by it. What is told of them would wait for the answer, or come
   * before it.
   */
  readonly locked: readonly Ino[];
  /** Other inodes whose attributes it has changed. */
  readonly changed: readonly Ino[];
  /** The file of which its kernel keeps pages locked. */
  readonly pages?: Ino | undefined;
}

interface HeldAnswer {
  readonly subject: Subject;
  readonly letGo: () => void;
}

/** The answers to one mount that wait until other kernels have forgotten what they make untrue. */
export class HeldAnswers {
  /** By number, in order. */
  readonly #held = new Map<number, HeldAnswer>();
  #last = 0;

  /** Returns the answer's number, from 1 on. `letGo` has it go out. */
  add(subject: Subject, letGo: () => void): number {
    this.#held.set(++this.#last, { subject, letGo });
    return this.#last;
  }

  /** It is out. Returns the inodes that it was about; none if it was out before. */
  remove(number: number): readonly Ino[] {
    const held = this.#held.get(number);
    this.#held.delete(number);
    return held === undefined ? [] : [...held.subject.locked, ...held.subject.changed];
  }

  /** The last answer, of those up to one, that has to be out before its kernel hears of a change; 0 for none. */
  lastBefore(change: Change, upTo = this.#last): number {
    const ino = inodeOf(change);
    const isOfAttributes = change.kind === "attributes" || change.kind === "access";
    let last = 0;
    for (const [number, { subject }] of this.#held) {
      if (number > upTo) break;
      const { locked, changed } = subject;
      if (locked.includes(ino) || (isOfAttributes && changed.includes(ino))) last = number;
    }
    return last;
  }

  letGoOfAll(): void {
    for (const { letGo } of [...this.#held.values()]) letGo();
  }
}
