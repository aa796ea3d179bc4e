import type { OpcodeName } from "../../../src/fuse/protocol/constants.js";
import type { Random } from "../../differ/random.js";
import { STRUCTS } from "../wire/structs.js";
import { SHAPES, shapeOf } from "./shapes.js";
import type { Damage, HostileStep, RequestStep, Value } from "./step.js";
import { USERS } from "./users.js";

// Most requests make sense, so that there is a state to be hostile to; a field at a time doesn't, or the whole of it.

const OPCODES = Object.keys(SHAPES) as OpcodeName[];
const WEIGHTED = OPCODES.map((name) => [shapeOf(name).weight ?? 1, name] as const);

const bytes = (text: string) => Buffer.from(text, "utf8").toString("latin1");
const NAMES = ["a", "b", "c", "d", "e"] as const;
const PLACES = ["workspace", "shared", "system", "archives", ".nexus", "work", "ready"] as const;
const TENANTS = ["acme", "other", "alice", "bob", "stats", "version"] as const;
const RARE_NAMES = [
  ...["", ".", "..", "/", "a/b", " ", "file..txt", "\n", "\x01", "\x7f", bytes("\u0085")],
  ...[bytes("ü"), bytes("e\u0301"), "n".repeat(255), "n".repeat(256), "n".repeat(70_000)],
  // No UTF-8: alone, too long for what it says, half a pair, beyond the last character.
  ...["\x80", "\xff", "\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80"],
] as const;
const ATTRIBUTES = [
  ...["user.a", "user.status", "user.priority", "user.depends_on", "user.claim", "trusted.a"],
  ...["security.capability", "system.posix_acl_access", "user.nexus.etag", "user.nexus.version"],
] as const;

const EDGES_32 = [0, 1, 2, 7, 255, 4096, 2 ** 20, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1] as const;
/** None that a file could have and that would take long to read, or much of the disk. */
const FAR = [
  ...[2 ** 53 - 1, 2 ** 53, "9007199254740993", "9223372036854775807"],
  ...["9223372036854775808", "18446744073709551615"],
] as const;
/** A file that ends at 4 GiB takes seconds to seal. */
const PLACES_IN_FILES = new Set(["offset", "off_in", "off_out", "len", "length", "size"]);
const SIZES = [0, 1, 10, 255, 4096, 65_536, 131_072] as const;
const RARE_SIZES = [2 ** 20, 2 ** 20 + 4096, 2 ** 20 + 4097, 2 ** 31, 2 ** 32 - 1] as const;
const RENAME_FLAGS = [0, 0, 1, 2, 4, 3, 8, 2 ** 32 - 1] as const;
const ALLOCATIONS = [0, 1, 3, 0x10, 0x11, 2, 8, 0x20, 2 ** 32 - 1] as const;
const PAUSES = [10, 200, 1100, 5000] as const;

/** Endless steps, the same for the same seed. */
export function* hostileSteps(random: Random): Generator<HostileStep, never> {
  for (;;) {
    if (random.below(250) === 0) yield { pauseMs: random.pick(PAUSES) };
    else yield request(random);
  }
}

function request(random: Random): RequestStep {
  const opcode = random.weighted(WEIGHTED);
  const { struct, names = 0, hasData, hasPairs } = shapeOf(opcode);
  const fields: Record<string, Value> = {};
  for (const field of struct === undefined ? [] : Object.keys(STRUCTS[struct])) {
    const value = fieldOf(field, { opcode, random });
    if (value !== 0) fields[field] = value;
  }
  const dataBytes = hasData ? dataOf(opcode, random) : 0;
  if (hasData && random.chance(97)) fields.size = dataBytes;
  const pairs = hasPairs
    ? Array.from({ length: random.below(5) }, () => [nodeOf(random), countOf(random)] as const)
    : [];
  if (hasPairs && random.chance(95)) fields.count = pairs.length;
  const damage = random.chance(4) ? damageOf(random) : undefined;
  return {
    opcode: random.below(300) === 0 ? random.pick([0, 7, 19, 54, 4096, 2 ** 32 - 1]) : opcode,
    node: wantsDirectory(opcode) && random.chance(85) ? { dir: random.below(64) } : nodeOf(random),
    user: random.below(USERS.length),
    ...(Object.keys(fields).length > 0 ? { fields } : {}),
    ...(pairs.length > 0 ? { pairs } : {}),
    ...(names > 0 ? { names: Array.from({ length: names }, () => nameOf(opcode, random)) } : {}),
    ...(dataBytes > 0 ? { dataBytes } : {}),
    ...(damage === undefined ? {} : { damage }),
    ...(random.chance(1) ? { isLost: true as const } : {}),
  };
}

function wantsDirectory(opcode: OpcodeName): boolean {
  return shapeOf(opcode).names !== undefined ? !/XATTR/.test(opcode) : /DIR/.test(opcode);
}

function nodeOf(random: Random): Value {
  return random.weighted<Value>([
    [40, { file: random.below(256) }],
    [40, { node: random.below(256) }],
    [8, random.below(300)],
    [1, 2 ** 52 + random.below(40)],
    [1, random.pick(FAR)],
  ]);
}

function countOf(random: Random): Value {
  return random.weighted<Value>([
    [20, 1],
    [5, random.below(4)],
    [1, random.pick(FAR)],
  ]);
}

function offsetOf(random: Random): Value {
  return random.weighted<Value>([
    [20, 0],
    [20, random.below(9000)],
    [5, random.below(300_000)],
    [1, random.pick([2 ** 20 - 1, 2 ** 20, 2 ** 20 + 4096])],
    [2, random.pick(FAR)],
  ]);
}

function sizeOf(random: Random): number {
  return random.chance(94) ? random.pick(SIZES) : random.pick(RARE_SIZES);
}

function dataOf(opcode: OpcodeName, random: Random): number {
  if (random.chance(98)) return random.below(opcode === "WRITE" ? 6000 : 60);
  return random.pick(opcode === "WRITE" ? [2 ** 17, 2 ** 20] : [65_535, 65_536, 65_537]);
}

function nameOf(opcode: OpcodeName, random: Random): string {
  if (/XATTR/.test(opcode) && random.chance(90)) return random.pick(ATTRIBUTES);
  return random.weighted([
    [60, random.pick(NAMES)],
    [20, random.pick(PLACES)],
    [20, random.pick(TENANTS)],
    [5, random.pick(RARE_NAMES)],
  ]);
}

function fieldOf(field: string, { opcode, random }: { opcode: OpcodeName; random: Random }): Value {
  if (random.below(60) === 0 && !PLACES_IN_FILES.has(field)) return random.pick(EDGES_32);
  switch (field) {
    case "fh":
    case "fh_in":
    case "fh_out":
      return random.chance(90) ? { handle: random.below(64) } : random.below(40);
    case "newdir":
      return { dir: random.below(64) };
    case "oldnodeid":
    case "nodeid_out":
    case "nodeid":
      return nodeOf(random);
    case "unique":
      return { request: random.below(8) };
    case "offset":
    case "off_in":
    case "off_out":
    case "len":
    case "length":
      return offsetOf(random);
    case "size":
      return opcode === "SETATTR" ? offsetOf(random) : sizeOf(random);
    case "nlookup":
      return countOf(random);
    case "mode":
      return opcode === "FALLOCATE" ? random.pick(ALLOCATIONS) : random.below(0o200000);
    case "flags":
      return flagsOf(opcode, random);
    case "valid":
      return random.chance(60) ? 1 << random.below(16) : random.below(2 ** 12);
    case "whence":
      return random.pick([3, 4, 3, 4, 0, 1, 2, 5]);
    case "major":
      return random.pick([7, 7, 6, 8]);
    case "minor":
      return random.pick([31, 38, 45, 46, 30]);
    case "atimensec":
    case "mtimensec":
      return random.chance(90) ? random.below(1_000_000_000) : 1_000_000_000;
    case "atime":
    case "mtime":
    case "ctime":
      return random.chance(80) ? random.below(2 ** 31) : random.pick(FAR);
    case "dummy":
    case "padding":
    case "spare":
    case "unused":
    case "umask":
    case "lock_owner":
      return 0;
    default:
      return random.below(3);
  }
}

function flagsOf(opcode: OpcodeName, random: Random): number {
  if (opcode === "RENAME2") return random.pick(RENAME_FLAGS);
  if (opcode === "SETXATTR") return random.pick([0, 0, 0, 1, 2, 3, 4]);
  const access = random.pick([0, 1, 2, 2, 2, 3]);
  const more = random.chance(20) ? random.pick([0o200, 0o1000, 0o2000, 0o10000, 0o1000000]) : 0;
  return access | more;
}

function damageOf(random: Random): Damage {
  const isTold = random.chance(50);
  return random.weighted<Damage>([
    [3, { cut: 1 + random.below(60), isTold }],
    [2, { extend: 1 + random.below(5000), isTold }],
    [1, { says: random.pick([...EDGES_32, 39, 40, 41]) }],
    [3, { flip: random.below(2 ** 20) }],
  ]);
}
