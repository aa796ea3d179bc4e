import { Command } from "commander";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { addVersionCommand } from "../../src/cli/commands/version.js";
import { version } from "../../src/telemetry/version.js";

async function printed(...args: string[]): Promise<string> {
  const log = vi.spyOn(console, "log").mockImplementation(() => undefined);
  onTestFinished(() => log.mockRestore());
  const program = new Command("nexus");
  addVersionCommand(program);
  await program.parseAsync(["version", ...args], { from: "user" });
  return log.mock.calls.map(([line]) => String(line)).join("\n");
}

describe("nexus version", () => {
  test("prints one line for people", async () => {
    const node = process.version;
    expect(await printed()).toBe(`nexus ${version()} (Node.js ${node}, ${process.platform})`);
  });

  test("prints the same as JSON for programs", async () => {
    expect(JSON.parse(await printed("--json"))).toStrictEqual({
      nexus: version(),
      node: process.version,
      platform: process.platform,
    });
  });

  test("is the version of the package", () => {
    expect(version()).toMatch(/^\d+\.\d+\.\d+/);
  });
});
