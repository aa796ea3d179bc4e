import { describe, expect, test } from "vitest";
import { supervisorOf } from "../../src/daemon/supervisor.js";
import { recordingLogger } from "../support/silent-logger.js";

function fixture({ isWatched = true, broken = false } = {}) {
  const said: string[] = [];
  const { logger, lines } = recordingLogger();
  let tick = () => undefined as unknown;
  const intervals: number[] = [];
  const supervisor = supervisorOf(
    { notifySocket: "/run/notify", watchdogMs: isWatched ? 30_000 : undefined },
    {
      logger,
      send: (address, bytes) => {
        if (broken) throw new Error("nobody listens");
        said.push(`${address} ${Buffer.from(bytes)}`);
      },
      repeat: (intervalMs, task) => {
        intervals.push(intervalMs);
        tick = task;
        return () => intervals.pop();
      },
    },
  );
  return { supervisor, said, lines, intervals, tick: () => tick() };
}

test("a supervisor hears when the mounts answer, what is going on, and once of the end", () => {
  const { supervisor, said } = fixture();
  supervisor.ready();
  supervisor.status("serving 2 mounts");
  supervisor.stopping();
  supervisor.stopping();
  expect(said).toStrictEqual([
    "/run/notify READY=1",
    "/run/notify STATUS=serving 2 mounts",
    "/run/notify STOPPING=1",
  ]);
});

test("a supervisor that doesn't listen is no reason to end", () => {
  const { supervisor, lines } = fixture({ broken: true });
  supervisor.ready();
  expect(lines).toMatchObject([{ msg: "the supervisor can't be told" }]);
});

describe("a watchdog", () => {
  test("hears twice in its time, only while the daemon answers, until it stops", async () => {
    const { supervisor, said, intervals, tick } = fixture();
    let answer: () => void = () => undefined;
    supervisor.watch(() => new Promise((resolve) => (answer = () => resolve(undefined))));
    expect(intervals).toStrictEqual([15_000]);
    tick();
    tick();
    expect(said).toStrictEqual([]);
    answer();
    await Promise.resolve();
    await Promise.resolve();
    expect(said).toStrictEqual(["/run/notify WATCHDOG=1"]);
    supervisor.stopping();
    expect(intervals).toStrictEqual([]);
  });

  test("hears nothing more of a daemon whose thread has failed", async () => {
    const { supervisor, said, lines, tick } = fixture();
    supervisor.watch(() => Promise.reject(new Error("the thread is gone")));
    for (let round = 0; round < 3; round++) {
      tick();
      await Promise.resolve();
      await Promise.resolve();
    }
    expect(said).toStrictEqual([]);
    expect(lines).toMatchObject([{ msg: "the daemon is not well" }]);
  });

  test("that nobody asked for starts no timer", () => {
    const { supervisor, intervals } = fixture({ isWatched: false });
    supervisor.watch(() => Promise.resolve());
    expect(intervals).toStrictEqual([]);
  });
});
