import { expect } from "vitest";
import type { KernelCalls, Mapping } from "../kernel-calls.js";
import { outcomeOf, type PosixCase } from "../posix-case.js";
import { O, type PosixDriver } from "../posix-driver.js";
import {
  contentOf,
  contentOfOpen,
  pattern,
  put,
  settle,
  textOf,
  withFile,
} from "../posix-steps.js";

const PAGE = 4096;

/** Maps all of the file `path`, and unmaps it. */
async function withMapping(
  { driver, kernel }: { driver: PosixDriver; kernel: KernelCalls },
  { path, length, shared = true }: { path: string; length: number; shared?: boolean },
  use: (mapping: Mapping, fd: number) => Promise<void>,
): Promise<void> {
  await withFile(driver, { path, flags: O.RDWR }, async (fd) => {
    const mapping = kernel.mmap(fd, { length, shared });
    try {
      await use(mapping, fd);
    } finally {
      mapping.unmap();
    }
  });
}

const text = (mapping: Mapping, length: number) =>
  Buffer.from(mapping.bytes.subarray(0, length)).toString();

/** mmap(2), msync(2). */
export const MEMORY_MAP_CASES: readonly PosixCase[] = [
  {
    name: "a shared mapping is the file: what is stored is read, and what is written is loaded",
    needs: ["kernel"],
    async run(context) {
      const { driver } = context;
      for (const settled of [false, true]) {
        await put(driver, { path: "file", data: "0123456789" });
        if (settled) await settle(driver, "file");
        await withMapping(context, { path: "file", length: 10 }, async (mapping, fd) => {
          mapping.bytes.set(Buffer.from("AB"), 2);
          expect((await contentOfOpen(driver, fd)).toString()).toBe("01AB456789");
          await driver.pwrite(fd, { offset: 6, data: Buffer.from("CD") });
          expect(text(mapping, 10)).toBe("01AB45CD89");
        });
        expect(await textOf(driver, "file")).toBe("01AB45CD89");
      }
    },
  },
  {
    name: "two shared mappings of a file see each other's stores, and another process's",
    needs: ["kernel"],
    async run(context) {
      const { driver, kernel } = context;
      await put(driver, { path: "file", data: "0123456789" });
      await withMapping(context, { path: "file", length: 10 }, async (one) => {
        await withMapping(context, { path: "file", length: 10 }, async (two) => {
          one.bytes[0] = 0x41;
          two.bytes[9] = 0x5a;
          expect([text(one, 10), text(two, 10)]).toEqual(["A12345678Z", "A12345678Z"]);
          const seen = kernel.python(`
            with open('file', 'r+b') as file:
                memory = mmap.mmap(file.fileno(), 10)
                print(memory[:].decode())
                memory[4:6] = b'xy'
          `);
          expect(seen).toEqual(["A12345678Z"]);
          expect(text(one, 10)).toBe("A123xy678Z");
        });
      });
    },
  },
  {
    name: "stores in a private mapping stay there",
    needs: ["kernel"],
    async run(context) {
      const { driver } = context;
      await put(driver, { path: "file", data: "0123456789" });
      await withMapping(context, { path: "file", length: 10, shared: false }, async (mapping) => {
        mapping.bytes.set(Buffer.from("XY"), 0);
        mapping.sync();
        expect(text(mapping, 10)).toBe("XY23456789");
        expect(await textOf(driver, "file")).toBe("0123456789");
      });
      expect(await textOf(driver, "file")).toBe("0123456789");
    },
  },
  {
    name: "what msync has brought to the file is there for who goes past the cache",
    needs: ["kernel"],
    async run(context) {
      const { driver } = context;
      await put(driver, { path: "file", data: pattern(3 * PAGE) });
      await withMapping(context, { path: "file", length: 3 * PAGE }, async (mapping, fd) => {
        mapping.bytes.fill(0x41, PAGE - 1, PAGE + 1);
        mapping.sync();
        await driver.dropCache(fd);
        const expected = Buffer.from(pattern(3 * PAGE)).fill(0x41, PAGE - 1, PAGE + 1);
        expect((await contentOfOpen(driver, fd)).equals(expected)).toBe(true);
      });
    },
  },
  {
    name: "past the end the last page is zeros, and what is stored there doesn't get into the file",
    notOnTmpfs: "its pages are the file",
    needs: ["kernel"],
    async run(context) {
      const { driver } = context;
      await put(driver, { path: "file", data: "0123456789" });
      await withMapping(context, { path: "file", length: PAGE }, async (mapping, fd) => {
        expect(Buffer.from(mapping.bytes.subarray(10)).equals(Buffer.alloc(PAGE - 10))).toBe(true);
        mapping.bytes.fill(0x58, 10);
        mapping.bytes[0] = 0x41;
        mapping.sync();
        expect((await driver.fstat(fd)).size).toBe(10);
        await driver.ftruncate(fd, 20);
        expect((await contentOfOpen(driver, fd)).toString()).toBe(`A123456789${"\0".repeat(10)}`);
      });
      expect(await contentOf(driver, "file")).toHaveLength(20);
    },
  },
  {
    name: "loading what was truncated away raises SIGBUS, and what is there again are zeros",
    needs: ["kernel"],
    async run({ driver, kernel }) {
      await put(driver, { path: "file", data: pattern(3 * PAGE) });
      const ended = kernel.python(`
        file = open('file', 'r+b')
        memory = mmap.mmap(file.fileno(), 3 * 4096)
        memory[:]
        os.truncate('file', 10)
        def signal_of(work):
            pid = child(work)
            return os.WTERMSIG(os.waitpid(pid, 0)[1])
        def store(): memory[5000] = 1
        print(signal_of(lambda: memory[4095]), signal_of(lambda: memory[4096]) == signal.SIGBUS)
        print(signal_of(store) == signal.SIGBUS)
        os.truncate('file', 3 * 4096)
        print(memory[10:] == bytes(3 * 4096 - 10))
      `);
      expect(ended).toEqual(["0 True", "True", "True"]);
    },
  },
  {
    name: "a mapping outlives its descriptor, a rename and the last name of the file",
    needs: ["kernel"],
    async run({ driver, kernel }) {
      await put(driver, { path: "file", data: "0123456789" });
      const fd = await driver.open("file", { flags: O.RDWR });
      const mapping = kernel.mmap(fd, { length: 10, shared: true });
      try {
        await driver.close(fd);
        await driver.rename("file", "renamed");
        mapping.bytes[0] = 0x41;
        mapping.sync();
        expect(await textOf(driver, "renamed")).toBe("A123456789");
        await driver.unlink("renamed");
        mapping.bytes[1] = 0x42;
        mapping.sync();
        expect(text(mapping, 10)).toBe("AB23456789");
      } finally {
        mapping.unmap();
      }
      expect(await outcomeOf(driver.stat("renamed"))).toBe("ENOENT");
    },
  },
  {
    name: "a store in a hole makes data of it",
    needs: ["kernel"],
    async run(context) {
      const { driver } = context;
      await put(driver, { path: "file" });
      await driver.truncate("file", 100 * PAGE);
      await withMapping(context, { path: "file", length: 100 * PAGE }, async (mapping, fd) => {
        mapping.bytes[70 * PAGE] = 0x41;
        mapping.sync();
        const data = await driver.lseek(fd, { offset: 0, whence: "data" });
        expect(data).toBeLessThanOrEqual(70 * PAGE);
        expect(data).toBeGreaterThan(0);
        const read = await driver.pread(fd, { offset: 70 * PAGE - 1, length: 3 });
        expect(read).toEqual(Buffer.from([0, 0x41, 0]));
      });
    },
  },
  {
    name: "a mapping grows into what ftruncate adds",
    needs: ["kernel"],
    async run(context) {
      const { driver } = context;
      await put(driver, { path: "file", data: "start" });
      await withMapping(context, { path: "file", length: 4 * PAGE }, async (mapping, fd) => {
        await driver.ftruncate(fd, 4 * PAGE);
        mapping.bytes.set(Buffer.from("end"), 4 * PAGE - 3);
        const expected = Buffer.alloc(4 * PAGE);
        expected.write("start");
        expected.write("end", 4 * PAGE - 3);
        expect((await contentOfOpen(driver, fd)).equals(expected)).toBe(true);
      });
    },
  },
  {
    name: "a mapping may do what its descriptor may: EACCES; of a directory there is none: ENODEV",
    needs: ["kernel"],
    async run({ driver, kernel }) {
      await put(driver, { path: "file", data: "0123456789" });
      const mapping = (fd: number, request: { shared: boolean; writes?: boolean }) =>
        outcomeOf((async () => kernel.mmap(fd, { length: 10, ...request }).unmap())());
      await withFile(driver, { path: "file", flags: O.RDONLY }, async (fd) => {
        expect(await mapping(fd, { shared: true })).toBe("EACCES");
        expect(await mapping(fd, { shared: false })).toBe("success");
        expect(await mapping(fd, { shared: true, writes: false })).toBe("success");
      });
      await withFile(driver, { path: "file", flags: O.WRONLY }, async (fd) => {
        expect(await mapping(fd, { shared: true })).toBe("EACCES");
        expect(await mapping(fd, { shared: false, writes: false })).toBe("EACCES");
      });
      await withFile(driver, { path: ".", flags: O.RDONLY }, async (fd) => {
        expect(await mapping(fd, { shared: false, writes: false })).toBe("ENODEV");
      });
    },
  },
];
