import { expect, test } from "vitest";
import { supervisionOf } from "../../src/config/supervision.js";

test("a service that nobody supervises has nobody to tell", () => {
  const none = { notifySocket: undefined, watchdogMs: undefined };
  expect(supervisionOf({}, 17)).toStrictEqual(none);
  expect(supervisionOf({ NOTIFY_SOCKET: "", WATCHDOG_USEC: "" }, 17)).toStrictEqual(none);
});

test("a supervisor's socket and the time of its watchdog are read from the environment", () => {
  const env = { NOTIFY_SOCKET: "@/run/notify", WATCHDOG_USEC: "30000000" };
  const watched = { notifySocket: "@/run/notify", watchdogMs: 30_000 };
  expect(supervisionOf(env, 17)).toStrictEqual(watched);
  expect(supervisionOf({ ...env, WATCHDOG_PID: "17" }, 17)).toStrictEqual(watched);
  for (const other of [
    { WATCHDOG_PID: "18" },
    { WATCHDOG_USEC: "soon" },
    { WATCHDOG_USEC: "-1" },
  ]) {
    expect(supervisionOf({ ...env, ...other }, 17).watchdogMs).toBeUndefined();
  }
});
