import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** What all paths of these directories start with: of one run, because there may be two at a time. */
export function tempPrefix(): string {
  return join(tmpdir(), `nexus-test-${process.env.TEST_RUN ?? process.pid}-`);
}

/** A new empty directory; whoever makes it removes it. */
export function makeTempDir(): string {
  return mkdtempSync(tempPrefix());
}

/** A new empty directory that goes with the test that asks for it. */
export function testDir(): string {
  const path = makeTempDir();
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
