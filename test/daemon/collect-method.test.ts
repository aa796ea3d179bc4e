import { describe, expect, test } from "vitest";
import { collectMethod } from "../../src/daemon/collect-method.js";
import { NOTHING_COLLECTED } from "../../src/vfs/content/collect-all.js";

function fixture() {
  const told: string[] = [];
  const methods = collectMethod({
    collect: async (part, action) => {
      told.push(`${action} ${part}`);
      return NOTHING_COLLECTED;
    },
  });
  const call = async (params: unknown, uid = process.geteuid?.() ?? 0) => {
    const credentials = { uid, gid: 0, pid: 1 };
    const { signal } = new AbortController();
    return await methods["daemon.collect"]?.(params, { credentials, signal });
  };
  return { told, call };
}

describe("daemon.collect", () => {
  test("collects the part that is asked for", async () => {
    const { told, call } = fixture();
    expect(await call({ part: 7, action: "look" })).toStrictEqual(NOTHING_COLLECTED);
    await call({ part: 256, action: "remove" });
    expect(told).toStrictEqual(["look 7", "remove 256"]);
  });

  test("does nothing for other users, or when it isn't asked properly", async () => {
    const { told, call } = fixture();
    await expect(call({ part: 7, action: "remove" }, 4711)).rejects.toMatchObject({
      kind: "not-permitted",
    });
    for (const params of [{}, { part: "7", action: "look" }, { part: 7, action: "burn" }, 7]) {
      await expect(call(params)).rejects.toMatchObject({ kind: "invalid-argument" });
    }
    expect(told).toStrictEqual([]);
  });
});
