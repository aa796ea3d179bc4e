import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { version } from "../../src/telemetry/version.js";

test("the version is the package's", () => {
  const manifest = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  expect(version()).toMatch(/^\d+\.\d+\.\d+/);
  expect(manifest).toContain(`"version": "${version()}"`);
});
