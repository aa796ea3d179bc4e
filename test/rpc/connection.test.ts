import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { NexusError } from "../../src/model/errors.js";
import { WINDOW_BYTES, WINDOW_ITEMS } from "../../src/rpc/limits.js";
import type { PendingCall } from "../../src/rpc/pending-call.js";
import type { ServedCall } from "../../src/rpc/served-call.js";
import type { Method } from "../../src/rpc/server.js";
import { kindOfLater } from "../support/error-kind.js";
import { connected, PAIRS } from "./pairs.js";

const MIB = 1024 * 1024;

/** Sends bytes for as long as somebody takes them. */
const endless: Method = async (call) => {
  for (;;) await call.sendBytes(Buffer.alloc(100_000));
};

const echo: Method = async ({ params }) => (params.args as unknown[])[0];

/** Resolves when the caller has given up. */
function waiting(): { readonly method: Method; readonly aborted: Promise<void> } {
  let tell: () => void = () => undefined;
  const aborted = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const method: Method = ({ signal }) =>
    new Promise((_, reject) => {
      const giveUp = () => {
        tell();
        reject(new NexusError("interrupted", "given up"));
      };
      signal.addEventListener("abort", giveUp);
      if (signal.aborted) giveUp();
    });
  return { method, aborted };
}

async function allBytes(call: PendingCall): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for (let piece = await call.bytes.read(); piece; piece = await call.bytes.read()) {
    pieces.push(piece);
  }
  await call.result;
  return Buffer.concat(pieces);
}

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

function noise(bytes: number): Buffer {
  let block = createHash("sha512").update("noise").digest();
  const blocks: Buffer[] = [];
  for (let length = 0; length < bytes; length += block.length) {
    block = createHash("sha512").update(block).digest();
    blocks.push(block);
  }
  return Buffer.concat(blocks).subarray(0, bytes);
}

describe.each(Object.entries(PAIRS))("a side that leaves, over %s", (_, pair) => {
  test("finishes what is under way, ends what only waits, and closes then", async () => {
    let finish: (value: string) => void = () => undefined;
    const work: Method = () =>
      new Promise((resolve) => {
        finish = resolve;
      });
    const { method: wait } = waiting();
    const { call, server } = await connected(pair, { work, wait, echo });
    const results = [call("work").result, call("wait").result] as const;
    await call("echo", [1]).result;
    const leaving = {
      reason: "it leaves",
      onlyWaits: ({ method }: ServedCall) => method === "wait",
    };
    const left = server.leave(leaving);
    await expect(results[1]).rejects.toMatchObject({ kind: "io-failure", message: "it leaves" });
    await expect(call("wait").result).rejects.toMatchObject({ message: "it leaves" });
    expect(await call("echo", [2]).result).toBe(2);
    finish("done");
    expect(await results[0]).toBe("done");
    await left;
    await server.closed;
  });
});

describe.each(Object.entries(PAIRS))("over %s", (_, pair) => {
  test("a thousand requests at once get each its own answer", async () => {
    const { call } = await connected(pair, { echo });
    const numbers = Array.from({ length: 1000 }, (__, index) => index);
    const answers = await Promise.all(numbers.map((number) => call("echo", [number]).result));
    expect(answers).toStrictEqual(numbers);
  });

  test("an error arrives with kind, message, operation and path, and nothing else", async () => {
    const details = { op: "stat", path: "/a", cause: new Error("secret") };
    const fail = async () => {
      throw new NexusError("not-found", "/a isn't there", details);
    };
    const mistake = async () => {
      throw new TypeError("a mistake");
    };
    const { call, unexpected } = await connected(pair, { fail, mistake });
    const error = await call("fail").result.catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      kind: "not-found",
      message: "/a isn't there",
      op: "stat",
      path: "/a",
    });
    expect((error as Error).cause).toBeUndefined();
    await expect(call("mistake").result).rejects.toMatchObject({
      kind: "internal",
      message: "a mistake",
    });
    expect(unexpected).toMatchObject([{ message: "a mistake" }]);
  });

  test("a signal aborts the method, also one that has aborted before", async () => {
    const { method, aborted } = waiting();
    const seen: boolean[] = [];
    const look: Method = async ({ signal }) => void seen.push(signal.aborted);
    const { caller } = await connected(pair, { wait: method, look });
    const controller = new AbortController();
    const { signal } = controller;
    const { result } = caller.call({ method: "wait", params: {}, signal });
    controller.abort("enough");
    await aborted;
    await expect(result).rejects.toMatchObject({ kind: "interrupted", cause: "enough" });
    await caller.call({ method: "look", params: {}, signal }).result;
    expect(seen).toStrictEqual([true]);
  });

  test("bytes go both ways at once, whole and in order", async () => {
    const reverse: Method = async (call) => {
      for await (const chunk of call.upload()) {
        await call.sendBytes(Buffer.from(chunk).map((byte) => byte ^ 0xff));
      }
    };
    const { caller } = await connected(pair, { reverse });
    const bytes = noise(5 * MIB);
    const results = await Promise.all(
      [1000, 70_000, 3 * MIB].map((size) =>
        allBytes(
          caller.call({
            method: "reverse",
            params: {},
            upload: { chunks: () => pieces(bytes, size), isWhole: false },
          }),
        ),
      ),
    );
    for (const result of results) {
      expect(bytes.equals(result.map((byte) => byte ^ 0xff))).toBe(true);
    }
  });

  test("who doesn't read gets no more than a window, and holds up nobody", async () => {
    const { call, carrier } = await connected(pair, { endless, echo });
    const idle = call("endless");
    const first = await idle.bytes.read();
    for (let round = 0; round < 50; round += 1) await call("echo", ["x".repeat(100)]).result;
    const sent = carrier.sentBytes;
    expect(sent).toBeGreaterThanOrEqual(WINDOW_BYTES);
    expect(sent).toBeLessThan(WINDOW_BYTES + (first?.length ?? 0) + 20_000);
    const busy = call("endless");
    for (let taken = 0; taken < 4 * WINDOW_BYTES; ) taken += (await busy.bytes.read())?.length ?? 0;
    for (const each of [idle, busy]) each.cancel();
    expect(await kindOfLater(idle.result)).toBe("interrupted");
    expect(await kindOfLater(busy.result)).toBe("interrupted");
  });

  test("an upload that nobody reads stops at a window, and its source isn't begun before", async () => {
    const { method, aborted } = waiting();
    const begin: Method = async (call) => {
      await call.upload().next();
      return await method(call);
    };
    const { caller } = await connected(pair, { never: async () => "refused", begin });
    let taken = 0;
    const chunks = async function* () {
      for (;;) {
        taken += 100_000;
        yield Buffer.alloc(100_000);
      }
    };
    const upload = { chunks, isWhole: false };
    expect(await caller.call({ method: "never", params: {}, upload }).result).toBe("refused");
    expect(taken).toBe(0);
    const held = caller.call({ method: "begin", params: {}, upload });
    await expect.poll(() => taken).toBeGreaterThan(WINDOW_BYTES);
    for (let round = 0; round < 50; round += 1) {
      await caller.call({ method: "never", params: {} }).result;
    }
    expect(taken).toBeLessThan(WINDOW_BYTES + 300_000);
    held.cancel();
    await aborted;
    expect(await kindOfLater(held.result)).toBe("interrupted");
  });

  test("what the caller's own source or function fails with is his error", async () => {
    const consume: Method = async (call) => {
      for await (const chunk of call.upload()) call.onProgress?.(chunk.length);
    };
    const { caller } = await connected(pair, { consume });
    const own = new Error("the source broke");
    const failing = async function* () {
      yield Buffer.from("some");
      throw own;
    };
    const upload = { chunks: failing, isWhole: false };
    await expect(caller.call({ method: "consume", params: {}, upload }).result).rejects.toBe(own);
    const onProgress = () => {
      throw own;
    };
    const fine = { chunks: () => pieces(Buffer.alloc(10), 5), isWhole: false };
    const told = caller.call({ method: "consume", params: {}, upload: fine, onProgress });
    await expect(told.result).rejects.toBe(own);
  });

  test("an iteration runs ahead by no more than a window, and ends when nobody wants more", async () => {
    let made = 0;
    let isClosed = false;
    const source = async function* () {
      try {
        for (;;) yield made++;
      } finally {
        isClosed = true;
      }
    };
    const { call } = await connected(pair, { count: (served) => served.sendItems(source()), echo });
    const counting = call("count");
    const items: unknown[] = [];
    while (items.length < 1000) items.push(...((await counting.items.read()) ?? []));
    expect(items).toStrictEqual(items.map((__, index) => index));
    await call("echo").result;
    expect(made).toBeLessThanOrEqual(items.length + WINDOW_ITEMS);
    counting.cancel();
    expect(await kindOfLater(counting.result)).toBe("interrupted");
    expect(isClosed).toBe(true);
  });

  test("items come as soon as they are there", async () => {
    let more: (() => void) | undefined;
    const source = async function* () {
      yield "first";
      await new Promise<void>((resolve) => {
        more = resolve;
      });
      yield "second";
    };
    const { call } = await connected(pair, { watch: (served) => served.sendItems(source()) });
    const watching = call("watch");
    expect(await watching.items.read()).toStrictEqual(["first"]);
    more?.();
    expect(await watching.items.read()).toStrictEqual(["second"]);
    expect(await watching.items.read()).toBeUndefined();
  });

  test("when the connection is lost, all fails on one side, and ends on the other", async () => {
    const { method, aborted } = waiting();
    const { caller, call, carrier, server } = await connected(pair, { wait: method, endless });
    const waits = call("wait").result;
    const stream = call("endless");
    await stream.bytes.read();
    carrier.close("the daemon ends");
    await expect(waits).rejects.toMatchObject({
      kind: "io-failure",
      message: expect.stringMatching(/the daemon ends.*may or may not have happened/),
    });
    expect(await kindOfLater(allBytes(stream))).toBe("io-failure");
    await aborted;
    await server.closed;
    expect(() => caller.call({ method: "wait", params: {} })).toThrow("nothing was done");
  });

  test("when the caller is gone, everything that runs for it ends", async () => {
    const { method, aborted } = waiting();
    const { caller, call, server } = await connected(pair, { wait: method, endless });
    const running = [call("wait").result, call("endless").result].map(kindOfLater);
    await expect.poll(() => server.underWay).toBe(2);
    caller.close();
    await aborted;
    await server.closed;
    expect(await Promise.all(running)).toStrictEqual(["io-failure", "io-failure"]);
  });
});
