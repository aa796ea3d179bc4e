import { constants } from "node:os";
import { describe, expect, test } from "vitest";
import { Coherence } from "../../../src/fuse/invalidation/coherence.js";
import { Changes } from "../../../src/vfs/changes.js";
import { FakeClock } from "../../support/fake-clock.js";
import { entryOf } from "../fake-file-system.js";
import { FakeKernel, settled } from "../fake-kernel.js";
import { fakeNotifiers } from "../invalidation/fake-notifier.js";
import { encode } from "../wire/c-struct.js";

const { ENODEV } = constants.errno;

const FIRST = 10;
const MANY = 5000;
/** What may be done before others have their turn, about a millisecond's worth. */
const AT_ONCE = 1000;

/** A kernel that has looked up many files of a file system, which knows how often each is known still. */
function fixture() {
  const known = new Map<number, number>();
  const clock = new FakeClock();
  const { start: startNotifier } = fakeNotifiers();
  const kernel = new FakeKernel(
    {
      lookup: (_caller, { name }) => {
        known.set(Number(name), (known.get(Number(name)) ?? 0) + 1);
        return entryOf(Number(name));
      },
      forget: ({ ino, count }) => {
        const left = (known.get(ino) ?? 0) - count;
        if (left < 0) throw new Error(`${count} look-ups too many of ${ino}`);
        if (left === 0) known.delete(ino);
        else known.set(ino, left);
      },
    },
    {
      sharing: {
        coherence: new Coherence({ changes: new Changes(), clock }),
        startNotifier,
        scheduler: clock,
      },
    },
  );
  const lookUp = (ino: number) => kernel.send({ opcode: "LOOKUP", body: [String(ino)] });
  for (let ino = FIRST; ino < FIRST + MANY; ino++) lookUp(ino);
  return { known, kernel, lookUp };
}

function forgetAll(kernel: FakeKernel): void {
  const pairs = Array.from({ length: MANY }, (_, index) =>
    encode("forget_one", { nodeid: FIRST + index, nlookup: 1 }),
  );
  const body = [encode("batch_forget_in", { count: MANY }), ...pairs];
  kernel.send({ opcode: "BATCH_FORGET", body });
}

async function untilIt(holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < MANY && !holds(); turn++) await settled();
  expect(holds()).toBe(true);
}

describe("a kernel that forgets thousands at once", () => {
  test("doesn't keep others waiting: they are taken back piece by piece, all of them", async () => {
    const { known, kernel } = fixture();
    forgetAll(kernel);
    expect(known.size).toBeGreaterThan(MANY - AT_ONCE);
    for (let turn = 0; known.size > 0; turn++) {
      const before = known.size;
      await settled();
      expect(before - known.size).toBeLessThan(AT_ONCE);
      expect(turn).toBeLessThan(MANY);
    }
    expect(kernel.session.lookupsHeld).toBe(0);
    expect(kernel.log).toEqual([]);
  });

  test("and again before that is done keeps what it has looked up meanwhile, and no more", async () => {
    const { known, kernel, lookUp } = fixture();
    forgetAll(kernel);
    const last = FIRST + MANY - 1;
    lookUp(last);
    for (let ino = FIRST; ino < last; ino++) lookUp(ino);
    forgetAll(kernel);
    lookUp(last);
    await untilIt(() => known.size === 1);
    expect([...known]).toEqual([[last, 1]]);
    expect(kernel.session.lookupsHeld).toBe(1);
  });

  test("and goes leaves nothing, and the mount ends once all is taken back", async () => {
    const { known, kernel, lookUp } = fixture();
    lookUp(FIRST);
    forgetAll(kernel);
    kernel.device.requests.push(-ENODEV);
    expect(kernel.session.receive()).toBe("ended");
    expect(kernel.ends).toEqual([]);
    await untilIt(() => kernel.ends.length > 0);
    expect([...known]).toEqual([]);
    expect(kernel.ends).toEqual([undefined]);
    expect(kernel.log).toEqual([]);
  });
});

test("a mount that ends lets go of what its kernel holds piece by piece, for there may be others", async () => {
  const { known, kernel } = fixture();
  kernel.session.abort();
  expect(known.size).toBeGreaterThan(MANY - AT_ONCE);
  expect(kernel.ends).toEqual([]);
  await untilIt(() => kernel.ends.length > 0);
  expect(known.size).toBe(0);
});
