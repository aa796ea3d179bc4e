import { describe, expect, test, vi } from "vitest";
import { whenReady } from "../../src/model/maybe-promise.js";

describe("whenReady", () => {
  test("uses a value that is there at once, without the event loop", () => {
    expect(whenReady(20, (value) => value + 1)).toBe(21);
  });

  test("waits for a value that comes later", async () => {
    const result = whenReady(Promise.resolve(20), (value) => value + 1);
    expect(result).toBeInstanceOf(Promise);
    expect(await result).toBe(21);
  });

  test("chains through a use that answers later", async () => {
    expect(await whenReady(20, (value) => Promise.resolve(value + 1))).toBe(21);
    expect(await whenReady(Promise.resolve(20), async (value) => value + 1)).toBe(21);
  });

  test("passes a rejection on and doesn't use it", async () => {
    const use = vi.fn();
    await expect(whenReady(Promise.reject(new Error("no")), use)).rejects.toThrow("no");
    expect(use).not.toHaveBeenCalled();
  });

  test("throws at once what the use of a present value throws", () => {
    const fail = () => {
      throw new Error("no");
    };
    expect(() => whenReady(1, fail)).toThrow("no");
  });

  test("takes undefined for a value that is there", () => {
    expect(whenReady(undefined, () => "used")).toBe("used");
  });
});
