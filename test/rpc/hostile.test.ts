import { describe, expect, onTestFinished, test } from "vitest";
import type { Carrier, Frame } from "../../src/rpc/carrier.js";
import {
  MOST_HELD_CHARACTERS,
  MOST_REQUEST_CHARACTERS,
  MOST_RESULT_CHARACTERS,
  WINDOW_BYTES,
} from "../../src/rpc/limits.js";
import { bytesFrame } from "../../src/rpc/message.js";
import { ServedCall } from "../../src/rpc/served-call.js";
import { type Method, RpcServer } from "../../src/rpc/server.js";
import { Turns } from "../../src/rpc/turns.js";
import { WholeResults } from "../../src/rpc/whole-results.js";
import { PAIRS } from "./pairs.js";

const methods: Readonly<Record<string, Method>> = {
  echo: async ({ params }) => params,
  wait: ({ signal }) =>
    new Promise((_, reject) => {
      signal.addEventListener("abort", () => reject(new Error("given up")));
    }),
  measure: async ({ params }) => String(params.text).length,
  long: async () => "x".repeat(MOST_RESULT_CHARACTERS),
};

const port: NonNullable<(typeof PAIRS)[string]> = () => {
  const pair = PAIRS["a port"];
  if (pair === undefined) throw new Error("there are no ports");
  return pair();
};

/** The bare end of a connection whose other end serves. */
async function bare(pair: NonNullable<(typeof PAIRS)[string]>) {
  const [near, far] = await pair();
  const server = new RpcServer({
    carrier: far,
    methodOf: (name) => methods[name],
    onUnexpected: () => undefined,
  });
  const frames: Frame[] = [];
  const closed = new Promise<string | undefined>((resolve) => {
    near.listen({
      onFrame: (frame) => {
        frames.push(frame);
        return undefined;
      },
      onClose: resolve,
    });
  });
  onTestFinished(() => near.close());
  const answer = async (index: number): Promise<unknown> => {
    await expect.poll(() => frames.length).toBeGreaterThan(index);
    return JSON.parse(String(frames[index]));
  };
  return { near, server, closed, answer, frames };
}

function ask(near: Carrier, message: object): void {
  near.send(JSON.stringify({ jsonrpc: "2.0", ...message }));
}

test("pieces of a byte, or of none, take no more room than what they have until somebody reads", async () => {
  const [carrier] = await port();
  onTestFinished(() => carrier.close());
  const turns = new Turns();
  const wholes = new WholeResults(turns);
  const call = new ServedCall({ id: 1, method: "m", params: {}, carrier, turns, wholes });
  const large = Buffer.alloc(10_000, "l");
  const small = Buffer.from(Array.from({ length: 20_000 }, (_, index) => index & 0xff));
  const sent = Buffer.concat([small, large]);
  for (const byte of small) call.takeBytes(Buffer.from([byte]));
  call.takeBytes(large);
  for (let count = 0; count < 1000; count++) call.takeBytes(Buffer.alloc(0));
  call.endUpload(undefined);
  const pieces: Uint8Array[] = [];
  for await (const piece of call.upload()) pieces.push(piece);
  expect(pieces.length).toBeLessThan(10);
  expect(Buffer.concat(pieces)).toStrictEqual(sent);
});

test("requests under way have a limit on what they hold together, and one that ends makes room", async () => {
  const { near, frames } = await bare(port);
  const answers = async (count: number) => {
    await expect.poll(() => frames.length, { timeout: 10_000 }).toBe(count);
    return JSON.parse(String(frames[count - 1]));
  };
  const text = "x".repeat(MOST_REQUEST_CHARACTERS - 1000);
  const most = Math.floor(MOST_HELD_CHARACTERS / text.length);
  for (let id = 1; id <= most + 1; id++) ask(near, { id, method: "wait", params: { text } });
  expect(await answers(1)).toMatchObject({ id: most + 1, error: { data: { kind: "busy" } } });
  ask(near, { method: "$/cancel", params: { id: 1 } });
  expect(await answers(2)).toMatchObject({ id: 1, error: {} });
  ask(near, { id: 99, method: "measure", params: { text } });
  expect(await answers(3)).toMatchObject({ id: 99, result: text.length });
});

describe.each(Object.entries(PAIRS))("over %s", (_, pair) => {
  test.each([
    ["no JSON", "{", { id: null, error: { code: -32700 } }],
    ["no object", "[1]", { id: null, error: { code: -32600 } }],
    ["no JSON-RPC", '{"id":1,"method":"echo"}', { id: 1, error: { code: -32600 } }],
    [
      "no id of ours",
      '{"jsonrpc":"2.0","id":"a","method":"echo"}',
      { id: null, error: { code: -32600 } },
    ],
    [
      "an unknown method",
      '{"jsonrpc":"2.0","id":7,"method":"none"}',
      { id: 7, error: { code: -32601 } },
    ],
    [
      "an inherited name",
      '{"jsonrpc":"2.0","id":7,"method":"echo","params":[1]}',
      { id: 7, error: { code: -32602 } },
    ],
    [
      "a value that nobody encodes",
      '{"jsonrpc":"2.0","id":7,"method":"echo","params":{"a":{"$x":1}}}',
      { id: 7, error: { code: -32602 } },
    ],
  ])("%s is answered with an error, and all goes on", async (__, frame, expected) => {
    const { near, answer } = await bare(pair);
    near.send(frame);
    expect(await answer(0)).toMatchObject({ jsonrpc: "2.0", ...expected });
    ask(near, { id: 8, method: "echo", params: { a: 1 } });
    expect(await answer(1)).toMatchObject({ id: 8, result: { a: 1 } });
  });

  test.each([
    [
      "a message that is too long",
      (near: Carrier) => near.send("x".repeat(4 * MOST_REQUEST_CHARACTERS)),
    ],
    ["bytes of nothing", (near: Carrier) => near.send(Buffer.from([1, 2]))],
    ["an answer to nothing", (near: Carrier) => ask(near, { id: 1, result: 1 })],
    [
      "the id of a request under way",
      (near: Carrier) => {
        for (let count = 0; count < 2; count += 1) ask(near, { id: 1, method: "wait" });
      },
    ],
    [
      "an unknown notification",
      (near: Carrier) => {
        ask(near, { id: 1, method: "wait" });
        ask(near, { method: "$/nothing", params: { id: 1 } });
      },
    ],
    [
      "credit that is no number",
      (near: Carrier) => {
        ask(near, { id: 1, method: "wait" });
        ask(near, { method: "$/credit", params: { id: 1, bytes: -1 } });
      },
    ],
    [
      "more bytes than were granted",
      (near: Carrier) => {
        ask(near, { id: 1, method: "wait" });
        near.send(bytesFrame(1, Buffer.alloc(WINDOW_BYTES)));
        near.send(bytesFrame(1, Buffer.alloc(1)));
      },
    ],
  ] satisfies [string, (near: Carrier) => void][])(
    "%s ends the connection, and what runs for it",
    async (name, send) => {
      const { near, server, closed, answer } = await bare(pair);
      send(near);
      if (name === "a message that is too long" && _ === "a port") {
        expect(await answer(0)).toMatchObject({ error: { code: -32600 } });
        return;
      }
      await closed;
      await server.closed;
    },
  );

  test("an answer that is too long is an error that says so", async () => {
    const { near, answer } = await bare(pair);
    ask(near, { id: 1, method: "long" });
    expect(await answer(0)).toMatchObject({
      id: 1,
      error: { data: { kind: "invalid-argument" }, message: expect.stringContaining("at most") },
    });
  });
});
