import { NexusError } from "../model/errors.js";
import type { OpenFlags } from "./file-system.js";
import type { Inode } from "./inode.js";
import { canWrite } from "./open-flags.js";

/** An open file. */
export interface Handle {
  readonly inode: Inode;
  readonly canRead: boolean;
  readonly canWrite: boolean;
  readonly noAtime: boolean;
  readonly executes: boolean;
}

/** Numbers for open files; a released number is given again. */
export class HandleTable {
  readonly #handles: (Handle | undefined)[] = [];
  readonly #free: number[] = [];

  get size(): number {
    return this.#handles.length - this.#free.length;
  }

  open(inode: Inode, flags: OpenFlags): number {
    const handle: Handle = {
      inode,
      canRead: flags.access !== "write",
      canWrite: canWrite(flags),
      noAtime: flags.noAtime,
      executes: flags.access === "execute",
    };
    inode.handles += 1;
    if (handle.canWrite) inode.writers += 1;
    if (handle.executes) inode.executions += 1;
    const number = this.#free.pop() ?? this.#handles.length;
    this.#handles[number] = handle;
    return number;
  }

  /** Errors: `bad-handle`. */
  get(number: number): Handle {
    const handle = this.#handles[number];
    if (handle === undefined)
      throw new NexusError("bad-handle", `no open file has number ${number}`);
    return handle;
  }

  /** Takes the handle away; undefined when it was none. */
  close(number: number): Handle | undefined {
    const handle = this.#handles[number];
    if (handle === undefined) return undefined;
    this.#handles[number] = undefined;
    this.#free.push(number);
    handle.inode.handles -= 1;
    if (handle.canWrite) handle.inode.writers -= 1;
    if (handle.executes) handle.inode.executions -= 1;
    return handle;
  }
}
