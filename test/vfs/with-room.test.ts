import { describe, expect, test } from "vitest";
import { NexusError } from "../../src/model/errors.js";
import { withRoom } from "../../src/vfs/with-room.js";
import { kindOf, kindOfLater } from "../support/error-kind.js";
import { SmallDisk, WHY_NO_SMALL_DISKS } from "../support/small-disk.js";
import { World } from "./world.js";

const MIB = 1024 * 1024;
const FULL = new NexusError("no-space", "full");

/** Something to be removed, and what fails until it is. */
function disk({ isBehind = true, failure = FULL }: { isBehind?: boolean; failure?: Error } = {}) {
  const state = { isBehind, isFull: true, caughtUp: 0, runs: 0 };
  const reclaimer = {
    get isBehind() {
      return state.isBehind;
    },
    catchUp: async () => {
      state.caughtUp += 1;
      state.isBehind = false;
      state.isFull = false;
    },
  };
  const run = () => {
    state.runs += 1;
    if (state.isFull) throw failure;
    return "done";
  };
  return { state, reclaimer, run };
}

describe("what finds no room", () => {
  test("is run again when what was removed is gone, whether it fails at once or later", async () => {
    const [one, other] = [disk(), disk()];
    expect(await withRoom(one.reclaimer, one.run)).toBe("done");
    expect(await withRoom(other.reclaimer, async () => other.run())).toBe("done");
    for (const { state } of [one, other]) expect(state).toMatchObject({ caughtUp: 1, runs: 2 });
  });

  test("fails at once when nothing was removed", async () => {
    const { state, reclaimer, run } = disk({ isBehind: false });
    expect(kindOf(() => withRoom(reclaimer, run))).toBe("no-space");
    expect(state).toMatchObject({ caughtUp: 0, runs: 1 });
  });

  test("isn't run again for another failure, nor twice", async () => {
    const other = disk({ failure: new NexusError("quota-exceeded", "the tenant's") });
    expect(kindOf(() => withRoom(other.reclaimer, other.run))).toBe("quota-exceeded");
    const { state, reclaimer } = disk();
    const fail = () => {
      state.runs += 1;
      throw FULL;
    };
    expect(await kindOfLater(Promise.resolve(withRoom(reclaimer, fail)))).toBe("no-space");
    expect(state.runs).toBe(2);
  });

  test("keeps what it was given, as long as that is there", async () => {
    const { reclaimer, run } = disk();
    const given = Buffer.from("bytes");
    let bytes = given;
    const keep = () => {
      bytes = Buffer.from(bytes);
    };
    const wrote = withRoom(reclaimer, () => `${run()} ${bytes}`, { keep });
    given.fill("x");
    expect(await wrote).toBe("done bytes");
    const late = disk();
    const later = withRoom(late.reclaimer, async () => late.run(), { keep });
    expect(await kindOfLater(Promise.resolve(later))).toBe("no-space");
  });
});

const WHY = WHY_NO_SMALL_DISKS === undefined ? "" : ` (skipped: ${WHY_NO_SMALL_DISKS})`;

test.skipIf(WHY_NO_SMALL_DISKS !== undefined).each([false, true])(
  `a disk that one file fills has room for the next as soon as that is removed; sealed: %s${WHY}`,
  async (isSealed) => {
    const world = new World({ dataDir: new SmallDisk({ sizeBytes: 48 * MIB }).path });
    const bytes = 20 * MIB;
    for (let round = 0; round < 5; round++) {
      const name = `file ${round}`;
      // As a kernel hands them over: in parts, from a buffer that has others the next moment.
      const file = await world.create(name);
      const buffer = Buffer.alloc(MIB);
      for (let offset = 0; offset < bytes; offset += MIB) {
        buffer.fill(round * 20 + offset / MIB);
        const wrote = file.write(buffer, offset);
        buffer.fill(255);
        await wrote;
      }
      file.close();
      if (isSealed) await world.sealed(name);
      const reader = await world.open(name, { access: "read" });
      for (let offset = 0; offset < bytes; offset += MIB) {
        const text = await reader.read({ offset: offset + 77, length: 1 });
        expect(text.charCodeAt(0)).toBe(round * 20 + offset / MIB);
      }
      reader.close();
      await world.unlink(name);
    }
    await world.close();
  },
);
