import { randomFillSync } from "node:crypto";
import type { PathId } from "./ids.js";

const POOL_BYTES = 4096;
const RANDOM_BYTES = 10;

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/**
 * Makes UUIDs of version 7 (RFC 9562): the leading 48 bits are the time in milliseconds, so ids
 * made one after the other sit side by side in an index instead of touching a page each.
 */
export class PathIdSource {
  readonly #pool = Buffer.alloc(POOL_BYTES);
  #used = POOL_BYTES;

  next(nowMs: number): PathId {
    if (this.#used + RANDOM_BYTES > POOL_BYTES) {
      randomFillSync(this.#pool);
      this.#used = 0;
    }
    const at = this.#used;
    this.#used += RANDOM_BYTES;
    const hex = (index: number) => HEX[this.#pool[at + index] ?? 0] ?? "00";
    const version = HEX[0x70 | ((this.#pool[at] ?? 0) & 0x0f)];
    const variant = HEX[0x80 | ((this.#pool[at + 2] ?? 0) & 0x3f)];
    const time = Math.floor(nowMs).toString(16).padStart(12, "0");
    const node = hex(4) + hex(5) + hex(6) + hex(7) + hex(8) + hex(9);
    return `${time.slice(0, 8)}-${time.slice(8)}-${version}${hex(1)}-${variant}${hex(3)}-${node}` as PathId;
  }
}
