import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statfsSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { syncFileSystem } from "../../src/libc/files.js";
import { mapFile } from "../../src/libc/mapping.js";
import { bytesOfLength } from "../support/bytes.js";
import { whyNoMounts } from "../support/daemon.js";
import { PowerDisk } from "../support/power/power-disk.js";
import type { SurvivalMode } from "../support/power/survival.js";

// What the crash tests stand on: a disk that keeps what was synced, and of the rest what it was told to keep.

const PAGE = 4096;
const SEEDS = Array.from({ length: 12 }, (_, index) => index + 1);

let disk: PowerDisk;
let root: string;
let directories = 0;

function sync(path: string): void {
  const fd = openSync(path, "r");
  fsyncSync(fd);
  closeSync(fd);
}

/** A file that is there for good, with these bytes. */
function durable(name: string, bytes: Uint8Array | string): string {
  const path = join(root, name);
  writeFileSync(path, bytes);
  sync(path);
  sync(root);
  return path;
}

const lose = (mode: SurvivalMode, seed = 1) => disk.losePower({ mode, seed });

/** What a test finds after each of many power failures, each from the same state. */
async function each(prepare: () => void, find: () => string): Promise<Set<string>> {
  const found = new Set<string>();
  for (const seed of SEEDS) {
    prepare();
    await lose("some", seed);
    found.add(find());
  }
  return found;
}

describe.skipIf(whyNoMounts() !== undefined)("a disk that loses power", () => {
  beforeAll(async () => {
    disk = await PowerDisk.start();
  });
  afterAll(async () => await disk.remove());
  beforeEach(() => {
    root = join(disk.path, `test ${++directories}`);
    mkdirSync(root);
    sync(disk.path);
  });

  test("has what was synced, whatever else survives", async () => {
    const path = durable("file", bytesOfLength(3 * PAGE + 5));
    for (const mode of ["nothing", "some", "all"] as const) {
      await lose(mode);
      expect(readFileSync(path).equals(bytesOfLength(3 * PAGE + 5))).toBe(true);
    }
  });

  test("hasn't what wasn't synced, or has all of it, or some", async () => {
    const path = durable("file", "old");
    writeFileSync(path, "new and longer");
    await lose("nothing");
    expect(readFileSync(path, "utf8")).toBe("old");
    writeFileSync(path, "new and longer");
    await lose("all");
    expect(readFileSync(path, "utf8")).toBe("new and longer");
  });

  test("syncs bytes with their file, and a name with its directory only", async () => {
    const path = join(root, "file");
    writeFileSync(path, "text");
    sync(path);
    await lose("nothing");
    expect(existsSync(path)).toBe(false);
    writeFileSync(path, "text");
    sync(root);
    await lose("nothing");
    expect(readFileSync(path, "utf8")).toBe("");
  });

  test("loses pages of an overwritten file one by one", async () => {
    const name = "file";
    const found = await each(
      () => {
        const fd = openSync(durable(name, Buffer.alloc(4 * PAGE, "o")), "r+");
        for (let page = 0; page < 4; page++)
          writeSync(fd, Buffer.alloc(PAGE, "n"), 0, PAGE, page * PAGE);
        closeSync(fd);
      },
      () =>
        [0, 1, 2, 3].map((page) => readFileSync(join(root, name), "latin1")[page * PAGE]).join(""),
    );
    expect(found.size).toBeGreaterThan(4);
    for (const pages of found) expect(pages).toMatch(/^[on]{4}$/);
  });

  test("a file that was cut and written anew has old bytes or new ones, never both in one", async () => {
    const found = await each(
      () => {
        const path = durable("file", Buffer.alloc(3 * PAGE, "o"));
        truncateSync(path, 0);
        writeFileSync(path, Buffer.alloc(2 * PAGE, "n"));
      },
      () => [...new Set(readFileSync(join(root, "file"), "latin1"))].sort().join(""),
    );
    expect([...found].filter((bytes) => /o/.test(bytes) && bytes !== "o")).toEqual([]);
    expect(found.has("o") && [...found].some((bytes) => bytes.includes("n"))).toBe(true);
  });

  test("keeps changes of names up to some moment, in their order", async () => {
    const found = await each(
      () => {
        for (const name of readdirSync(root)) unlinkSync(join(root, name));
        durable("a", "a");
        renameSync(join(root, "a"), join(root, "b"));
        linkSync(join(root, "b"), join(root, "c"));
        unlinkSync(join(root, "b"));
      },
      () => readdirSync(root).sort().join(" "),
    );
    expect([...found].sort()).toEqual(["a", "b", "b c", "c"]);
  });

  test("gives no file a number that another one has", async () => {
    for (let count = 0; count < 50; count++) writeFileSync(join(root, `old ${count}`), "");
    await lose("all");
    for (let count = 0; count < 400; count++) writeFileSync(join(root, `new ${count}`), "");
    const numbers = readdirSync(root).map((name) => statSync(join(root, name)).ino);
    expect(new Set(numbers).size).toBe(450);
  });

  test("a rename between directories happens in both or in none", async () => {
    for (const name of ["from", "to"]) mkdirSync(join(root, name));
    sync(root);
    const places = () =>
      ["from", "to"].filter((name) => existsSync(join(root, name, "file"))).join(" ");
    const found = await each(() => {
      writeFileSync(join(root, "from/file"), "");
      sync(join(root, "from"));
      renameSync(join(root, "from/file"), join(root, "to/file"));
      sync(join(root, "to"));
    }, places);
    expect([...found]).toEqual(["to"]);
  });

  test("hasn't what a program stored in mapped memory and the kernel didn't write", async () => {
    const path = durable("mapped", Buffer.alloc(PAGE, "o"));
    const fd = openSync(path, "r+");
    const mapping = mapFile(fd, { length: PAGE });
    try {
      mapping.bytes.fill("n");
      await lose("all");
    } finally {
      mapping.unmap();
      closeSync(fd);
    }
    expect(readFileSync(path, "latin1")).toBe("o".repeat(PAGE));
  });

  test("isn't reached by syncfs(2), as no FUSE file system is", async () => {
    expect(statfsSync(root).type).toBe(0x65735546);
    const path = durable("file", "old");
    writeFileSync(path, "new");
    const fd = openSync(root, "r");
    await syncFileSystem(fd);
    closeSync(fd);
    await lose("nothing");
    expect(readFileSync(path, "utf8")).toBe("old");
  });
});
