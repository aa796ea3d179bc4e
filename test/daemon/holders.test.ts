import { expect, test } from "vitest";
import { Holders } from "../../src/daemon/holders.js";
import { FakeClock } from "../support/fake-clock.js";
import { recordingLogger } from "../support/silent-logger.js";

const HOUR_MS = 3_600_000;

function fixture() {
  const clock = new FakeClock(Date.UTC(2026, 0, 1));
  const { logger, lines } = recordingLogger();
  const now = () => new Date(Date.UTC(2026, 0, 1) + clock.monotonicMs());
  return { clock, lines, holders: new Holders({ now, scheduler: clock, logger }) };
}

test("who holds contents is known, and logged, from the beginning to the end", () => {
  const { clock, lines, holders } = fixture();
  const hold = { pid: 7, purpose: "a backup to /mnt/b", since: "2026-01-01T00:00:00.000Z" };
  const end = holders.begin({ pid: 7, purpose: "a backup to /mnt/b" });
  const other = holders.begin({ pid: 8, purpose: "another" });
  expect(holders.list()).toMatchObject([hold, { pid: 8 }]);
  expect(lines[0]).toMatchObject({ ...hold, msg: expect.stringContaining("are kept") });
  clock.advance(90_000);
  end();
  end();
  other();
  expect(holders.list()).toStrictEqual([]);
  expect(lines[2]).toMatchObject({
    pid: 7,
    seconds: 90,
    msg: expect.stringContaining("no longer"),
  });
  expect(lines).toHaveLength(4);
});

test("a hold that lasts is a warning each hour, and none when it is over", () => {
  const { clock, lines, holders } = fixture();
  const end = holders.begin({ pid: 7, purpose: "a backup" });
  const warnings = () => lines.filter(({ msg }) => String(msg).includes("still kept")).length;
  clock.advance(HOUR_MS - 1);
  expect(warnings()).toBe(0);
  clock.advance(1);
  expect(warnings()).toBe(1);
  clock.advance(HOUR_MS);
  expect(warnings()).toBe(2);
  end();
  clock.advance(3 * HOUR_MS);
  expect(warnings()).toBe(2);
});
