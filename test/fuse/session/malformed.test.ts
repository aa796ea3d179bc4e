import fc from "fast-check";
import { expect, test } from "vitest";
import { OPERATIONS } from "../../../src/fuse/operations/table.js";
import { OPCODE, opcodeName } from "../../../src/fuse/protocol/constants.js";
import { MAX_WRITE_BYTES } from "../../../src/fuse/protocol/negotiation.js";
import { NexusError } from "../../../src/model/errors.js";
import type { FileSystem, ListedEntryPlus } from "../../../src/vfs/file-system.js";
import { silentLogger } from "../../support/silent-logger.js";
import { entryOf } from "../fake-file-system.js";
import { FakeKernel, requestBytes, settled } from "../fake-kernel.js";
import { encode } from "../wire/c-struct.js";

// Whatever comes from the device: every request that waits for an answer gets exactly one, well formed
// (FakeKernel throws otherwise), and the session goes on.

const HEADER = 40;
const UNANSWERED = new Set<number>([OPCODE.FORGET, OPCODE.BATCH_FORGET, OPCODE.INTERRUPT]);
/** Asked for after each, to see that the session goes on. */
const PROBE = 2 ** 50;
const INIT = encode("init_in", { major: 7, minor: 41 });

/** A valid body for each opcode that has one. */
const BODIES: Readonly<Record<number, readonly (Buffer | string)[]>> = {
  [OPCODE.LOOKUP]: ["name"],
  [OPCODE.FORGET]: [encode("forget_in", { nlookup: 1 })],
  [OPCODE.GETATTR]: [encode("getattr_in", {})],
  [OPCODE.SETATTR]: [encode("setattr_in", { valid: 0xffff })],
  [OPCODE.SYMLINK]: ["name", "target"],
  [OPCODE.MKNOD]: [encode("mknod_in", { mode: 0o100644 }), "name"],
  [OPCODE.MKDIR]: [encode("mkdir_in", { mode: 0o755 }), "name"],
  [OPCODE.UNLINK]: ["name"],
  [OPCODE.RMDIR]: ["name"],
  [OPCODE.RENAME]: [encode("rename_in", { newdir: 1 }), "a", "b"],
  [OPCODE.RENAME2]: [encode("rename2_in", { newdir: 1 }), "a", "b"],
  [OPCODE.LINK]: [encode("link_in", { oldnodeid: 2 }), "name"],
  [OPCODE.OPEN]: [encode("open_in", { flags: 2 })],
  [OPCODE.READ]: [encode("read_in", { size: 4096 })],
  [OPCODE.WRITE]: [encode("write_in", { size: 100 }), Buffer.alloc(100)],
  [OPCODE.RELEASE]: [encode("release_in", { fh: 9 })],
  [OPCODE.FSYNC]: [encode("fsync_in", {})],
  [OPCODE.SETXATTR]: [encode("setxattr_in", { size: 5 }), "user.a", Buffer.from("value")],
  [OPCODE.GETXATTR]: [encode("getxattr_in", { size: 10 }), "user.a"],
  [OPCODE.LISTXATTR]: [encode("getxattr_in", { size: 10 })],
  [OPCODE.REMOVEXATTR]: ["user.a"],
  [OPCODE.INIT]: [INIT],
  [OPCODE.OPENDIR]: [encode("open_in", {})],
  [OPCODE.READDIR]: [encode("read_in", { size: 4096 })],
  [OPCODE.READDIRPLUS]: [encode("read_in", { size: 4096 })],
  [OPCODE.RELEASEDIR]: [encode("release_in", {})],
  [OPCODE.FSYNCDIR]: [encode("fsync_in", {})],
  [OPCODE.CREATE]: [encode("create_in", { flags: 2, mode: 0o644 }), "name"],
  [OPCODE.TMPFILE]: [encode("create_in", { flags: 2, mode: 0o644 })],
  [OPCODE.INTERRUPT]: [encode("interrupt_in", { unique: 2 })],
  [OPCODE.BATCH_FORGET]: [
    encode("batch_forget_in", { count: 2 }),
    encode("forget_one", { nodeid: 7, nlookup: 1 }),
    encode("forget_one", { nodeid: 7, nlookup: 1 }),
  ],
  [OPCODE.FALLOCATE]: [encode("fallocate_in", { length: 10 })],
  [OPCODE.LSEEK]: [encode("lseek_in", { whence: 3 })],
  [OPCODE.COPY_FILE_RANGE]: [encode("copy_file_range_in", { len: 10 })],
  [OPCODE.COPY_FILE_RANGE_64]: [encode("copy_file_range_in", { len: 10 })],
  [OPCODE.STATX]: [encode("statx_in", {})],
};

/** Hands over entries until there is no room, or a page or two of them. */
function handOver(emit: (entry: ListedEntryPlus) => boolean): void {
  const entry = { ...entryOf(7), name: "entry", mode: 0o100644 };
  for (let cookie = 1; cookie < 100 && emit({ ...entry, cookie }); cookie++);
}

const listing: Pick<FileSystem, "readdir" | "readdirPlus"> = {
  readdir: (_caller, { emit }) => handOver(emit),
  readdirPlus: (_caller, { emit }) => handOver(emit),
};

function readyKernel(instead: Partial<FileSystem> = {}): FakeKernel {
  const kernel = new FakeKernel({ ...listing, ...instead }, { logger: silentLogger });
  kernel.ask({ opcode: "INIT", node: 0, body: [INIT] });
  return kernel;
}

const unique = fc.bigInt({ min: 4n, max: 2n ** 64n - 1n });
const opcode = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(...Object.values(OPCODE)) },
  { weight: 1, arbitrary: fc.nat({ max: 0xffff_ffff }) },
);
const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array));

/** Sends it; checks that it is answered as it must be, and that the next one is served. */
function sendAndCheck(kernel: FakeKernel, message: Buffer): void {
  kernel.device.answers.length = 0;
  expect(kernel.sendBytes(message)).toBe("more");
  const isAnswered = message.length >= HEADER && !UNANSWERED.has(message.readUInt32LE(4));
  expect(kernel.answers.map((answer) => answer.unique)).toEqual(
    isAnswered ? [message.readBigUInt64LE(8)] : [],
  );
  kernel.device.answers.length = 0;
  expect(kernel.errnoOf({ opcode: "GETATTR", node: PROBE })).toBe(0);
  expect(kernel.ends).toEqual([]);
}

test("a body of random bytes never gets a request of any opcode a wrong answer, or none", () => {
  const kernel = readyKernel();
  const property = fc.property(opcode, bytes, unique, (code, body, number) => {
    sendAndCheck(kernel, requestBytes({ opcode: code, body: [body], unique: number }));
  });
  fc.assert(property, { numRuns: 1500 });
});

test("nor do random bytes altogether", () => {
  const kernel = readyKernel();
  const some = bytes.filter(({ length }) => length > 0); // none at all is the end
  fc.assert(
    fc.property(some, (message) => sendAndCheck(kernel, message)),
    { numRuns: 1000 },
  );
});

/** Opcodes that change something, or hand something over: their whole body counts. */
const CHANGING = new Set<number>(
  [...OPERATIONS.keys()].filter(
    (code) =>
      BODIES[code] !== undefined &&
      !/^(GETATTR|STATX|LSEEK|RELEASE|RELEASEDIR|FSYNC|FSYNCDIR|OPENDIR|LISTXATTR)$/.test(
        opcodeName(code),
      ),
  ),
);

test.each(Object.values(OPCODE).map((code) => [opcodeName(code), code] as const))(
  "a %s that is cut short is answered, and does nothing by halves",
  (_name, code) => {
    const whole = requestBytes({ opcode: code, body: BODIES[code] ?? [], unique: 8 });
    const kernel = readyKernel();
    for (let length = 1; length < whole.length; length++) {
      // Less than it says, then less than the opcode needs.
      const cut = Buffer.from(whole.subarray(0, length));
      sendAndCheck(kernel, cut);
      if (length >= 4) cut.writeUInt32LE(length, 0);
      sendAndCheck(kernel, cut);
    }
    const reached = kernel.calls.filter(
      ({ request }) => (request as { ino?: number }).ino !== PROBE,
    );
    if (CHANGING.has(code)) expect(reached).toEqual([]);
    const before = kernel.calls.length;
    sendAndCheck(kernel, whole);
    if (CHANGING.has(code)) expect(kernel.calls).toHaveLength(before + 2);
  },
);

test("one bit flipped in a valid request changes nothing but its answer", () => {
  const kernel = readyKernel();
  const codes = fc.constantFrom(...OPERATIONS.keys());
  const property = fc.property(codes, fc.nat(), unique, (code, where, number) => {
    const message = requestBytes({ opcode: code, body: BODIES[code] ?? [], unique: number });
    const bit = where % (message.length * 8);
    const at = bit >>> 3;
    message.writeUInt8(message.readUInt8(at) ^ (1 << (bit & 7)), at);
    sendAndCheck(kernel, message);
  });
  fc.assert(property, { numRuns: 1500 });
});

test("the largest WRITE fits, and a message that fills the whole buffer is answered too", () => {
  const kernel = readyKernel();
  const data = Buffer.alloc(MAX_WRITE_BYTES, 0x41);
  const body = [encode("write_in", { size: data.length }), data];
  sendAndCheck(kernel, requestBytes({ opcode: "WRITE", body, unique: 8 }));
  const full = Buffer.alloc(MAX_WRITE_BYTES + 4096, 0x41);
  full.writeUInt32LE(full.length, 0);
  sendAndCheck(kernel, full);
  full.writeUInt32LE(OPCODE.LOOKUP, 4); // a name that never ends
  sendAndCheck(kernel, full);
});

test("requests in any order, at once or later, failing or not, are answered once each", async () => {
  const codes = fc.constantFrom(...OPERATIONS.keys());
  const step = fc.record({
    code: codes,
    when: fc.constantFrom("now", "later"),
    fails: fc.boolean(),
  });
  const property = fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
    let current: (typeof steps)[number] | undefined;
    const answer = (value: unknown): unknown => {
      const { when, fails } = current ?? { when: "now", fails: false };
      if (fails && when === "now") throw new NexusError("no-space", "full");
      if (fails) return Promise.reject(new NexusError("no-space", "full"));
      return when === "now" ? value : settled().then(() => value);
    };
    const kernel = readyKernel({
      lookup: () => answer(entryOf(7)) as ReturnType<FileSystem["lookup"]>,
      create: () =>
        answer({ entry: entryOf(7), opened: { handle: 9 } }) as ReturnType<FileSystem["create"]>,
      getxattr: () => answer(Buffer.from("value")) as ReturnType<FileSystem["getxattr"]>,
      write: () => answer(undefined) as ReturnType<FileSystem["write"]>,
      fsync: () => answer(undefined) as ReturnType<FileSystem["fsync"]>,
    });
    const sent = steps.map((step) => {
      current = step;
      return kernel.send({ opcode: step.code, body: BODIES[step.code] ?? [] });
    });
    await settled();
    await settled();
    const answered = kernel.answers.slice(1).map((answer) => answer.unique);
    expect(answered.sort()).toEqual(sent.sort());
    expect(kernel.session.isWaiting).toBe(false);
  });
  await fc.assert(property, { numRuns: 200 });
});
