import { describe, expect, test } from "vitest";
import { testDir } from "../support/temp-dir.js";
import { World } from "./world.js";

const DAY_MS = 24 * 3_600_000;

function mtimeOf(world: World, name: string): number | undefined {
  return world.metadata.getattr(world.lookup(name))?.mtime.sec;
}

describe("a store whose clock is set", () => {
  test.each([
    ["back by a day", DAY_MS],
    ["forward by a day", -DAY_MS],
    ["back by 30 years", 30 * 365 * DAY_MS],
    ["forward by 30 years", -30 * 365 * DAY_MS],
  ])(
    "%s seals what waits and what comes, and has both at the next start, with their times",
    async (_, backMs) => {
      const dataDir = testDir();
      const world = new World({ dataDir });
      await world.write("before", "old text");
      const before = world.clock.now().sec;
      world.clock.setBack(backMs);
      const after = world.clock.now().sec;
      await world.write("after", "new text");
      await world.sealed("before");
      await world.sealed("after");
      await world.close();

      const next = new World({ dataDir, clock: world.clock });
      expect([await next.read("before"), await next.read("after")]).toStrictEqual([
        "old text",
        "new text",
      ]);
      expect(mtimeOf(next, "before")).toBe(before);
      expect(mtimeOf(next, "after")).toBe(after);
      await next.write("later", "text");
      await next.sealed("later");
      await next.close();
    },
  );
});
