import { NexusError } from "../../model/errors.js";
import { FIRST_VIRTUAL_INO } from "../../model/ids.js";
import type { Listing } from "./virtual-node.js";

/** What was opened: a text as it was then, or a listing on its way. */
export type VirtualHandle =
  | { readonly kind: "text"; readonly bytes: Uint8Array }
  | { readonly kind: "listing"; readonly listing: Listing };

/** Handles have numbers of the same range as virtual inodes, so that they are told from real ones. */
export function isVirtualHandle(handle: number): boolean {
  return handle >= FIRST_VIRTUAL_INO;
}

/** Open virtual files and directories. */
export class VirtualHandles {
  readonly #open = new Map<number, VirtualHandle>();
  #last = FIRST_VIRTUAL_INO;

  get size(): number {
    return this.#open.size;
  }

  open(opened: VirtualHandle): number {
    const number = this.#last++;
    this.#open.set(number, opened);
    return number;
  }

  /** The bytes of an open file. Errors: `bad-handle`. */
  bytes(number: number): Uint8Array {
    const opened = this.#open.get(number);
    if (opened?.kind === "text") return opened.bytes;
    throw new NexusError("bad-handle", `no open file has number ${number}`);
  }

  listing(number: number): Listing | undefined {
    const opened = this.#open.get(number);
    return opened?.kind === "listing" ? opened.listing : undefined;
  }

  close(number: number): void {
    this.#open.delete(number);
  }
}
