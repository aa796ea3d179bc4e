import { expect } from "vitest";
import { S_IFIFO, S_IFSOCK } from "../../../src/model/attributes.js";
import { fails, type PosixCase } from "../posix-case.js";
import { type DirectoryEntry, DT, O, type PosixDriver } from "../posix-driver.js";
import { entriesOf, inoOf, listing, namesIn, put, withFile } from "../posix-steps.js";

/** Room for a handful of entries. */
const SMALL_PAGE = 512;

/** readdir(3), getdents64(2), seekdir(3). */
export const READDIR_CASES: readonly PosixCase[] = [
  {
    name: "a listing starts with . and .., which are the directory and its parent",
    async run({ driver }) {
      await driver.mkdir("directory");
      await driver.mkdir("directory/below");
      await put(driver, { path: "directory/below/file" });
      const all = await listing(driver, "directory/below");
      const inos = new Map(all.map(({ name, ino }) => [name, ino]));
      expect([...inos.keys()].sort()).toEqual([".", "..", "file"]);
      expect(inos.get(".")).toBe(await inoOf(driver, "directory/below"));
      expect(inos.get("..")).toBe(await inoOf(driver, "directory"));
      expect(all.filter(({ name }) => name.startsWith(".")).map(({ type }) => type)).toEqual([
        DT.DIR,
        DT.DIR,
      ]);
    },
  },
  {
    name: "three thousand entries are listed exactly once, however small the pages are",
    isLarge: true,
    timeoutMs: 60_000,
    async run({ driver }) {
      const names = await makeFiles(driver, 3000);
      for (const pageBytes of [SMALL_PAGE, 4096, 1024 * 1024]) {
        const listed = (await listing(driver, ".", { pageBytes })).map(({ name }) => name);
        expect(listed.filter((name) => name.length > 2).sort()).toEqual(names);
        expect(listed).toHaveLength(names.length + 2);
      }
    },
  },
  {
    name: "an entry tells the type and the inode of what it leads to",
    async run({ driver }) {
      await put(driver, { path: "file" });
      await driver.mkdir("directory");
      await driver.symlink("file", "link");
      await driver.mknod("fifo", { mode: S_IFIFO | 0o644 });
      await driver.mknod("socket", { mode: S_IFSOCK | 0o644 });
      await driver.link("file", "second");
      const entries = await entriesOf(driver, ".");
      const types = Object.fromEntries(entries.map(({ name, type }) => [name, type]));
      expect(types).toEqual({
        file: DT.REG,
        directory: DT.DIR,
        link: DT.LNK,
        fifo: DT.FIFO,
        socket: DT.SOCK,
        second: DT.REG,
      });
      for (const { name, ino } of entries) expect(ino).toBe(await inoOf(driver, name));
    },
  },
  {
    name: "a listing goes on after any cookie that it gave",
    async run({ driver }) {
      await makeFiles(driver, 60);
      const all = await listing(driver, ".");
      expect(new Set(all.map(({ cookie }) => cookie)).size).toBe(all.length);
      await withDirectory(driver, ".", async (fd) => {
        for (const [index, { cookie }] of all.entries()) {
          await driver.seekdir(fd, cookie);
          const next = (await driver.getdents64(fd, SMALL_PAGE))[0];
          expect(next?.name).toBe(all[index + 1]?.name);
        }
      });
    },
  },
  {
    name: "entries that are removed between two pages don't disturb the others",
    isLarge: true,
    async run({ driver }) {
      const names = await makeFiles(driver, 500);
      const isRemoved = (name: string) => Number(name.slice(-1)) % 2 === 0;
      await withDirectory(driver, ".", async (fd) => {
        const seen = await page(driver, fd);
        for (const name of names.filter(isRemoved)) await driver.unlink(name);
        seen.push(...(await rest(driver, fd)));
        const kept = seen.filter((name) => name.length > 2 && !isRemoved(name));
        expect(kept.sort()).toEqual(names.filter((name) => !isRemoved(name)));
        expect(new Set(seen).size).toBe(seen.length);
      });
    },
  },
  {
    name: "entries that are made between two pages don't disturb the others",
    isLarge: true,
    async run({ driver }) {
      const names = await makeFiles(driver, 500);
      await withDirectory(driver, ".", async (fd) => {
        const seen = await page(driver, fd);
        for (let index = 0; index < 200; index++) await put(driver, { path: `added-${index}` });
        seen.push(...(await rest(driver, fd)));
        expect(seen.filter((name) => name.startsWith("file-")).sort()).toEqual(names);
        expect(new Set(seen).size).toBe(seen.length);
      });
    },
  },
  {
    name: "renaming entries during a listing neither hides nor doubles the others",
    isLarge: true,
    async run({ driver }) {
      const names = await makeFiles(driver, 400);
      const isRenamed = (name: string) => name.endsWith("7");
      await withDirectory(driver, ".", async (fd) => {
        const seen = await page(driver, fd);
        for (const name of names.filter(isRenamed)) await driver.rename(name, `renamed-${name}`);
        seen.push(...(await rest(driver, fd)));
        const others = seen.filter((name) => name.startsWith("file-") && !isRenamed(name));
        expect(others.sort()).toEqual(names.filter((name) => !isRenamed(name)));
      });
    },
  },
  {
    name: "removing each page's entries as they are listed empties a directory, as rm -r does",
    isLarge: true,
    async run({ driver }) {
      await driver.mkdir("directory");
      await makeFiles(driver, 700, "directory/");
      await withDirectory(driver, "directory", async (fd) => {
        for (;;) {
          const entries = await driver.getdents64(fd, 2048);
          if (entries.length === 0) break;
          for (const { name } of entries) {
            if (name.length > 2) await driver.unlink(`directory/${name}`);
          }
        }
      });
      await driver.rmdir("directory");
      expect(await namesIn(driver, ".")).toEqual([]);
    },
  },
  {
    name: "a rewound listing tells what is there now",
    async run({ driver }) {
      await put(driver, { path: "one" });
      await withDirectory(driver, ".", async (fd) => {
        expect(await rest(driver, fd)).toHaveLength(3);
        await put(driver, { path: "two" });
        await driver.unlink("one");
        await driver.seekdir(fd, 0n);
        expect((await rest(driver, fd)).filter((name) => name.length > 2)).toEqual(["two"]);
      });
    },
  },
  {
    name: "each change of a directory shows in the next listing",
    async run({ driver }) {
      await driver.mkdir("other");
      const expectNames = async (...names: string[]) =>
        expect(await namesIn(driver, ".")).toEqual(names);
      await expectNames("other");
      await put(driver, { path: "file" });
      await expectNames("file", "other");
      await driver.rename("file", "renamed");
      await expectNames("other", "renamed");
      await driver.link("renamed", "linked");
      await expectNames("linked", "other", "renamed");
      await driver.rename("linked", "other/moved");
      await expectNames("other", "renamed");
      await driver.rename("other/moved", "back");
      await expectNames("back", "other", "renamed");
      await driver.unlink("renamed");
      await driver.symlink("x", "link");
      await expectNames("back", "link", "other");
      await driver.rmdir("other");
      await expectNames("back", "link");
    },
  },
  {
    name: "only a directory can be listed: ENOTDIR",
    async run({ driver }) {
      await put(driver, { path: "file" });
      await withFile(driver, { path: "file", flags: O.RDONLY }, (fd) =>
        fails(driver.getdents64(fd, 4096), "ENOTDIR"),
      );
    },
  },
  {
    name: "two listings of one directory don't mind each other",
    async run({ driver }) {
      const names = await makeFiles(driver, 100);
      await withDirectory(driver, ".", (first) =>
        withDirectory(driver, ".", async (second) => {
          const seen = { first: await page(driver, first), second: await page(driver, second) };
          seen.first.push(...(await page(driver, first)));
          seen.second.push(...(await rest(driver, second)));
          seen.first.push(...(await rest(driver, first)));
          for (const list of [seen.first, seen.second]) {
            expect(list.filter((name) => name.length > 2).sort()).toEqual(names);
          }
        }),
      );
    },
  },
];

async function withDirectory(
  driver: PosixDriver,
  path: string,
  use: (fd: number) => Promise<void>,
): Promise<void> {
  await withFile(driver, { path, flags: O.RDONLY | O.DIRECTORY }, use);
}

/** Empty files; their names, sorted. */
async function makeFiles(driver: PosixDriver, count: number, prefix = ""): Promise<string[]> {
  const names: string[] = [];
  for (let index = 0; index < count; index++) {
    const name = `file-${String(index).padStart(4, "0")}`;
    await put(driver, { path: prefix + name });
    names.push(name);
  }
  return names;
}

async function page(driver: PosixDriver, fd: number): Promise<string[]> {
  return namesOf(await driver.getdents64(fd, SMALL_PAGE));
}

async function rest(driver: PosixDriver, fd: number): Promise<string[]> {
  const names: string[] = [];
  for (;;) {
    const next = await page(driver, fd);
    if (next.length === 0) return names;
    names.push(...next);
  }
}

function namesOf(entries: readonly DirectoryEntry[]): string[] {
  return entries.map(({ name }) => name);
}
