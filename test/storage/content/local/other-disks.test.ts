import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { layoutOf } from "../../../../src/storage/content/local/layout.js";
import { LocalContentJobs } from "../../../../src/storage/content/local/local-content-jobs.js";
import { Quarantine } from "../../../../src/storage/content/local/quarantine.js";
import { blob, fsck, makeStore, read, TEXT } from "../../../support/checked-store.js";
import { kindOf } from "../../../support/error-kind.js";
import { openContentStore } from "../../../support/stores.js";
import { testDir } from "../../../support/temp-dir.js";
import { hashOf } from "../fixture.js";

// What somebody may do who runs out of room: have contents on another disk.

/** A directory on another file system than the others of a test. */
function elsewhere(): string {
  const { dev } = statSync(testDir());
  const place = ["/dev/shm", "/var/tmp"].find((each) => statSync(each).dev !== dev);
  if (place === undefined) throw new Error("there is no other file system to test with");
  const path = mkdtempSync(join(place, "nexus-test-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Copies a directory there, and leaves a link in its place. */
function moveThere(path: string): string {
  const target = join(elsewhere(), "moved");
  mkdirSync(target);
  for (const name of readdirSync(path)) {
    const file = join(path, name);
    writeFileSync(join(target, name), readFileSync(file), { mode: statSync(file).mode });
  }
  rmSync(path, { recursive: true });
  symlinkSync(target, path);
  return target;
}

test("a store whose contents are all on another file system isn't opened, and says why", async () => {
  const dataDir = testDir();
  symlinkSync(elsewhere(), join(dataDir, "cas"));
  expect(() => openContentStore(dataDir)).toThrow(
    /cas and .*staging are on different file systems/,
  );
  expect(kindOf(() => openContentStore(dataDir))).toBe("not-supported");
});

test("contents of a directory that is elsewhere can be read, and nothing can be sealed there", async () => {
  const dataDir = await makeStore();
  moveThere(dirname(blob(dataDir, TEXT)));
  expect(await read(dataDir, "/documents/a")).toBe(TEXT);
  rmSync(blob(dataDir, TEXT));
  const jobs = new LocalContentJobs(layoutOf(dataDir));
  const [bytes, hash] = [Buffer.from(TEXT), hashOf(Buffer.from(TEXT))];
  await jobs.hash([{ id: 1 as never, bytes }]);
  await expect(
    jobs.seal([{ id: 1 as never, hash, sizeBytes: bytes.length }]),
  ).rejects.toMatchObject({
    ...{
      kind: "io-failure",
      message: expect.stringContaining("on another file system") as unknown,
    },
  });
  await jobs.close();
});

test("the link to a directory that is elsewhere stays when the last content in it is removed", async () => {
  const dataDir = await makeStore();
  const leaf = dirname(blob(dataDir, TEXT));
  const there = moveThere(leaf);
  const jobs = new LocalContentJobs(layoutOf(dataDir));
  const hash = hashOf(Buffer.from(TEXT));
  expect(await jobs.sealedIn(Number.parseInt(hash.slice(0, 2), 16))).toStrictEqual([hash]);
  await jobs.remove([hash]);
  expect(readdirSync(there)).toStrictEqual([]);
  expect(lstatSync(leaf).isSymbolicLink()).toBe(true);
  await jobs.close();
});

test("a damaged content that is elsewhere is put away with its bytes", async () => {
  const dataDir = await makeStore();
  const path = blob(dataDir, TEXT);
  moveThere(dirname(path));
  rmSync(path);
  writeFileSync(path, "other bytes", { mode: 0o444 });
  expect(await fsck(dataDir)).toMatchObject({ code: 1, rules: ["content.bytes"] });
  const { repaired } = await fsck(dataDir, "--repair");
  expect(repaired).toStrictEqual(["content.bytes"]);
  expect(existsSync(path)).toBe(false);
  expect(readFileSync(join(dataDir, "lost+found", hashOf(Buffer.from(TEXT))), "utf8")).toBe(
    "other bytes",
  );
});

test("what is put away takes nobody's place, wherever it comes from", () => {
  const dataDir = testDir();
  const from = join(elsewhere(), "file");
  for (const text of ["one", "two"]) {
    writeFileSync(from, text);
    new Quarantine(dataDir).put(from, { why: "for a test" });
  }
  const put = (name: string) => readFileSync(join(dataDir, "lost+found", name), "utf8");
  expect([put("file"), put("file.2")]).toStrictEqual(["one", "two"]);
});
