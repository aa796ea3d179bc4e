import koffi from "koffi";

/** The 32-bit number at an address of this process, where the caller knows that there is one. */
export function readInt32(address: bigint): number {
  return koffi.decode(address, "int32_t") as number;
}
