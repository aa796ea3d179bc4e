import { OPCODE } from "../../../src/fuse/protocol/constants.js";
import { encode, sizeOf } from "../wire/c-struct.js";
import type { Known } from "./known.js";
import { shapeOf } from "./shapes.js";
import type { Damage, RequestStep } from "./step.js";

const LENGTH_AT = 0;
/** The kernel hands over at least a header. */
const LEAST_BYTES = 40;
/** What a device is read into, which nothing longer fits. */
const MOST_BYTES = 1024 * 1024 + 4096;

/** A step's request, with the numbers that the kernel knows now. */
export function hostileBytes(
  step: RequestStep,
  { known, unique }: { known: Known; unique: bigint },
): Buffer {
  const { opcode, names = [], pairs = [], fields = {}, dataBytes = 0 } = step;
  const struct = typeof opcode === "number" ? undefined : shapeOf(opcode).struct;
  const values = Object.entries(fields).map(([field, value]) => [field, known.resolve(value)]);
  const parts = [
    ...(struct === undefined ? [] : [encode(struct, Object.fromEntries(values))]),
    ...pairs.map(([node, count]) =>
      encode("forget_one", { nodeid: known.resolve(node), nlookup: known.resolve(count) }),
    ),
    ...names.map((name) => Buffer.from(`${name}\0`, "latin1")),
    Buffer.alloc(dataBytes, 0x41),
  ];
  const bodyBytes = parts.reduce((sum, { length }) => sum + length, 0);
  const header = encode("in_header", {
    len: sizeOf("in_header") + bodyBytes,
    opcode: typeof opcode === "number" ? opcode : OPCODE[opcode],
    unique,
    nodeid: known.resolve(step.node),
    uid: step.user,
    pid: 4242,
  });
  const whole = Buffer.concat([header, ...parts]);
  return step.damage === undefined ? whole : damaged(whole, step.damage);
}

/**
 * Below 2^24 in a 64-bit number after the header, where an offset may be: a file that ends at 2^41 is hashed for half
 * an hour when somebody asks for its hash, which is no fault.
 */
function quickToSeal(at: number): number {
  return at < LEAST_BYTES ? at : at - (at % 8) + ((at % 8) % 3);
}

function damaged(whole: Buffer, damage: Damage): Buffer {
  if ("says" in damage) {
    whole.writeUInt32LE(damage.says, LENGTH_AT);
    return whole;
  }
  if ("flip" in damage) {
    const bit = damage.flip % (whole.length * 8);
    const at = quickToSeal(bit >>> 3);
    whole.writeUInt8(whole.readUInt8(at) ^ (1 << (bit & 7)), at);
    return whole;
  }
  const changed =
    "cut" in damage
      ? whole.subarray(0, Math.max(LEAST_BYTES, whole.length - damage.cut))
      : Buffer.concat([whole, Buffer.alloc(damage.extend, 0x42)]).subarray(0, MOST_BYTES);
  if (damage.isTold) changed.writeUInt32LE(changed.length, LENGTH_AT);
  return changed;
}
