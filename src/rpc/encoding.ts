import { NexusError } from "../model/errors.js";

// Values as JSON. What JSON lacks is an object with one key, which begins with `$`; an object that looks
// like that by itself is a `$object`. The list is in README.md.

type Decoder = (content: unknown) => unknown;

const NUMBERS: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  "-Infinity": Number.NEGATIVE_INFINITY,
  "-0": -0,
};

const DECODERS: ReadonlyMap<string, Decoder> = new Map<string, Decoder>([
  ["$undefined", () => undefined],
  ["$number", (text) => NUMBERS[String(text)] ?? Number.NaN],
  ["$bigint", decodedBigInt],
  ["$date", (ms) => new Date(typeof ms === "number" ? ms : Number.NaN)],
  ["$bytes", (text) => Buffer.from(String(text), "base64")],
  ["$regexp", decodedRegExp],
  ["$map", (entries) => new Map(pairsOf(entries))],
  ["$object", (entries) => Object.fromEntries(pairsOf(entries))],
  ["$function", () => () => undefined],
]);

/**
 * A value so that JSON keeps it: also undefined, Date, bytes (they arrive as a Buffer), Map, RegExp, bigint,
 * and all numbers. Of a function only that it was one. Other objects have their own properties, or
 * what their `toJSON` says. Errors: `invalid-argument` for what is in itself, or nested too deep.
 */
export function encoded(value: unknown): unknown {
  return notTooDeep(() => encode(value));
}

/**
 * What {@link encoded} was given, made in the place of `value`. Errors: `invalid-argument` for what it would not have
 * made.
 */
export function decoded(value: unknown): unknown {
  return notTooDeep(() => decode(value));
}

function notTooDeep(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    // The stack is used up.
    if (!(error instanceof RangeError)) throw error;
    const message = "a value that contains itself, or is nested too deep, can't be sent";
    throw new NexusError("invalid-argument", message, { cause: error });
  }
}

function decode(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    for (const [index, inner] of value.entries()) {
      if (typeof inner === "object" && inner !== null) value[index] = decode(inner);
    }
    return value;
  }
  const object = value as Record<string, unknown>;
  const keys = Object.keys(object);
  const [only] = keys;
  if (keys.length === 1 && only?.startsWith("$")) {
    const decoder = DECODERS.get(only);
    if (decoder === undefined) throw malformed(only);
    return decoder(object[only]);
  }
  for (const key of keys) {
    const inner = object[key];
    if (typeof inner === "object" && inner !== null) object[key] = decode(inner);
  }
  return object;
}

function encode(value: unknown): unknown {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      return Number.isFinite(value) && !Object.is(value, -0)
        ? value
        : { $number: numberName(value) };
    case "undefined":
      return { $undefined: true };
    case "bigint":
      return { $bigint: String(value) };
    case "function":
    case "symbol":
      return { $function: true };
    default:
      return value === null || value === undefined ? null : encodeObject(value);
  }
}

function encodeObject(value: object): unknown {
  if (Array.isArray(value)) return value.map(encode);
  if (value instanceof Date) return { $date: encode(value.getTime()) };
  if (value instanceof Uint8Array) return { $bytes: base64(value) };
  if (value instanceof RegExp) return { $regexp: [value.source, value.flags] };
  if (value instanceof Map) return { $map: [...value].map((pair) => pair.map(encode)) };
  if ("toJSON" in value && typeof value.toJSON === "function") return encode(value.toJSON());
  const entries = Object.entries(value);
  if (entries.length === 1 && entries[0]?.[0].startsWith("$")) {
    return { $object: entries.map(([key, inner]) => [key, encode(inner)]) };
  }
  return Object.fromEntries(entries.map(([key, inner]) => [key, encode(inner)]));
}

function numberName(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

function base64({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString("base64");
}

function decodedBigInt(text: unknown): bigint {
  if (typeof text !== "string" || !/^-?\d{1,1000}$/.test(text)) throw malformed("$bigint");
  return BigInt(text);
}

function decodedRegExp(content: unknown): RegExp {
  const [source, flags] = Array.isArray(content) ? content : [];
  try {
    return new RegExp(String(source), String(flags));
  } catch (cause) {
    throw new NexusError("invalid-argument", "'$regexp' is no regular expression", { cause });
  }
}

function pairsOf(entries: unknown): [string, unknown][] {
  if (!Array.isArray(entries)) throw malformed("$map");
  return entries.map((pair: unknown) => {
    if (!Array.isArray(pair) || pair.length !== 2) throw malformed("$map");
    return [decode(pair[0]) as string, decode(pair[1])];
  });
}

function malformed(name: string): NexusError {
  return new NexusError("invalid-argument", `'${name}' isn't encoded as this version does it`);
}
