import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import type { StagingId } from "../../../../src/model/ids.js";
import { layoutOf } from "../../../../src/storage/content/local/layout.js";
import { LocalContentJobs } from "../../../../src/storage/content/local/local-content-jobs.js";
import { bytesOfLength } from "../../../support/bytes.js";
import { openContentStore } from "../../../support/stores.js";
import { testDir } from "../../../support/temp-dir.js";
import { Contents, hashOf } from "../fixture.js";

function open(dataDir = testDir()): { dataDir: string; contents: Contents } {
  return { dataDir, contents: new Contents(openContentStore(dataDir)) };
}

function blobOf(dataDir: string, bytes: Uint8Array): string {
  const hash = hashOf(bytes);
  return join(dataDir, "cas", hash.slice(0, 2), hash.slice(2, 4), hash);
}

const SIZES = [10, 100_000];

describe("a sealed content in the data directory", () => {
  test.each(SIZES)("of %i bytes is a read-only file, two levels deep", async (size) => {
    const { dataDir, contents } = open();
    const bytes = bytesOfLength(size);
    await contents.sealed(bytes);
    const path = blobOf(dataDir, bytes);
    expect(readFileSync(path).equals(bytes)).toBe(true);
    expect(statSync(path).mode & 0o7777).toBe(0o444);
    expect(statSync(path).nlink).toBe(1);
  });

  test("that is there already isn't written again", async () => {
    for (const size of SIZES) {
      const { dataDir, contents } = open();
      const bytes = bytesOfLength(size);
      await contents.sealed(bytes);
      const { ino } = statSync(blobOf(dataDir, bytes));
      await contents.sealed(bytes);
      expect(statSync(blobOf(dataDir, bytes)).ino).toBe(ino);
    }
  });

  test("of the wrong size counts as missing, and is replaced", async () => {
    for (const size of SIZES) {
      const { dataDir, contents } = open();
      const bytes = bytesOfLength(size);
      const path = blobOf(dataDir, bytes);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, "damaged", { mode: 0o444 });
      await contents.sealed(bytes);
      expect(readFileSync(path).equals(bytes)).toBe(true);
    }
  });

  test("takes its directories along when it goes, unless another one needs them", async () => {
    const { dataDir, contents } = open();
    const one = await contents.sealed(Buffer.from("one"));
    const path = blobOf(dataDir, Buffer.from("one"));
    const neighbour = join(dirname(dirname(path)), "zz");
    mkdirSync(neighbour);
    writeFileSync(join(neighbour, "other"), "");
    await contents.store.remove([one.hash]);
    expect(readdirSync(dirname(neighbour))).toStrictEqual(["zz"]);
    const two = await contents.sealed(Buffer.from("two"));
    await contents.store.remove([two.hash]);
    expect(readdirSync(join(dataDir, "cas"))).toStrictEqual([one.hash.slice(0, 2)]);
  });
});

describe("the staging directory", () => {
  test("holds nothing but the log when all is sealed", async () => {
    const { dataDir, contents } = open();
    for (const size of SIZES) await contents.sealed(bytesOfLength(size));
    expect(readdirSync(join(dataDir, "staging"))).toStrictEqual(["log-1"]);
  });

  test("is for the owner alone, and so is what lies in it", async () => {
    const { dataDir, contents } = open();
    const id = contents.stage(bytesOfLength(100_000));
    contents.stage(Buffer.from("small"));
    expect(statSync(join(dataDir, "staging")).mode & 0o077).toBe(0);
    expect(statSync(join(dataDir, "cas")).mode & 0o077).toBe(0);
    expect(statSync(join(dataDir, "staging", String(id))).mode & 0o077).toBe(0);
    expect(statSync(join(dataDir, "staging", "log-1")).mode & 0o077).toBe(0);
  });

  test("says of a file whether it was made read-only to be sealed", async () => {
    const { contents } = open();
    const id = contents.stage(bytesOfLength(100_000));
    expect(contents.store.statStaging(id)?.isFrozen).toBe(false);
    await contents.seal(id);
    expect(contents.store.statStaging(id)?.isFrozen).toBe(true);
    expect(contents.stagedBytes(id)).toHaveLength(100_000);
  });

  test("loses at the next start what a dead process left half-made", async () => {
    const { dataDir, contents } = open();
    const id = contents.stage(Buffer.from("in the log"));
    const staging = join(dataDir, "staging");
    // Died while it wrote a small content to be sealed, and while one became a file.
    writeFileSync(join(staging, `${hashOf(Buffer.from("x"))}.new`), "half");
    writeFileSync(join(staging, String(id)), "in th");
    const after = open(dataDir).contents;
    expect(readdirSync(staging).filter((name) => !name.startsWith("log-"))).toStrictEqual([]);
    expect(after.stagedBytes(id).toString()).toBe("in the log");
  });
});

describe("jobs whose file can't be handled", () => {
  test("are reported, when the others are done", async () => {
    const dataDir = testDir();
    const { contents } = open(dataDir);
    const layout = layoutOf(dataDir);
    const jobs = new LocalContentJobs(layout);
    const id = contents.stage(bytesOfLength(100_000));
    // A directory where a staging file should be: it can't be hashed, sealed or unlinked.
    mkdirSync(join(layout.stagingDirectory, "77", "full"), { recursive: true });
    const bad = 77 as StagingId;
    await expect(jobs.hash([{ id: bad, bytes: undefined }])).rejects.toMatchObject({
      name: "NexusError",
    });
    await expect(jobs.discardStaging([bad, id])).rejects.toMatchObject({ name: "NexusError" });
    expect(contents.store.statStaging(id)).toBeUndefined();

    const good = await contents.sealed(Buffer.from("good"));
    const other = await contents.sealed(Buffer.from("other"));
    const path = blobOf(dataDir, Buffer.from("bad"));
    mkdirSync(join(path, "full"), { recursive: true });
    const removing = jobs.remove([good.hash, hashOf(Buffer.from("bad")), other.hash]);
    await expect(removing).rejects.toMatchObject({ name: "NexusError" });
    expect(() => contents.bytesOf(good)).toThrow("missing");
    expect(() => contents.bytesOf(other)).toThrow("missing");
  });

  test("don't stop the jobs that come after", async () => {
    const { dataDir, contents } = open();
    const jobs = new LocalContentJobs(layoutOf(dataDir));
    const request = { id: 5 as StagingId, hash: hashOf(Buffer.from("no")), sizeBytes: 2 };
    const failing = jobs.seal([request]);
    const id = contents.stage(bytesOfLength(100_000));
    const discarding = jobs.discardStaging([id]);
    await expect(failing).rejects.toMatchObject({ name: "NexusError" });
    await discarding;
    expect(contents.store.statStaging(id)).toBeUndefined();
  });

  test("report a seal whose bytes are gone with the process that had hashed them", async () => {
    const { dataDir, contents } = open();
    const bytes = Buffer.from("small");
    const id = contents.stage(bytes);
    await contents.store.hash([id]);
    const jobs = new LocalContentJobs(layoutOf(dataDir));
    const request = { id, hash: hashOf(bytes), sizeBytes: 5 };
    await expect(jobs.seal([request])).rejects.toMatchObject({ kind: "io-failure" });
    await expect(contents.store.seal([request])).resolves.toMatchObject([{ hash: hashOf(bytes) }]);
  });
});
