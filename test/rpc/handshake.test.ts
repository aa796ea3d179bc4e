import { expect, test } from "vitest";
import { PROTOCOL_VERSION, parseInitialize } from "../../src/rpc/handshake.js";
import { kindOf } from "../support/error-kind.js";

test("what a client calls itself is short, because it is kept as long as the connection is there", () => {
  const parse = (name: string) =>
    parseInitialize(
      {
        protocolVersion: PROTOCOL_VERSION,
        identity: { isAdmin: false },
        client: { name, version: "0", pid: 1 },
      },
      { version: "0" },
    );
  expect(parse("n".repeat(255)).client.name).toHaveLength(255);
  expect(kindOf(() => parse("n".repeat(256)))).toBe("invalid-argument");
});
