import type { Random } from "../../../differ/random.js";

const BLOCK_BYTES = 512;
/** JSON and paths that mean something else than what stood there. */
const PIECES = [
  ...['"', "{", "}", "[", ",", "null", "-1", "1e400", "9007199254740993", "\n", "\r\n", "\0", "\\"],
  ...["/..", "/../", "//", "/./", "../../../etc/x", "\\u0000", "\\ud800", "\u2028", "\x80", "\x1b"],
  ...['"path":"/workspace/globex/a",', '"path":"/system/x",', '"path":"/archives/acme/x",'],
  ...['"__proto__":{"path":"/x"},', '"size":-1,', '"size":0,', '"version":1e300,', '"etag":"",'],
  ...['"custom_metadata":{"nexus.etag":"x"},', '"custom_metadata":{"status":"ready"},'],
  ...['"custom_metadata":{"":"x"},', '"created_at":"+275760-09-13T00:00:00Z",', "n".repeat(300)],
] as const;

/**
 * An export in bad hands: cut off, with bits flipped, bytes missing or there twice, pieces of something else in it, or
 * blocks of the archive in another order.
 */
export function damageExport(whole: Buffer, random: Random): Buffer {
  let bytes: Buffer = Buffer.from(whole);
  for (let times = 1 + random.below(3); times > 0; times--) bytes = once(bytes, random);
  return bytes;
}

function once(bytes: Buffer, random: Random): Buffer {
  const at = random.below(bytes.length + 1);
  const end = Math.min(bytes.length, at + random.below(100));
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
  switch (random.below(8)) {
    case 0:
      return random.chance(30) ? before : bytes.subarray(0, Math.max(at, bytes.length - 100));
    case 1:
      return Buffer.concat([before, bytes.subarray(end)]);
    case 2:
      return Buffer.concat([before, bytes.subarray(at, end), after]);
    case 3:
      return swapped(bytes, random);
    case 4:
      return flipped(bytes, random);
    default:
      return inserted(bytes, random);
  }
}

function flipped(bytes: Buffer, random: Random): Buffer {
  const at = random.below(Math.max(1, bytes.length));
  const changed = Buffer.from(bytes);
  if (bytes.length > 0) changed.writeUInt8(bytes.readUInt8(at) ^ (1 << random.below(8)), at);
  return changed;
}

/** Where a field begins in some line, most often: elsewhere it is no JSON any more. */
function inserted(bytes: Buffer, random: Random): Buffer {
  const from = random.below(bytes.length + 1);
  const brace = bytes.indexOf("{", from);
  const at = random.chance(70) && brace >= 0 ? brace + 1 : from;
  return Buffer.concat([
    bytes.subarray(0, at),
    Buffer.from(random.pick(PIECES), "latin1"),
    bytes.subarray(at),
  ]);
}

function swapped(bytes: Buffer, random: Random): Buffer {
  const count = Math.floor(bytes.length / BLOCK_BYTES);
  if (count < 2) return bytes;
  const changed = Buffer.from(bytes);
  const [one, other] = [random.below(count) * BLOCK_BYTES, random.below(count) * BLOCK_BYTES];
  bytes.copy(changed, one, other, other + BLOCK_BYTES);
  bytes.copy(changed, other, one, one + BLOCK_BYTES);
  return changed;
}
