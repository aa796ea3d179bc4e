import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { O, type PosixDriver } from "../conformance/posix-driver.js";
import { contentOf, pattern, put, withFile, writeAll } from "../conformance/posix-steps.js";
import { SystemDriver } from "../conformance/system-driver.js";
import { Mounted, shell, whyNoMounts } from "../support/daemon.js";

/** What is removed goes a second or so later. */
const PATIENT = { timeout: 20_000, interval: 50 };

/** One that is kept in the log while it is staged, and one that has a file of its own. */
const SIZES = [100, 400_000];

describe.skipIf(whyNoMounts() !== undefined)("equal contents on a mount", () => {
  let mounted: Mounted | undefined;
  let driver = new SystemDriver("/nonexistent");

  let before = new Set<string>();
  let seed = 0;

  beforeAll(async () => {
    mounted = await Mounted.start();
    driver = new SystemDriver(mounted.mountPoint);
  });

  afterAll(async () => {
    await mounted?.stop();
  });

  // Each test has names and contents of its own. What an earlier one left has been sealed, so the
  // blobs of before can go and no new one can come but from this test.
  beforeEach(async () => {
    seed += 1;
    driver = new SystemDriver(join(mounted?.mountPoint ?? "", `test-${seed}`));
    mkdirSync(driver.root);
    before = new Set(blobsIn(mounted?.dataDir ?? ""));
  });

  /** The blobs that this test made. */
  const blobs = () => blobsIn(mounted?.dataDir ?? "").filter((blob) => !before.has(blob));
  const content = (length: number) => pattern(length, seed);
  const sh = (script: string) => shell(script, { cwd: driver.root });

  test.each(SIZES)("of %d bytes are stored once, until the last one is gone", async (size) => {
    const data = content(size);
    await driver.mkdir("directory");
    await put(driver, { path: "one", data });
    await put(driver, { path: "directory/two", data });
    expect(await references(driver, "one")).toBe("2");
    expect(await references(driver, "directory/two")).toBe("2");
    const sha256 = (await sh("sha256sum < one")).slice(0, 64);
    expect(blobs()).toEqual([sha256]);
    expect(await etag(driver, "one")).toBe(sha256);

    await driver.unlink("one");
    // A file that was removed counts until the kernel has forgotten it.
    await expect.poll(() => references(driver, "directory/two"), PATIENT).toBe("1");
    expect((await contentOf(driver, "directory/two")).equals(data)).toBe(true);
    expect(blobs()).toEqual([sha256]);

    await driver.unlink("directory/two");
    await expect.poll(blobs, PATIENT).toEqual([]);
  });

  test.each(SIZES)("of %d bytes that cp makes are references to the same blob", async (size) => {
    const data = content(size);
    await put(driver, { path: "original", data });
    await etag(driver, "original");
    await sh("cp original copy; cp -a original second; cp --reflink=auto original third");
    expect(await references(driver, "copy")).toBe("4");
    expect(blobs()).toHaveLength(1);
    for (const path of ["copy", "second", "third"]) {
      expect((await contentOf(driver, path)).equals(data)).toBe(true);
    }
  });

  test.each(SIZES)("of %d bytes part when one of them is changed", async (size) => {
    const data = content(size);
    await put(driver, { path: "original", data });
    await sh("cp original copy");
    expect(await references(driver, "copy")).toBe("2");
    await withFile(driver, { path: "copy", flags: O.WRONLY }, (fd) =>
      driver.pwrite(fd, { offset: 10, data: Buffer.from("changed") }),
    );
    const changed = Buffer.from(data);
    changed.write("changed", 10);
    expect((await contentOf(driver, "copy")).equals(changed)).toBe(true);
    expect((await contentOf(driver, "original")).equals(data)).toBe(true);
    expect(await references(driver, "original")).toBe("1");
    expect(await references(driver, "copy")).toBe("1");
    expect(blobs()).toHaveLength(2);

    // The way back: the same bytes are the same blob again, and the other one goes.
    await put(driver, { path: "copy", data });
    expect(await references(driver, "original")).toBe("2");
    await expect.poll(blobs, PATIENT).toHaveLength(1);
  });

  test("come from copy_file_range of a whole file, and of parts just the bytes do", async () => {
    const data = content(200_000);
    await put(driver, { path: "source", data });
    const created = { flags: O.RDWR | O.CREAT, mode: 0o644 };
    await withFile(driver, { path: "source", flags: O.RDONLY }, async (from) => {
      await withFile(driver, { path: "whole", ...created }, async (to) => {
        const length = data.length;
        expect(await driver.copyFileRange(from, { offset: 0, to, toOffset: 0, length })).toBe(
          length,
        );
        expect((await contentOf(driver, "whole")).equals(data)).toBe(true);
      });
      await withFile(driver, { path: "part", ...created }, async (to) => {
        const length = 70_000;
        expect(await driver.copyFileRange(from, { offset: 1000, to, toOffset: 5, length })).toBe(
          length,
        );
      });
    });
    const part = Buffer.concat([Buffer.alloc(5), data.subarray(1000, 71_000)]);
    expect((await contentOf(driver, "part")).equals(part)).toBe(true);
    expect(await references(driver, "whole")).toBe("2");
    expect(await references(driver, "part")).toBe("1");
    expect(blobs()).toHaveLength(2);
  });

  test("part while both are open, each with what its own writer wrote", async () => {
    const data = content(300_000);
    await put(driver, { path: "one", data });
    await sh("cp one two");
    const readWrite = { flags: O.RDWR | O.APPEND };
    await withFile(driver, { path: "one", ...readWrite }, (one) =>
      withFile(driver, { path: "two", ...readWrite }, async (two) => {
        await writeAll(driver, { fd: one, data: Buffer.from("of one") });
        await writeAll(driver, { fd: two, data: Buffer.from("of two") });
        await driver.ftruncate(one, 10);
      }),
    );
    expect((await contentOf(driver, "one")).equals(data.subarray(0, 10))).toBe(true);
    const two = Buffer.concat([data, Buffer.from("of two")]);
    expect((await contentOf(driver, "two")).equals(two)).toBe(true);
    expect(await references(driver, "two")).toBe("1");
  });

  test("are found again after a new start, and counted across all tenants", async () => {
    const data = content(50_000);
    await put(driver, { path: "note", data });
    await mounted?.unmount();
    await mounted?.mount(["--tenant", "acme", "--agent", "a"]);
    const root = new SystemDriver(mounted?.mountPoint ?? "");
    await put(root, { path: "workspace/acme/a/note", data });
    expect(await references(root, "workspace/acme/a/note")).toBe("2");
    expect(blobs()).toHaveLength(1);
  });

  test("leave nothing behind when all files are gone", async () => {
    await shell("rm -r test-* workspace/acme/a/note", { cwd: mounted?.mountPoint ?? "" });
    await expect.poll(() => blobsIn(mounted?.dataDir ?? ""), PATIENT).toEqual([]);
  });
});

async function references(driver: PosixDriver, path: string): Promise<string> {
  return (await driver.getxattr(path, { name: "user.nexus.ref_count" })).toString();
}

async function etag(driver: PosixDriver, path: string): Promise<string> {
  return (await driver.getxattr(path, { name: "user.nexus.etag" })).toString();
}

/** The names of all blobs, each in the two directories that its name begins with. */
function blobsIn(dataDir: string): string[] {
  const cas = join(dataDir, "cas");
  const files = readdirSync(cas, { recursive: true, encoding: "utf8" }).filter(
    (path) => path.split("/").length === 3,
  );
  return files.map((path) => {
    const [first, second, name = ""] = path.split("/");
    expect(name.startsWith(`${first}${second}`)).toBe(true);
    return name;
  });
}
