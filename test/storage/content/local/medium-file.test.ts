import { existsSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { MediumFile } from "../../../../src/storage/content/local/medium-file.js";
import { bytesOfLength } from "../../../support/bytes.js";

const MIB = 1024 * 1024;
/** One on a disk, and one in memory, where some kernels have no way past their pages. */
const PLACES = [tmpdir(), "/dev/shm"].filter((place) => existsSync(place));

async function readAll(path: string): Promise<Buffer> {
  const file = await MediumFile.open(path);
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of file.chunks()) chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks);
  } finally {
    await file.close();
  }
}

describe.each(PLACES)("a file in %s", (place) => {
  async function path(): Promise<string> {
    const directory = await mkdtemp(join(place, "nexus-medium-"));
    onTestFinished(() => rm(directory, { recursive: true }));
    return join(directory, "file");
  }

  test.each([0, 1, 4095, 4096, 4097, MIB - 1, MIB, MIB + 1, 3 * MIB + 5000])(
    "is read whole: %i bytes",
    async (size) => {
      const file = await path();
      const bytes = bytesOfLength(size);
      writeFileSync(file, bytes);
      expect((await readAll(file)).equals(bytes)).toBe(true);
    },
  );

  test("is read as it was written a moment ago", async () => {
    const file = await path();
    writeFileSync(file, "first");
    expect((await readAll(file)).toString()).toBe("first");
    writeFileSync(file, "other");
    expect((await readAll(file)).toString()).toBe("other");
  });
});

test("a file without blocks, as in /proc, is read as far as it goes", async () => {
  expect((await readAll("/proc/self/status")).toString()).toContain("Pid:");
});
