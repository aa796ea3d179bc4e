import { expect, onTestFinished, test } from "vitest";
import { MOST_HELD_BYTES } from "../../src/rpc/limits.js";
import { Turns } from "../../src/rpc/turns.js";
import { WholeResults } from "../../src/rpc/whole-results.js";

const HALF = MOST_HELD_BYTES / 2;

/** Results of so many bytes, of which none is taken before the test says so. */
function fixture() {
  const turns = new Turns();
  onTestFinished(() => turns.close());
  const results = new WholeResults(turns);
  const made: string[] = [];
  const taken = new Map<string, { resolve: () => void; reject: (error: Error) => void }>();
  const pass = (name: string, length: number): Promise<void> =>
    results.pass({
      make: async () => {
        made.push(name);
        return new Uint8Array(length);
      },
      send: () => new Promise((resolve, reject) => taken.set(name, { resolve, reject })),
    });
  return { results, made, taken, pass };
}

test("none is made while as much as may be held waits to be taken, and then the next one is", async () => {
  const { made, taken, pass } = fixture();
  const all = ["a", "b", "c", "d"].map((name) => pass(name, HALF));
  await expect.poll(() => taken.size).toBe(2);
  expect(made).toEqual(["a", "b"]);
  taken.get("a")?.resolve();
  await all[0];
  await expect.poll(() => taken.size).toBe(3);
  expect(made).toEqual(["a", "b", "c"]);
  taken.get("b")?.reject(new Error("gone"));
  await expect(all[1]).rejects.toThrow("gone");
  await expect.poll(() => taken.size).toBe(4);
  for (const name of ["c", "d"]) taken.get(name)?.resolve();
  await Promise.all(all.slice(2));
});

test("one that is larger than that is made, and holds up those behind it", async () => {
  const { made, taken, pass } = fixture();
  const first = pass("a", 1);
  const large = pass("b", 2 * MOST_HELD_BYTES);
  const last = pass("c", 1);
  await expect.poll(() => taken.size).toBe(2);
  expect(made).toEqual(["a", "b"]);
  for (const name of ["a", "b"]) taken.get(name)?.resolve();
  await Promise.all([first, large]);
  await expect.poll(() => taken.size).toBe(3);
  taken.get("c")?.resolve();
  await last;
});

test("one that can't be made holds up nobody", async () => {
  const { results, taken, pass } = fixture();
  const failing = results.pass({
    make: async () => Promise.reject(new Error("no such file")),
    send: async () => undefined,
  });
  const next = pass("a", 1);
  await expect(failing).rejects.toThrow("no such file");
  await expect.poll(() => taken.size).toBe(1);
  taken.get("a")?.resolve();
  await next;
});
