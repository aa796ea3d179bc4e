import { describe, expect, test } from "vitest";
import { AutomaticCollection } from "../../src/vfs/content/automatic-collection.js";
import { COLLECTOR_PARTS, NOTHING_COLLECTED } from "../../src/vfs/content/collect-all.js";
import { addStray } from "../support/data-directory.js";
import { FakeClock } from "../support/fake-clock.js";
import { recordingLogger } from "../support/silent-logger.js";
import { World } from "./world.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** What has ten contents, and collects itself each hour; `strays` more in its first part. */
function start({ strays = 0, fails }: { strays?: number; fails?: () => boolean } = {}) {
  const clock = new FakeClock();
  const { logger, lines } = recordingLogger();
  const asked = { look: 0, remove: 0 };
  const state = { strays };
  const collector = {
    collect: async (part: number, action: "look" | "remove") => {
      asked[action] += 1;
      if (fails?.()) throw new Error("not now");
      const files = part === 0 ? state.strays : 0;
      if (action === "remove") state.strays = 0;
      const known = part === 0 ? 10 : 0;
      return { ...NOTHING_COLLECTED, known, contents: { files, bytes: files } };
    },
  };
  const automatic = new AutomaticCollection({
    ...{ collector, scheduler: clock, logger, intervalMs: HOUR },
  });
  /** Lets time pass, and a run that it begins end. */
  const pass = async (ms: number) => {
    clock.advance(ms);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { clock, lines, asked, state, automatic, pass };
}

describe("a store that stays open", () => {
  test("is collected five minutes after the start, and then each time the interval is over", async () => {
    const { clock, asked, pass } = start();
    await pass(5 * MINUTE - 1);
    expect(asked.look).toBe(0);
    await pass(1);
    expect(asked).toStrictEqual({ look: COLLECTOR_PARTS, remove: 0 });
    await pass(HOUR - 1);
    expect(asked.look).toBe(COLLECTOR_PARTS);
    await pass(1);
    expect(asked.look).toBe(2 * COLLECTOR_PARTS);
    expect(clock.waiting).toBe(1);
  });

  test("has a line in its log when something was removed, and none otherwise", async () => {
    const { lines, state, pass } = start({ strays: 3 });
    await pass(5 * MINUTE);
    expect(state.strays).toBe(0);
    expect(lines).toMatchObject([
      { level: 30, msg: "removed what nothing needs", contents: { files: 3, bytes: 3 } },
    ]);
    await pass(HOUR);
    expect(lines).toHaveLength(1);
  });

  test("keeps all when more contents have no file than have one, and says so", async () => {
    const { lines, asked, pass } = start({ strays: 11 });
    await pass(5 * MINUTE);
    expect(asked.remove).toBe(0);
    expect(lines).toMatchObject([
      { level: 40, msg: expect.stringMatching(/^more contents have no file than have one/) },
    ]);
  });

  test("is collected the next time when it can't be now", async () => {
    let failures = 1;
    const { lines, state, pass } = start({ strays: 1, fails: () => failures-- > 0 });
    await pass(5 * MINUTE);
    expect(lines).toMatchObject([{ level: 50, err: { message: "not now" } }]);
    expect(state.strays).toBe(1);
    await pass(HOUR);
    expect(state.strays).toBe(0);
  });

  test("isn't collected any more once it is closed", async () => {
    const before = start();
    before.automatic.close();
    expect(before.clock.waiting).toBe(0);
    const during = start();
    during.clock.advance(5 * MINUTE);
    during.automatic.close();
    await during.pass(HOUR);
    expect(during.asked.look).toBe(1);
    expect(during.clock.waiting).toBe(0);
    expect(during.lines).toStrictEqual([]);
  });
});

test("a file system collects its own store, unless the interval is 0", async () => {
  const never = new World({ collection: { graceMs: 0, intervalMs: 0 } });
  await never.pass(HOUR);
  expect(never.clock.waiting).toBe(0);
  const world = new World({ collection: { graceMs: 0, intervalMs: HOUR } });
  await world.write("file", "content");
  await world.sealed("file");
  const hash = addStray(world.dataDir, "stray");
  await world.pass(5 * MINUTE);
  await world.until(() => !world.hasBlob(hash));
  expect(await world.read("file")).toBe("content");
  await world.close();
  expect(world.clock.waiting).toBe(0);
  expect(world.trouble).toStrictEqual([]);
});
