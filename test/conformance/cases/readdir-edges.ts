import { expect } from "vitest";
import { fails, type PosixCase } from "../posix-case.js";
import { O, type PosixDriver } from "../posix-driver.js";
import { inoOf, listing, namesIn, put, withFile } from "../posix-steps.js";

const DIRECTORY = { path: ".", flags: O.RDONLY | O.DIRECTORY };

async function makeFiles(driver: PosixDriver, count: number): Promise<void> {
  for (let index = 0; index < count; index++) await put(driver, { path: `file-${index}` });
}

/** Smallest buffers, positions, and directories that change between two calls: getdents64(2). */
export const READDIR_EDGE_CASES: readonly PosixCase[] = [
  {
    name: "a buffer for one entry at a time lists all of them once",
    async run({ driver }) {
      await makeFiles(driver, 30);
      const names = (await listing(driver, ".", { pageBytes: 32 })).map(({ name }) => name);
      expect(names).toHaveLength(32);
      expect(new Set(names).size).toBe(32);
    },
  },
  {
    name: "a buffer that is too small for the next entry fails with EINVAL, and skips none",
    async run({ driver }) {
      await put(driver, { path: "n".repeat(200) });
      await withFile(driver, DIRECTORY, async (fd) => {
        await fails(driver.getdents64(fd, 8), "EINVAL");
        const seen: string[] = [];
        for (;;) {
          const next = await driver.getdents64(fd, 64).catch(() => undefined);
          if (next === undefined) break;
          expect(next.length).toBeGreaterThan(0);
          seen.push(...next.map(({ name }) => name));
        }
        seen.push(...(await driver.getdents64(fd, 4096)).map(({ name }) => name));
        expect(seen.sort()).toEqual([".", "..", "n".repeat(200)]);
        expect(await driver.getdents64(fd, 4096)).toEqual([]);
      });
    },
  },
  {
    name: "the end of a listing is the end, until it is rewound",
    async run({ driver }) {
      await withFile(driver, DIRECTORY, async (fd) => {
        expect(await driver.getdents64(fd, 4096)).toHaveLength(2);
        for (let round = 0; round < 3; round++) {
          expect(await driver.getdents64(fd, 4096)).toEqual([]);
        }
        await driver.seekdir(fd, 0n);
        expect(await driver.getdents64(fd, 4096)).toHaveLength(2);
      });
    },
  },
  {
    name: "a listing goes on after a cookie whose entry has been removed",
    async run({ driver }) {
      await makeFiles(driver, 40);
      const all = await listing(driver, ".");
      const middle = all[20];
      const after = all.slice(21).map(({ name }) => name);
      if (middle === undefined) throw new Error("there are entries");
      await driver.unlink(middle.name);
      await withFile(driver, DIRECTORY, async (fd) => {
        await driver.seekdir(fd, middle.cookie);
        const names = (await driver.getdents64(fd, 32 * 1024)).map(({ name }) => name);
        expect(names).toEqual(after);
      });
    },
  },
  {
    name: "a cookie counts for another descriptor of the same directory, too",
    async run({ driver }) {
      await makeFiles(driver, 20);
      const all = await listing(driver, ".");
      await withFile(driver, DIRECTORY, async (fd) => {
        for (const index of [0, 1, 5, 20]) {
          await driver.seekdir(fd, all[index]?.cookie ?? 0n);
          const next = (await driver.getdents64(fd, 512))[0];
          expect(next?.name).toBe(all[index + 1]?.name);
        }
      });
    },
  },
  {
    name: "a listing that goes on after a rename of its directory tells what is in it",
    async run({ driver }) {
      await driver.mkdir("one");
      await driver.mkdir("two");
      for (let index = 0; index < 20; index++) await put(driver, { path: `one/file-${index}` });
      await withFile(driver, { ...DIRECTORY, path: "one" }, async (fd) => {
        const seen = (await driver.getdents64(fd, 256)).map(({ name }) => name);
        await driver.rename("one", "two/moved");
        for (;;) {
          const next = await driver.getdents64(fd, 256);
          if (next.length === 0) break;
          seen.push(...next.map(({ name }) => name));
        }
        expect(seen).toHaveLength(22);
        expect(new Set(seen).size).toBe(22);
      });
      expect(await inoOf(driver, "two/moved/..")).toBe(await inoOf(driver, "two"));
    },
  },
  {
    name: "a directory has a size, and can be neither truncated nor read as a file",
    async run({ driver }) {
      await driver.mkdir("directory");
      expect((await driver.stat("directory")).size).toBeGreaterThan(0);
      await fails(driver.truncate("directory", 0), "EISDIR");
      await withFile(driver, { path: "directory", flags: O.RDONLY }, async (fd) => {
        await fails(driver.read(fd, 1), "EISDIR");
        await fails(driver.ftruncate(fd, 0), "EINVAL");
      });
      expect(await namesIn(driver, "directory")).toEqual([]);
    },
  },
  {
    name: "a name that is replaced during a listing is listed once, as what it was or is",
    async run({ driver }) {
      await makeFiles(driver, 100);
      await withFile(driver, DIRECTORY, async (fd) => {
        const seen = (await driver.getdents64(fd, 512)).map(({ name }) => name);
        for (let index = 0; index < 100; index += 3) {
          await put(driver, { path: "new" });
          await driver.rename("new", `file-${index}`);
        }
        for (;;) {
          const next = await driver.getdents64(fd, 512);
          if (next.length === 0) break;
          seen.push(...next.map(({ name }) => name));
        }
        for (let index = 0; index < 100; index++) {
          if (index % 3 === 0) continue;
          expect(seen.filter((name) => name === `file-${index}`)).toHaveLength(1);
        }
      });
      expect(await namesIn(driver, ".")).toHaveLength(100);
    },
  },
];
