import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { readStandardInput, untilAborted } from "../../src/cli/standard-input.js";

const silent = () => new Readable({ read: () => undefined });

describe("standard input", () => {
  test("is read to its end", async () => {
    const stdin = Readable.from([Buffer.from("a"), "b"]);
    const text = await readStandardInput(stdin, new AbortController().signal);
    expect(text.toString()).toBe("ab");
  });

  test("ends with an error when the signal aborts", async () => {
    const controller = new AbortController();
    const reading = readStandardInput(silent(), controller.signal);
    controller.abort();
    await expect(reading).rejects.toThrow("aborted");
  });

  test("that was aborted before anybody reads ends nothing but the reading", async () => {
    const stdin = untilAborted(silent(), AbortSignal.abort());
    // Time enough for an error that nobody listens to: it would be an uncaught exception.
    await new Promise(setImmediate);
    expect(stdin.destroyed).toBe(true);
    await expect(stdin.toArray()).rejects.toThrow("aborted");
  });
});
