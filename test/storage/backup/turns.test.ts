import { expect, test } from "vitest";
import { Turns } from "../../../src/storage/backup/turns.js";

test("long work hears a signal that comes while it is at it", async () => {
  const controller = new AbortController();
  const reason = new Error("enough");
  const turns = new Turns(controller.signal);
  setImmediate(() => controller.abort(reason));
  const work = async () => {
    for (;;) await turns.take();
  };
  await expect(work()).rejects.toBe(reason);
});
