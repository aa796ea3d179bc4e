import { expect } from "vitest";
import type { PosixCase } from "../posix-case.js";
import { O, RWF } from "../posix-driver.js";
import { contentOf, pattern, put, textOf, withFile } from "../posix-steps.js";

/** O_DIRECT and O_SYNC of open(2), the flags of preadv2(2), RLIMIT_FSIZE of getrlimit(2). */
export const READ_WRITE_FLAG_CASES: readonly PosixCase[] = [
  {
    name: "O_DIRECT writes and reads whole blocks, and agrees with the page cache",
    needs: ["kernel"],
    async run({ driver, kernel }) {
      await put(driver, { path: "file", data: pattern(16 * 4096) });
      const seen = kernel.python(`
        direct = os.open('file', os.O_RDWR | os.O_DIRECT)
        cached = os.open('file', os.O_RDWR)
        memory = mmap.mmap(-1, 4 * 4096)
        before = os.pread(cached, 16 * 4096, 0)
        print(os.preadv(direct, [memory], 4096), memory[:] == before[4096:5 * 4096])
        memory[:] = b'D' * len(memory)
        print(os.pwritev(direct, [memory], 8 * 4096))
        print(os.pread(cached, 4 * 4096, 8 * 4096) == memory[:])
        os.pwrite(cached, b'C' * 4096, 9 * 4096)
        print(os.preadv(direct, [memory], 8 * 4096), memory[4095:4097])
        print(os.preadv(direct, [memory], 16 * 4096), os.preadv(direct, [memory], 15 * 4096))
      `);
      expect(seen).toEqual(["16384 True", "16384", "True", "16384 b'DC'", "0 4096"]);
      const expected = Buffer.from(pattern(16 * 4096)).fill("D", 8 * 4096, 12 * 4096);
      expected.fill("C", 9 * 4096, 10 * 4096);
      expect((await contentOf(driver, "file")).equals(expected)).toBe(true);
    },
  },
  {
    name: "O_DIRECT lengthens a file, also through a hole",
    needs: ["kernel"],
    async run({ driver, kernel }) {
      kernel.python(`
        fd = os.open('file', os.O_RDWR | os.O_CREAT | os.O_DIRECT, 0o644)
        memory = mmap.mmap(-1, 4096)
        memory[:] = b'x' * 4096
        os.pwritev(fd, [memory], 0)
        os.pwritev(fd, [memory], 128 * 4096)
      `);
      const expected = Buffer.alloc(129 * 4096)
        .fill("x", 0, 4096)
        .fill("x", 128 * 4096);
      expect((await contentOf(driver, "file")).equals(expected)).toBe(true);
    },
  },
  {
    name: "RWF_DSYNC and RWF_SYNC write what a write without them does",
    needs: ["kernel"],
    async run({ driver }) {
      await put(driver, { path: "file", data: "0123456789" });
      await withFile(driver, { path: "file", flags: O.RDWR }, async (fd) => {
        const data = Buffer.from("X");
        expect(await driver.pwritev2(fd, { offset: 1, data, flags: RWF.DSYNC })).toBe(1);
        expect(await driver.pwritev2(fd, { offset: 3, data, flags: RWF.SYNC })).toBe(1);
        const both = RWF.SYNC | RWF.APPEND;
        expect(await driver.pwritev2(fd, { offset: 0, data, flags: both })).toBe(1);
      });
      expect(await textOf(driver, "file")).toBe("0X2X456789X");
    },
  },
  {
    name: "a flag that doesn't exist fails with EOPNOTSUPP, and writes nothing",
    needs: ["kernel"],
    async run({ driver }) {
      await put(driver, { path: "file", data: "0123456789" });
      await withFile(driver, { path: "file", flags: O.RDWR }, async (fd) => {
        const request = { offset: 0, data: Buffer.from("X"), flags: 0x4000_0000 };
        await expect(driver.pwritev2(fd, request)).rejects.toThrow("EOPNOTSUPP");
      });
      expect(await textOf(driver, "file")).toBe("0123456789");
    },
  },
  {
    name: "several buffers are read and written as one",
    needs: ["kernel"],
    async run({ driver, kernel }) {
      const seen = kernel.python(`
        fd = os.open('file', os.O_RDWR | os.O_CREAT, 0o644)
        print(os.writev(fd, [b'one ', b'', b'two ', b'three' * 2000]))
        first, second = bytearray(6), bytearray(9)
        print(os.preadv(fd, [first, second], 2), bytes(first), bytes(second))
      `);
      expect(seen).toEqual(["10008", "15 b'e two ' b'threethre'"]);
      expect((await driver.stat("file")).size).toBe(10_008);
    },
  },
  {
    name: "past the caller's RLIMIT_FSIZE a write ends, the next fails with EFBIG and SIGXFSZ",
    needs: ["kernel"],
    async run({ driver, kernel }) {
      const seen = kernel.python(`
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGXFSZ])
        def report(*outcome): print(*outcome, signal.sigtimedwait([signal.SIGXFSZ], 0) is not None)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10000, 10000))
        fd = os.open('file', os.O_RDWR | os.O_CREAT, 0o644)
        report(os.write(fd, bytes(9000)), os.write(fd, bytes(9000)))
        report(code(os.write, fd, b'x'))
        report(code(os.ftruncate, fd, 10001))
        report(code(os.truncate, 'file', 2**40))
        report(code(os.posix_fallocate, fd, 0, 10001))
        report(code(os.ftruncate, fd, 10000), code(os.pwrite, fd, b'x', 5000))
      `);
      expect(seen).toEqual([
        "9000 1000 False",
        "EFBIG True",
        "EFBIG True",
        "EFBIG True",
        "EFBIG True",
        "success success False",
      ]);
      expect((await driver.stat("file")).size).toBe(10_000);
    },
  },
  {
    name: "a process that doesn't mind SIGXFSZ is killed by it",
    needs: ["kernel"],
    async run({ driver, kernel }) {
      const seen = kernel.python(`
        def write():
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
            fd = os.open('file', os.O_RDWR | os.O_CREAT, 0o644)
            os.write(fd, bytes(100)); os.write(fd, b'x')
        print(os.WTERMSIG(os.waitpid(child(write), 0)[1]) == signal.SIGXFSZ)
      `);
      expect(seen).toEqual(["True"]);
      expect((await driver.stat("file")).size).toBe(100);
    },
  },
];
