import { describe, expect, test } from "vitest";
import { armedFailpoint } from "../../src/config/failpoints.js";
import { loadConfig } from "../../src/config/load.js";

describe("a failpoint in the environment", () => {
  test("says where and at which time, the first one if it doesn't", () => {
    const named = { name: "blob-linked", reachedFile: undefined };
    expect(armedFailpoint({ NEXUS_FAILPOINTS: "blob-linked:kill" })).toEqual({
      ...{ ...named, count: 1 },
    });
    const env = { NEXUS_FAILPOINTS: "blob-linked:kill@30", NEXUS_FAILPOINTS_FILE: "/tmp/reached" };
    expect(armedFailpoint(env)).toEqual({ ...named, count: 30, reachedFile: "/tmp/reached" });
  });

  test("is none where the variable is missing or empty, and then the configuration has none", () => {
    expect(armedFailpoint({})).toBeUndefined();
    expect(armedFailpoint({ NEXUS_FAILPOINTS: "" })).toBeUndefined();
    const config = loadConfig({ face: "library", env: {}, cwd: "/nowhere", home: "/nowhere" });
    expect(config).not.toHaveProperty("failpoint");
  });

  test.each([
    "blob-linked",
    "blob-linked:stop",
    "blob-linked:kill@0",
    "blob-linked:kill@x",
    ":kill",
  ])("that is written as %j is refused, with what is allowed", (value) => {
    const load = () =>
      loadConfig({ face: "command", env: { NEXUS_FAILPOINTS: value }, cwd: "/", home: "/" });
    expect(load).toThrow(
      `NEXUS_FAILPOINTS: found "${value}"; allowed: NAME:kill or NAME:kill@COUNT, with one of the names log-record-written, `,
    );
  });

  test("that isn't one of the list is refused by its name", () => {
    expect(() => armedFailpoint({ NEXUS_FAILPOINTS: "to-string:kill" })).toThrow(
      'NEXUS_FAILPOINTS: there is no failpoint "to-string"; allowed: ',
    );
    expect(() => armedFailpoint({ NEXUS_FAILPOINTS: "constructor:kill" })).toThrow(/no failpoint/);
  });
});
