import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** What all paths of these directories start with. */
export const TEMP_PREFIX = join(tmpdir(), "nexus-test-");

/** A new empty directory; whoever makes it removes it. */
export function makeTempDir(): string {
  return mkdtempSync(TEMP_PREFIX);
}

/** A new empty directory that goes with the test that asks for it. */
export function testDir(): string {
  const path = makeTempDir();
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
