import { expect, test, vi } from "vitest";
import { Pace } from "../../../../src/storage/content/local/pace.js";

function pace(bytesPerSecond: number) {
  const controller = new AbortController();
  return { controller, pace: new Pace({ bytesPerSecond, signal: controller.signal }) };
}

test("so many bytes take a second", async () => {
  const it = pace(100_000).pace;
  const before = performance.now();
  for (let done = 0; done < 30_000; done += 500) await it.keep(500);
  const tookMs = performance.now() - before;
  expect(tookMs).toBeGreaterThan(280);
});

test("what was missed isn't caught up with", async () => {
  const it = pace(100_000).pace;
  const now = vi.spyOn(performance, "now");
  const later = performance.now() + 60_000;
  now.mockReturnValue(later);
  try {
    // Half a second is forgiven, and then it waits.
    await it.keep(50_000);
    let hasEnded = false;
    const waiting = it.keep(20_000).then(() => {
      hasEnded = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(hasEnded).toBe(false);
    await waiting;
  } finally {
    now.mockRestore();
  }
});

test("a pause ends when nobody wants the bytes any more", async () => {
  const { controller, pace: it } = pace(1);
  const waiting = it.keep(1_000_000);
  controller.abort();
  await expect(waiting).rejects.toMatchObject({ name: "AbortError" });
  await expect(it.keep(1)).rejects.toMatchObject({ name: "AbortError" });
});
