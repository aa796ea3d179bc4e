import { type Field, type FieldType, STRUCTS, type Struct, type StructName } from "./structs.js";

const BYTES: Readonly<Record<FieldType, number>> = { u16: 2, u32: 4, i32: 4, u64: 8 };

interface Place {
  readonly name: string;
  readonly type: FieldType;
  readonly count: number;
  readonly offset: number;
}

/** Where a C compiler puts the fields: each aligned to its own size, the whole to the largest. */
export function layoutOf(struct: Struct): { places: Place[]; sizeBytes: number } {
  let offset = 0;
  let alignment = 1;
  const places = Object.entries(struct).map(([name, field]) => {
    const { type, count } = parts(field);
    const bytes = BYTES[type];
    offset = roundUp(offset, bytes);
    alignment = Math.max(alignment, bytes);
    const place = { name, type, count, offset };
    offset += bytes * count;
    return place;
  });
  return { places, sizeBytes: roundUp(offset, alignment) };
}

const LAYOUTS = Object.fromEntries(
  Object.entries(STRUCTS).map(([name, struct]) => [name, layoutOf(struct)]),
) as Record<StructName, ReturnType<typeof layoutOf>>;

export function sizeOf(name: StructName): number {
  return LAYOUTS[name].sizeBytes;
}

/** The bytes of a struct; fields that aren't given are zero. */
export function encode<S extends StructName>(
  name: S,
  values: { readonly [Key in keyof (typeof STRUCTS)[S]]?: number | bigint },
): Buffer {
  const { places, sizeBytes } = LAYOUTS[name];
  const bytes = Buffer.alloc(sizeBytes);
  const given = values as Readonly<Record<string, number | bigint | undefined>>;
  for (const { name: field, type, offset } of places) {
    const value = BigInt(given[field] ?? 0);
    if (type === "u64") bytes.writeBigUInt64LE(BigInt.asUintN(64, value), offset);
    else if (type === "u16") bytes.writeUInt16LE(Number(BigInt.asUintN(16, value)), offset);
    else bytes.writeUInt32LE(Number(BigInt.asUintN(32, value)), offset);
  }
  return bytes;
}

/**
 * The fields of a struct, by name. 64-bit ones are read as signed, as the kernel's times are; of an
 * array there is the first element that isn't zero, since all of ours are reserved.
 */
export function decode<S extends StructName>(
  name: S,
  bytes: Buffer,
): Record<keyof (typeof STRUCTS)[S] & string, number> {
  const { places, sizeBytes } = LAYOUTS[name];
  if (bytes.length < sizeBytes) {
    throw new Error(`${bytes.length} bytes are no ${name}, which has ${sizeBytes}`);
  }
  const fields = places.map(({ name: field, type, count, offset }) => {
    const at = (index: number) => readField(bytes, type, offset + index * BYTES[type]);
    const values = Array.from({ length: count }, (_, index) => at(index));
    return [field, values.find((value) => value !== 0) ?? 0] as const;
  });
  return Object.fromEntries(fields) as Record<keyof (typeof STRUCTS)[S] & string, number>;
}

function readField(bytes: Buffer, type: FieldType, offset: number): number {
  switch (type) {
    case "u16":
      return bytes.readUInt16LE(offset);
    case "u32":
      return bytes.readUInt32LE(offset);
    case "i32":
      return bytes.readInt32LE(offset);
    case "u64":
      return Number(bytes.readBigInt64LE(offset));
  }
}

function parts(field: Field): { type: FieldType; count: number } {
  return typeof field === "string"
    ? { type: field, count: 1 }
    : { type: field[0], count: field[1] };
}

function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}
