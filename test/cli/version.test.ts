import { describe, expect, test } from "vitest";
import { version } from "../../src/telemetry/version.js";
import { runCommand } from "./run-command.js";

describe("nexus version", () => {
  test("prints one line for people", async () => {
    const { code, stdout } = await runCommand(["version"]);
    const node = process.version;
    expect([code, stdout]).toStrictEqual([
      0,
      `nexus ${version()} (Node.js ${node}, ${process.platform})\n`,
    ]);
  });

  test("prints the same as JSON for programs", async () => {
    const { stdout } = await runCommand(["version", "--json"]);
    expect(JSON.parse(stdout)).toStrictEqual({
      nexus: version(),
      node: process.version,
      platform: process.platform,
    });
  });

  test("is the version of the package", () => {
    expect(version()).toMatch(/^\d+\.\d+\.\d+/);
  });
});
