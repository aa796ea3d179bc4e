import koffi from "koffi";

/** The 32-bit number at an address of this process, where the caller knows that there is one. */
export function readInt32(address: bigint): number {
  return koffi.decode(address, "int32_t") as number;
}

/** Memory whose address is a multiple of `alignment`, a power of two: what open(2) asks for with O_DIRECT. */
export function alignedBuffer(length: number, { alignment }: { alignment: number }): Buffer {
  const buffer = Buffer.allocUnsafeSlow(length + alignment);
  const beyond = Number(koffi.address(buffer) % BigInt(alignment));
  const start = beyond === 0 ? 0 : alignment - beyond;
  return buffer.subarray(start, start + length);
}
