import { expect } from "vitest";
import type { PosixCase } from "../posix-case.js";
import { FALLOC, O, type PosixDriver, PosixError, RWF } from "../posix-driver.js";
import { contentOfOpen, put, settle, textOf, withFile } from "../posix-steps.js";

/** O_APPEND of open(2), F_SETFL of fcntl(2), the flags of pwritev2(2): where the end is, and for whom. */
export const APPEND_CASES: readonly PosixCase[] = [
  {
    name: "O_APPEND writes at the end, wherever the position is",
    async run({ driver }) {
      await put(driver, { path: "log", data: "one " });
      await withFile(driver, { path: "log", flags: O.RDWR | O.APPEND }, async (fd) => {
        expect((await driver.read(fd, 2)).toString()).toBe("on");
        await driver.write(fd, Buffer.from("two "));
        expect(await driver.lseek(fd, { offset: 0, whence: "current" })).toBe(8);
        await driver.lseek(fd, { offset: 0, whence: "set" });
        await driver.write(fd, Buffer.from("three"));
        expect((await contentOfOpen(driver, fd)).toString()).toBe("one two three");
      });
    },
  },
  {
    name: "two O_APPEND descriptors never overwrite each other",
    async run({ driver }) {
      await put(driver, { path: "log" });
      const flags = O.WRONLY | O.APPEND;
      await withFile(driver, { path: "log", flags }, (first) =>
        withFile(driver, { path: "log", flags }, async (second) => {
          for (let line = 0; line < 50; line++) {
            await driver.write(first, Buffer.from(`first ${line}\n`));
            await driver.write(second, Buffer.from(`second ${line}\n`));
          }
        }),
      );
      const expected = Array.from({ length: 50 }, (_, line) => `first ${line}\nsecond ${line}\n`);
      expect(await textOf(driver, "log")).toBe(expected.join(""));
    },
  },
  {
    name: "O_APPEND follows the end when another descriptor moves it",
    async run({ driver }) {
      await put(driver, { path: "log", data: "0123456789" });
      await withFile(driver, { path: "log", flags: O.WRONLY | O.APPEND }, async (fd) => {
        await driver.truncate("log", 4);
        await driver.write(fd, Buffer.from("x"));
        await driver.truncate("log", 7);
        await driver.write(fd, Buffer.from("y"));
      });
      expect(await textOf(driver, "log")).toBe("0123x\0\0y");
    },
  },
  {
    name: "pwrite to an O_APPEND descriptor appends, as pwrite(2) says of Linux",
    async run({ driver }) {
      await put(driver, { path: "log", data: "begin" });
      await withFile(driver, { path: "log", flags: O.WRONLY | O.APPEND }, (fd) =>
        driver.pwrite(fd, { offset: 0, data: Buffer.from("+end") }),
      );
      expect(await textOf(driver, "log")).toBe("begin+end");
    },
  },
  {
    name: "fcntl takes O_APPEND from a descriptor, which then writes at its position",
    async run({ driver }) {
      for (const settled of [false, true]) {
        await put(driver, { path: "log", data: "hello" });
        if (settled) await settle(driver, "log");
        await withFile(driver, { path: "log", flags: O.RDWR | O.APPEND }, async (fd) => {
          await driver.setStatusFlags(fd, 0);
          await driver.pwrite(fd, { offset: 0, data: Buffer.from("J") });
          await driver.write(fd, Buffer.from("JE"));
          expect((await contentOfOpen(driver, fd)).toString()).toBe("JEllo");
          expect((await driver.fstat(fd)).size).toBe(5);
          // What the kernel has of the file, and what the file system has.
          await driver.dropCache(fd);
          expect((await contentOfOpen(driver, fd)).toString()).toBe("JEllo");
        });
      }
    },
  },
  {
    name: "fcntl gives a descriptor O_APPEND, which then writes at the end",
    async run({ driver }) {
      await put(driver, { path: "log", data: "hello" });
      await withFile(driver, { path: "log", flags: O.RDWR }, async (fd) => {
        await driver.setStatusFlags(fd, O.APPEND);
        await driver.write(fd, Buffer.from(", "));
        await driver.pwrite(fd, { offset: 1, data: Buffer.from("world") });
      });
      expect(await textOf(driver, "log")).toBe("hello, world");
    },
  },
  {
    name: "RWF_APPEND appends without O_APPEND, and RWF_NOAPPEND writes in place with it",
    async run({ driver }) {
      await put(driver, { path: "log", data: "hello" });
      await withFile(driver, { path: "log", flags: O.RDWR }, async (fd) => {
        await driver.pwritev2(fd, { offset: 1, data: Buffer.from("!"), flags: RWF.APPEND });
      });
      expect(await textOf(driver, "log")).toBe("hello!");
      await withFile(driver, { path: "log", flags: O.RDWR | O.APPEND }, async (fd) => {
        const inPlace = { offset: 1, data: Buffer.from("a"), flags: RWF.NOAPPEND };
        if (!(await isKnown(driver.pwritev2(fd, inPlace)))) return;
        await driver.dropCache(fd);
        expect((await contentOfOpen(driver, fd)).toString()).toBe("hallo!");
      });
    },
  },
  {
    name: "appending goes on where fallocate and copy_file_range have moved the end",
    notOnTmpfs: "it has no FALLOC_FL_ZERO_RANGE",
    async run({ driver }) {
      await put(driver, { path: "source", data: "copied" });
      await put(driver, { path: "log", data: "log" });
      await withFile(driver, { path: "log", flags: O.RDWR | O.APPEND }, (fd) =>
        withFile(driver, { path: "log", flags: O.RDWR }, async (other) => {
          await driver.fallocate(other, { offset: 0, length: 5, mode: 0 });
          await driver.write(fd, Buffer.from("1"));
          await copy(driver, { path: "source", to: other, toOffset: 6 });
          await driver.write(fd, Buffer.from("2"));
          await driver.fallocate(other, { offset: 0, length: 99, mode: FALLOC.KEEP_SIZE });
          await driver.write(fd, Buffer.from("3"));
          await driver.fallocate(other, { offset: 12, length: 5, mode: FALLOC.ZERO_RANGE });
          await driver.write(fd, Buffer.from("4"));
          await driver.dropCache(fd);
          const expected = "log\0\x001copied\0\0\0\0\x004";
          expect((await contentOfOpen(driver, fd)).toString()).toBe(expected);
        }),
      );
    },
  },
  {
    name: "appending goes on where a copy of a whole file has moved the end",
    async run({ driver }) {
      await put(driver, { path: "source", data: "copied" });
      await settle(driver, "source");
      await put(driver, { path: "log" });
      await withFile(driver, { path: "log", flags: O.RDWR | O.APPEND }, (fd) =>
        withFile(driver, { path: "log", flags: O.RDWR }, async (other) => {
          await copy(driver, { path: "source", to: other, toOffset: 0 });
          await driver.write(fd, Buffer.from(", appended"));
          await driver.dropCache(fd);
          expect((await contentOfOpen(driver, fd)).toString()).toBe("copied, appended");
        }),
      );
    },
  },
  {
    name: "appending goes on at the start of what O_TRUNC has emptied",
    async run({ driver }) {
      await put(driver, { path: "log", data: "0123456789" });
      await withFile(driver, { path: "log", flags: O.RDWR | O.APPEND }, async (fd) => {
        await put(driver, { path: "log" });
        await driver.write(fd, Buffer.from("x"));
      });
      expect(await textOf(driver, "log")).toBe("x");
    },
  },
  {
    name: "two processes that append at the same time lose nothing and mix nothing",
    needs: ["kernel"],
    async run({ driver, kernel }) {
      const lines = 300;
      const writer = `for line in $(seq ${lines}); do echo "$0 $line"; done >> log`;
      const both = `bash -c '${writer}' one & bash -c '${writer}' other & wait`;
      kernel.run("bash", ["-c", both]);
      const written = (await textOf(driver, "log")).split("\n").slice(0, -1);
      expect(written).toHaveLength(2 * lines);
      for (const who of ["one", "other"]) {
        const expected = Array.from({ length: lines }, (_, index) => `${who} ${index + 1}`);
        expect(written.filter((line) => line.startsWith(`${who} `))).toEqual(expected);
      }
    },
  },
];

/** All of a file to a place in another one. */
async function copy(
  driver: PosixDriver,
  { path, to, toOffset }: { path: string; to: number; toOffset: number },
): Promise<void> {
  await withFile(driver, { path, flags: O.RDONLY }, async (fd) => {
    const { size } = await driver.fstat(fd);
    expect(await driver.copyFileRange(fd, { offset: 0, to, toOffset, length: size })).toBe(size);
  });
}

/** False for a flag that this kernel is too old for. */
async function isKnown(call: Promise<unknown>): Promise<boolean> {
  return await call.then(
    () => true,
    (error: unknown) => {
      if (error instanceof PosixError && error.code === "EOPNOTSUPP") return false;
      throw error;
    },
  );
}
