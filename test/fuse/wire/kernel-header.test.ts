import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import * as constants from "../../../src/fuse/protocol/constants.js";
import { layoutOf } from "./c-struct.js";
import { type Field, type FieldType, STRUCTS, type Struct } from "./structs.js";

// Our tables against this machine's <linux/fuse.h>, which may be older or newer than the one they were
// written from: what both know must be the same.

const HEADER = "/usr/include/linux/fuse.h";
const TEXT = existsSync(HEADER)
  ? readFileSync(HEADER, "utf8").replace(/\/\*[\s\S]*?\*\//g, "")
  : "";

const C_TYPES: Readonly<Record<string, FieldType>> = {
  uint16_t: "u16",
  uint32_t: "u32",
  int32_t: "i32",
  uint64_t: "u64",
  int64_t: "u64",
};

const INIT_BITS = Object.fromEntries(
  Object.entries(constants.INIT_FLAG).map(([name, bit]) => [name, 2 ** bit]),
);

/** A struct of the header as ours are written, nested ones flat; undefined if it has no such. */
function parse(name: string): Struct | undefined {
  const body = new RegExp(`struct fuse_${name} \\{([^}]*)\\}`).exec(TEXT)?.[1];
  if (body === undefined) return undefined;
  const fields: [string, Field][] = [];
  for (const line of body.split(";")) {
    const nested = /struct fuse_(\w+)\s+(\w+)/.exec(line);
    if (nested !== null) {
      const isTime = nested[1] === "sx_time";
      for (const [inner, field] of Object.entries(parse(nested[1] ?? "") ?? {})) {
        fields.push([isTime ? timeField(nested[2] ?? "", inner) : inner, field]);
      }
      continue;
    }
    const [, type = "", field = "", count] = /(\w+)\s+(\w+)(?:\[(\d+)\])?/.exec(line) ?? [];
    const known = C_TYPES[type];
    if (known !== undefined) fields.push([field, count ? [known, Number(count)] : known]);
  }
  return Object.fromEntries(fields);
}

function timeField(time: string, inner: string): string {
  return `${time}_${{ tv_sec: "sec", tv_nsec: "nsec" }[inner] ?? "reserved"}`;
}

/** Numbers of `#define FUSE_...` and of the enum of opcodes. */
function numberOf(name: string): number | undefined {
  const define = new RegExp(`#define ${name}\\s+\\(?(\\d+)(?:ULL)?(?: << (\\d+))?\\)?\\s`).exec(
    TEXT,
  );
  if (define !== null) return Number(define[1]) * 2 ** Number(define[2] ?? 0);
  const member = new RegExp(`\\b${name}\\s*=\\s*(\\d+)`).exec(TEXT);
  return member === null ? undefined : Number(member[1]);
}

/** Those that the header knows, ours and the header's. */
function known(ours: Readonly<Record<string, number>>, prefix: string) {
  const pairs = Object.entries(ours).map(([name, value]) => ({
    name,
    value,
    header: numberOf(prefix + name),
  }));
  return pairs.filter(({ header }) => header !== undefined);
}

describe.skipIf(TEXT === "")(`against ${HEADER}`, () => {
  // Has its short form here, and in 7.43 a few of its reserved fields got names.
  const others = new Set(["setxattr_in", "init_out", "dirent"]);
  const names = Object.entries(STRUCTS).filter(
    ([name]) => !others.has(name) && parse(name) !== undefined,
  );

  test("the header is one that can be read", () => {
    expect(names.length).toBeGreaterThan(30);
  });

  test.each(names)("struct fuse_%s has the same fields, places and size", (name, struct) => {
    const header = layoutOf(parse(name) ?? {});
    const ours = layoutOf(struct);
    expect(ours.sizeBytes).toBe(header.sizeBytes);
    const renamed = /^(padding|backing_id|unused\d?|dummy|reserved|open_flags)$/;
    expect(
      ours.places.map((place) => ({ ...place, name: place.name.replace(renamed, "") })),
    ).toEqual(header.places.map((place) => ({ ...place, name: place.name.replace(renamed, "") })));
  });

  test("struct fuse_init_out has the same size and the same first fields", () => {
    const header = layoutOf(parse("init_out") ?? {});
    const ours = layoutOf(STRUCTS.init_out);
    expect(ours.sizeBytes).toBe(header.sizeBytes);
    expect(ours.places.slice(0, 10)).toEqual(header.places.slice(0, 10));
  });

  test("opcodes have the same numbers", () => {
    const opcodes = known(constants.OPCODE, "FUSE_");
    expect(opcodes.length).toBeGreaterThan(45);
    for (const { name, value, header } of opcodes)
      expect({ name, value }).toEqual({ name, value: header });
  });

  test("flags have the same bits", () => {
    const flags = [
      ...known(INIT_BITS, "FUSE_"),
      ...known(constants.FATTR, "FATTR_"),
      ...known(constants.FOPEN, "FOPEN_"),
      ...known(constants.WRITE_FLAG, "FUSE_WRITE_"),
      ...known({ OPEN_KILL_SUIDGID: constants.OPEN_KILL_SUIDGID }, "FUSE_"),
    ];
    expect(flags.length).toBeGreaterThan(25);
    for (const { name, value, header } of flags)
      expect({ name, value }).toEqual({ name, value: header });
  });
});
