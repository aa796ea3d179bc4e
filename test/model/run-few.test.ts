import { expect, test } from "vitest";
import { runFew } from "../../src/model/run-few.js";

test("all tasks run, and never more at a time than said", async () => {
  let running = 0;
  let most = 0;
  const done: number[] = [];
  const tasks = Array.from({ length: 20 }, (_, index) => async () => {
    running += 1;
    most = Math.max(most, running);
    for (let turn = 0; turn < index % 4; turn++) await undefined;
    running -= 1;
    done.push(index);
  });
  await runFew(tasks, { atOnce: 3 });
  expect(most).toBe(3);
  expect(done.sort((a, b) => a - b)).toEqual(tasks.map((_, index) => index));
  await runFew([], { atOnce: 3 });
});

test("after a failure nothing begins, and what had begun is waited for", async () => {
  const done: string[] = [];
  const slow = async () => {
    for (let turn = 0; turn < 10; turn++) await undefined;
    done.push("slow");
  };
  const bad = () => {
    throw new Error("bad");
  };
  const running = runFew([slow, bad, () => done.push("never")], { atOnce: 2 });
  await expect(running).rejects.toThrow("bad");
  expect(done).toEqual(["slow"]);
});
