import { NexusError } from "../../../src/model/errors.js";
import type { FileSystem } from "../../../src/vfs/file-system.js";
import type { DiskCall } from "./disk-messages.js";

/** Lets some of what a disk is asked for fail. */
export class FailingCalls {
  #calls: ReadonlySet<DiskCall> = new Set();
  #share = 0;
  #state = 1;

  set({ calls, share, seed }: { calls: readonly DiskCall[]; share: number; seed: number }): void {
    this.#calls = new Set(calls);
    this.#share = share;
    this.#state = seed;
  }

  /** The same file system, but for those. */
  in(fs: FileSystem): FileSystem {
    return new Proxy(fs, {
      get: (target, name) => {
        const value = Reflect.get(target, name, target) as unknown;
        if (typeof value !== "function") return value;
        return (...args: unknown[]) => {
          if (this.#calls.has(name as DiskCall) && this.#next() < this.#share) {
            throw new NexusError("io-failure", `${String(name)} fails`);
          }
          return Reflect.apply(value, target, args) as unknown;
        };
      },
    });
  }

  /** From 0 on, below 1 (a linear congruential generator, with the constants of Numerical Recipes). */
  #next(): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return this.#state / 2 ** 32;
  }
}
