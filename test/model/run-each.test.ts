import { expect, test } from "vitest";
import { runEach } from "../../src/model/run-each.js";

test("each step runs, in order, and the first failure is told at the end", async () => {
  const done: string[] = [];
  const step = (name: string, failure?: string) => async () => {
    done.push(name);
    if (failure !== undefined) throw new Error(failure);
  };
  const running = runEach([
    step("a"),
    step("b", "first"),
    () => done.push("c"),
    step("d", "second"),
  ]);
  await expect(running).rejects.toThrow("first");
  expect(done).toStrictEqual(["a", "b", "c", "d"]);
  await expect(runEach([step("e")])).resolves.toBeUndefined();
});
