import { constants } from "node:os";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NexusError } from "../../../src/model/errors.js";
import type { Ino } from "../../../src/model/ids.js";
import type { FileSystem } from "../../../src/vfs/file-system.js";
import { entryOf } from "../fake-file-system.js";
import { FakeKernel } from "../fake-kernel.js";
import { encode } from "../wire/c-struct.js";

const { ENOENT, ENODEV, EINVAL, EIO } = constants.errno;

/** What the kernel holds of a file system, as that sees it. */
class Ledger {
  readonly lookups = new Map<number, number>();
  readonly handles = new Set<number>();
  #lastHandle = 0;

  readonly methods: Partial<FileSystem> = {
    lookup: (_caller, { name }) => this.#hand(Number(name)),
    create: (_caller, { name }) => ({ entry: this.#hand(Number(name)), opened: this.#open() }),
    open: () => this.#open(),
    release: ({ handle }) => {
      if (!this.handles.delete(handle)) throw new Error(`${handle} was released before`);
    },
    forget: ({ ino, count }) => {
      const left = (this.lookups.get(ino) ?? 0) - count;
      if (left < 0 || count < 1) throw new Error(`${count} look-ups too many of ${ino}`);
      if (left === 0) this.lookups.delete(ino);
      else this.lookups.set(ino, left);
    },
  };

  #hand(ino: number) {
    this.lookups.set(ino, (this.lookups.get(ino) ?? 0) + 1);
    return entryOf(ino);
  }

  #open() {
    this.handles.add(++this.#lastHandle);
    return { handle: this.#lastHandle };
  }

  get isEmpty(): boolean {
    return this.lookups.size === 0 && this.handles.size === 0;
  }
}

function failing(): never {
  throw new NexusError("io-failure", "the disk is gone");
}

function fixture() {
  const ledger = new Ledger();
  return { ledger, kernel: new FakeKernel(ledger.methods) };
}

function forgetBatch(pairs: readonly (readonly [ino: number, count: number])[]): Buffer {
  return Buffer.concat([
    encode("batch_forget_in", { count: pairs.length }),
    ...pairs.map(([nodeid, nlookup]) => encode("forget_one", { nodeid, nlookup })),
  ]);
}

describe("look-ups", () => {
  test("are taken back by FORGET, which nobody answers", () => {
    const { ledger, kernel } = fixture();
    for (let round = 0; round < 3; round++) kernel.ask({ opcode: "LOOKUP", body: ["11"] });
    const before = kernel.answers.length;
    kernel.send({ opcode: "FORGET", node: 11, body: [encode("forget_in", { nlookup: 2 })] });
    expect(ledger.lookups.get(11)).toBe(1);
    kernel.send({ opcode: "FORGET", node: 11, body: [encode("forget_in", { nlookup: 1 })] });
    expect(ledger.isEmpty).toBe(true);
    expect(kernel.answers).toHaveLength(before);
  });

  test("are taken back by BATCH_FORGET, for many inodes at once", () => {
    const { ledger, kernel } = fixture();
    for (const name of ["11", "12", "12", "13"]) kernel.ask({ opcode: "LOOKUP", body: [name] });
    const before = kernel.answers.length;
    const body = [
      forgetBatch([
        [12, 2],
        [11, 1],
      ]),
    ];
    kernel.send({ opcode: "BATCH_FORGET", node: 0, body });
    expect([...ledger.lookups]).toEqual([[13, 1]]);
    expect(kernel.answers).toHaveLength(before);
  });

  test("are never taken back more often than they were given", () => {
    const { kernel } = fixture();
    kernel.ask({ opcode: "LOOKUP", body: ["11"] });
    const nlookup = 2n ** 63n;
    kernel.send({ opcode: "FORGET", node: 11, body: [encode("forget_in", { nlookup })] });
    kernel.send({ opcode: "FORGET", node: 11, body: [encode("forget_in", { nlookup: 1 })] });
    kernel.send({ opcode: "FORGET", node: 99, body: [encode("forget_in", { nlookup: 1 })] });
    expect(kernel.requestsTo("forget")).toEqual([{ ino: 11, count: 1 }]);
    expect(kernel.log).toEqual([]);
  });

  test("are left alone by a BATCH_FORGET that is shorter than it says, without an answer", () => {
    const { ledger, kernel } = fixture();
    kernel.ask({ opcode: "LOOKUP", body: ["11"] });
    const before = kernel.answers.length;
    for (const cut of [1, 16, 20]) {
      const body = forgetBatch([
        [11, 1],
        [12, 1],
      ]);
      kernel.send({ opcode: "BATCH_FORGET", body: [body.subarray(0, body.length - cut)] });
    }
    kernel.send({ opcode: "FORGET", node: 11, body: [Buffer.alloc(4)] });
    expect(ledger.lookups.get(11)).toBe(1);
    expect(kernel.answers).toHaveLength(before);
    expect(kernel.log).toHaveLength(4);
  });
});

describe("what an answer carries", () => {
  const CREATE = { opcode: "CREATE", body: [encode("create_in", {}), "11"] } as const;

  test.each([
    ["was interrupted", ENOENT, 0],
    ["is gone with the mount", ENODEV, 0],
    ["doesn't take it", EINVAL, 1],
  ])("is taken back when its request %s", (_what, errno, lines) => {
    const { ledger, kernel } = fixture();
    kernel.device.refuses = errno;
    kernel.send(CREATE);
    kernel.send({ opcode: "LOOKUP", body: ["12"] });
    kernel.send({ opcode: "OPEN", node: 11, body: [encode("open_in", {})] });
    expect(ledger.isEmpty).toBe(true);
    expect(kernel.log.length).toBe(lines * 3);
    kernel.device.refuses = undefined;
    kernel.session.abort();
    expect(ledger.isEmpty).toBe(true);
  });

  test("is let go when the mount ends, but for what was let go before", () => {
    const { ledger, kernel } = fixture();
    kernel.ask(CREATE);
    kernel.ask(CREATE);
    kernel.ask({ opcode: "OPEN", node: 11, body: [encode("open_in", {})] });
    kernel.ask({ opcode: "RELEASE", node: 11, body: [encode("release_in", { fh: 2 })] });
    expect([...ledger.handles]).toEqual([1, 3]);
    kernel.device.requests.push(-ENODEV);
    kernel.session.receive();
    expect(ledger.isEmpty).toBe(true);
    expect(kernel.ends).toHaveLength(1);
  });

  test("of a RELEASE that failed isn't released twice over", () => {
    const kernel = new FakeKernel({ release: failing });
    kernel.ask(CREATE);
    expect(kernel.errnoOf({ opcode: "RELEASE", body: [encode("release_in", { fh: 9 })] })).toBe(
      EIO,
    );
    kernel.session.abort();
    expect(kernel.requestsTo("release")).toEqual([{ handle: 9 }]);
  });
});

describe("a file system that can't let go", () => {
  const CREATE = { opcode: "CREATE", body: [encode("create_in", {}), "11"] } as const;
  const instead = (): Partial<FileSystem> => {
    let ino = 10;
    return {
      lookup: () => entryOf(++ino),
      create: () => ({ entry: entryOf(++ino), opened: { handle: ino } }),
      forget: failing,
      release: failing,
    };
  };

  test("is asked to let go of all the rest, and the mount ends", () => {
    const kernel = new FakeKernel(instead());
    kernel.ask(CREATE);
    kernel.ask(CREATE);
    kernel.session.abort();
    expect(kernel.requestsTo("release")).toEqual([{ handle: 11 }, { handle: 12 }]);
    expect(kernel.requestsTo("forget")).toHaveLength(2);
    expect(kernel.ends).toEqual([undefined]);
    expect(kernel.log.map(({ level }) => level)).toEqual([50, 50, 50, 50]);
  });

  test("is asked the same for a batch, and for answers that weren't taken", () => {
    const kernel = new FakeKernel(instead());
    kernel.ask({ opcode: "LOOKUP", body: ["a"] });
    kernel.ask({ opcode: "LOOKUP", body: ["b"] });
    kernel.send({
      opcode: "BATCH_FORGET",
      body: [
        forgetBatch([
          [11, 1],
          [12, 1],
        ]),
      ],
    });
    expect(kernel.requestsTo("forget")).toHaveLength(2);
    kernel.device.refuses = ENOENT;
    kernel.send(CREATE);
    expect(kernel.requestsTo("release", "forget")).toHaveLength(4);
    expect(kernel.answers).toHaveLength(2);
  });
});

test("whatever the kernel does, the file system and the session agree, and the end leaves nothing", () => {
  const ino = fc.integer({ min: 2, max: 5 });
  const count = fc.integer({ min: 1, max: 3 });
  const step = fc.oneof(
    fc.record({ op: fc.constant("lookup" as const), ino, isRefused: fc.boolean() }),
    fc.record({ op: fc.constant("create" as const), ino, isRefused: fc.boolean() }),
    fc.record({ op: fc.constant("forget" as const), ino, count }),
    fc.record({ op: fc.constant("batch" as const), pairs: fc.array(fc.tuple(ino, count)) }),
    fc.record({ op: fc.constant("release" as const) }),
  );
  const property = fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const { ledger, kernel } = fixture();
    const held = new Map<number, number>();
    const give = (ino: number, change: number) =>
      held.set(ino, Math.max(0, (held.get(ino) ?? 0) + change));
    for (const step of steps) {
      const isRefused = "isRefused" in step && step.isRefused;
      kernel.device.refuses = isRefused ? ENOENT : undefined;
      switch (step.op) {
        case "lookup":
          kernel.send({ opcode: "LOOKUP", body: [String(step.ino)] });
          if (!isRefused) give(step.ino, 1);
          break;
        case "create":
          kernel.send({ opcode: "CREATE", body: [encode("create_in", {}), String(step.ino)] });
          if (!isRefused) give(step.ino, 1);
          break;
        case "forget": {
          const body = [encode("forget_in", { nlookup: step.count })];
          kernel.send({ opcode: "FORGET", node: step.ino, body });
          give(step.ino, -step.count);
          break;
        }
        case "batch":
          kernel.send({ opcode: "BATCH_FORGET", node: 0, body: [forgetBatch(step.pairs)] });
          for (const [ino, count] of step.pairs) give(ino, -count);
          break;
        case "release": {
          const [fh = 0] = ledger.handles;
          if (fh > 0) kernel.send({ opcode: "RELEASE", body: [encode("release_in", { fh })] });
          break;
        }
      }
      for (const [ino, count] of held) expect(ledger.lookups.get(ino as Ino) ?? 0).toBe(count);
    }
    kernel.session.abort();
    expect(ledger.isEmpty).toBe(true);
    expect(kernel.log.filter(({ level }) => level >= 30)).toEqual([]);
  });
  fc.assert(property, { numRuns: 200 });
});
