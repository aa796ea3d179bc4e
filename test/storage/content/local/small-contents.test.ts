import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { bytesOfLength } from "../../../support/bytes.js";
import { afterKill } from "../../../support/crash.js";
import { FakeClock } from "../../../support/fake-clock.js";
import { openContentStore } from "../../../support/stores.js";
import { testDir } from "../../../support/temp-dir.js";
import { Contents, hashOf, readAll } from "../fixture.js";

const LIMIT = 64 * 1024;

function open(dataDir: string, clock = new FakeClock()): Contents {
  const store = openContentStore(dataDir, { clock });
  onTestFinished(() => store.close());
  return new Contents(store);
}

function hasFile(dataDir: string, id: number): boolean {
  return existsSync(join(dataDir, "staging", String(id)));
}

describe("a small content", () => {
  test("has no file up to 64 KiB, and one from there on", () => {
    const dataDir = testDir();
    const contents = open(dataDir);
    const file = contents.staged(bytesOfLength(LIMIT));
    expect(hasFile(dataDir, file.id)).toBe(false);
    file.write({ from: Buffer.from("x"), offset: LIMIT });
    expect(hasFile(dataDir, file.id)).toBe(true);
    expect(readAll(file).subarray(0, LIMIT).equals(bytesOfLength(LIMIT))).toBe(true);
  });

  test.each([
    [
      "a write",
      (file: ReturnType<Contents["staged"]>) =>
        file.write({ from: Buffer.from("end"), offset: LIMIT }),
    ],
    ["a truncate", (file: ReturnType<Contents["staged"]>) => file.truncate(LIMIT + 3)],
    [
      "an allocation",
      (file: ReturnType<Contents["staged"]>) =>
        file.allocate({ mode: "keep-size", offset: 0, length: 10 }),
    ],
    [
      "a copy",
      (file: ReturnType<Contents["staged"]>) =>
        file.copyFrom({ source: file, offset: 0, toOffset: LIMIT, length: 3 }),
    ],
  ])("becomes a file by %s, with its bytes, and stays it after a kill", (_, grow) => {
    const dataDir = testDir();
    const contents = open(dataDir);
    const file = contents.staged(bytesOfLength(5000));
    grow(file);
    expect(hasFile(dataDir, file.id)).toBe(true);
    const expected = readAll(file);
    expect(expected.subarray(0, 5000).equals(bytesOfLength(5000))).toBe(true);
    file.write({ from: Buffer.from("after"), offset: 0 });
    Buffer.from("after").copy(expected);
    const after = open(afterKill(dataDir));
    expect(after.stagedBytes(file.id).equals(expected)).toBe(true);
  });

  test("doesn't become small again when it shrinks", () => {
    const dataDir = testDir();
    const contents = open(dataDir);
    const file = contents.staged(bytesOfLength(LIMIT + 1));
    file.truncate(3);
    file.close();
    expect(hasFile(dataDir, file.id)).toBe(true);
    expect(contents.stagedBytes(file.id)).toHaveLength(3);
    expect(open(afterKill(dataDir)).stagedBytes(file.id)).toHaveLength(3);
  });

  test("keeps its time when it becomes a file", () => {
    const clock = new FakeClock();
    const contents = open(testDir(), clock);
    const file = contents.staged(bytesOfLength(100));
    const mtime = { sec: 1_500_000_000, nsec: 500_000_000 };
    file.setModified(mtime);
    file.allocate({ mode: "keep-size", offset: 0, length: 10 });
    expect(contents.store.statStaging(file.id)?.sizeBytes).toBe(100);
  });

  test("has a hash of its bytes at the time, and is sealed with just those", async () => {
    const contents = open(testDir());
    const file = contents.staged(Buffer.from("hashed"));
    const hashes = await contents.store.hash([file.id]);
    const hash = hashOf(Buffer.from("hashed"));
    expect(hashes.get(file.id)).toBe(hash);
    file.write({ from: Buffer.from("later!"), offset: 0 });
    await contents.store.seal([{ id: file.id, hash, sizeBytes: 6 }]);
    expect(contents.bytesOf({ hash, sizeBytes: 6 }).toString()).toBe("hashed");
  });

  test("takes blocks as a file of its size would", () => {
    const contents = open(testDir());
    const blocks = [0, 1, 4096, 4097].map((size) => {
      return contents.staged(bytesOfLength(size)).stat().blocks;
    });
    expect(blocks).toStrictEqual([0, 8, 8, 16]);
  });

  test("leaves a file when all small ones together take too much memory", () => {
    const dataDir = testDir();
    const contents = open(dataDir);
    const bytes = bytesOfLength(LIMIT);
    const room = (128 * 1024 * 1024) / LIMIT;
    for (let count = 0; count < room; count++) contents.stage(bytes);
    expect(readdirSync(join(dataDir, "staging")).every((name) => name.startsWith("log-"))).toBe(
      true,
    );
    const id = contents.stage(bytes);
    expect(hasFile(dataDir, id)).toBe(true);
    expect(contents.stagedBytes(id).equals(bytes)).toBe(true);
  });
});
