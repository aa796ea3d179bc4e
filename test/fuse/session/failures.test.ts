import { constants } from "node:os";
import { describe, expect, test } from "vitest";
import { OPERATIONS } from "../../../src/fuse/operations/table.js";
import { OPCODE, type OpcodeName } from "../../../src/fuse/protocol/constants.js";
import { ERROR_KINDS, NexusError } from "../../../src/model/errors.js";
import { FakeKernel, settled } from "../fake-kernel.js";

const { EIO, ENOSYS } = constants.errno;
const ERROR = 50;
const DEBUG = 20;

/** Answers GETATTR with this error, at once or later. */
async function failing(error: unknown, when: "at once" | "later") {
  const kernel = new FakeKernel({
    getattr: () => {
      if (when === "later") return Promise.reject(error);
      throw error;
    },
  });
  const unique = kernel.send({ opcode: "GETATTR" });
  await settled();
  return { errno: kernel.answerTo(unique)?.errno, log: kernel.log };
}

describe.each(["at once", "later"] as const)("a request that fails %s", (when) => {
  test("with what is no error of ours is EIO, and stands in the log once, with its stack", async () => {
    const { errno, log } = await failing(new TypeError("x is undefined"), when);
    expect(errno).toBe(EIO);
    expect(log).toMatchObject([{ level: ERROR, op: "GETATTR" }]);
    expect(log[0]?.err).toMatchObject({
      message: "x is undefined",
      stack: expect.stringContaining("failures.test"),
    });
  });

  test("with something that isn't even an error is EIO", async () => {
    expect(await failing("text", when)).toMatchObject({ errno: EIO, log: [{ level: ERROR }] });
    expect(await failing(undefined, when)).toMatchObject({ errno: EIO, log: [{ level: ERROR }] });
  });

  test("in a way that programs know is in no log", async () => {
    const scarce = ["too-many-open-files", "out-of-memory"];
    const trouble = ["corrupt", "io-failure", "internal", ...scarce];
    for (const kind of ERROR_KINDS) {
      const { errno, log } = await failing(new NexusError(kind, "why"), when);
      expect(errno).toBeGreaterThan(0);
      expect({ kind, lines: log.length }).toEqual({ kind, lines: trouble.includes(kind) ? 1 : 0 });
    }
  });
});

test("failures of the tables themselves are answered: who asks can't be told", () => {
  const kernel = new FakeKernel({
    read: () => {
      throw new RangeError("offset out of range");
    },
  });
  expect(kernel.errnoOf({ opcode: "READ", body: [Buffer.alloc(40)] })).toBe(EIO);
  expect(kernel.errnoOf({ opcode: "GETATTR" })).toBe(0);
});

describe("an opcode that we don't know", () => {
  const known = new Set<number>([
    ...OPERATIONS.keys(),
    ...(["FORGET", "BATCH_FORGET", "INTERRUPT", "INIT", "DESTROY"] as const).map(
      (name) => OPCODE[name],
    ),
  ]);
  const unknown = [
    ...Object.keys(OPCODE).filter((name) => !known.has(OPCODE[name as OpcodeName])),
    0,
    7,
    54,
    4096,
    0xffff_ffff,
  ] as (OpcodeName | number)[];

  test.each(unknown)("gets ENOSYS: %s", (opcode) => {
    expect(new FakeKernel().errnoOf({ opcode, body: [Buffer.alloc(64)] })).toBe(ENOSYS);
  });

  test("stands in the log once, for people who look closely, by its name", () => {
    const kernel = new FakeKernel();
    for (const opcode of ["FLUSH", 4096, "FLUSH", "POLL", 4096, "FLUSH"] as const) {
      expect(kernel.errnoOf({ opcode })).toBe(ENOSYS);
    }
    expect(kernel.log.map(({ level, op }) => [level, op])).toEqual([
      [DEBUG, "FLUSH"],
      [DEBUG, "opcode 4096"],
      [DEBUG, "POLL"],
    ]);
  });

  test("is one of those that the kernel does better itself", () => {
    const names = unknown.filter((opcode) => typeof opcode === "string");
    expect(names.sort()).toEqual(
      [
        "ACCESS",
        "BMAP",
        "FLUSH",
        "GETLK",
        "IOCTL",
        "NOTIFY_REPLY",
        "POLL",
        "REMOVEMAPPING",
        "SETLK",
        "SETLKW",
        "SETUPMAPPING",
        "SYNCFS",
      ].sort(),
    );
  });
});
