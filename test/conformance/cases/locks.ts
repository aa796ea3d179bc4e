import { expect } from "vitest";
import type { KernelCalls, LockHolder } from "../kernel-calls.js";
import { fails, type PosixCase } from "../posix-case.js";
import { O } from "../posix-driver.js";
import { put, withFile } from "../posix-steps.js";

const ALL = { offset: 0, length: 0 };

/** Another process that has a lock, while something is done. */
async function whileLocked(
  kernel: KernelCalls,
  request: Parameters<KernelCalls["lockElsewhere"]>[1],
  use: (holder: LockHolder) => Promise<void>,
): Promise<void> {
  const holder = await kernel.lockElsewhere("file", request);
  try {
    expect(holder.answer).toBe("held");
    await use(holder);
  } finally {
    await holder.end();
  }
}

/** flock(2), and the record locks of fcntl(2). */
export const LOCK_CASES: readonly PosixCase[] = [
  {
    name: "flock: many may share, one excludes all, and another open of the same process counts",
    needs: ["kernel"],
    async run({ driver, kernel }) {
      await put(driver, { path: "file" });
      await withFile(driver, { path: "file", flags: O.RDONLY }, async (one) => {
        await withFile(driver, { path: "file", flags: O.RDWR }, async (two) => {
          await kernel.flock(one, "read");
          await kernel.flock(two, "read");
          await fails(kernel.flock(two, "write"), "EAGAIN");
          await kernel.flock(one, "unlock");
          await kernel.flock(two, "write");
          await fails(kernel.flock(one, "read"), "EAGAIN");
        });
        // Closed, and so unlocked.
        await kernel.flock(one, "write");
      });
    },
  },
  {
    name: "flock of another process excludes until it ends",
    needs: ["kernel"],
    async run({ driver, kernel }) {
      await put(driver, { path: "file" });
      await withFile(driver, { path: "file", flags: O.RDWR }, async (fd) => {
        await whileLocked(kernel, { by: "flock", type: "write" }, async () => {
          await fails(kernel.flock(fd, "read"), "EAGAIN");
          await fails(kernel.flock(fd, "write"), "EAGAIN");
          // They don't know of each other.
          await kernel.setLock(fd, { type: "write", ...ALL });
        });
        await kernel.flock(fd, "write");
      });
    },
  },
  {
    name: "fcntl: a lock of another process is in the way of its range alone, and told with its owner",
    needs: ["kernel"],
    async run({ driver, kernel }) {
      await put(driver, { path: "file", data: "0123456789" });
      const theirs = { type: "write", offset: 4, length: 4 } as const;
      await withFile(driver, { path: "file", flags: O.RDWR }, async (fd) => {
        await whileLocked(kernel, { by: "fcntl", ...theirs }, async ({ pid }) => {
          await fails(kernel.setLock(fd, { type: "read", offset: 0, length: 5 }), "EAGAIN");
          await fails(kernel.setLock(fd, { type: "write", offset: 7, length: 1 }), "EAGAIN");
          await fails(kernel.setLock(fd, { type: "write", ...ALL }), "EAGAIN");
          await kernel.setLock(fd, { type: "write", offset: 0, length: 4 });
          await kernel.setLock(fd, { type: "write", offset: 8, length: 0 });
          const found = await kernel.getLock(fd, { type: "read", ...ALL });
          expect(found).toEqual({ ...theirs, pid });
          expect(await kernel.getLock(fd, { type: "write", offset: 0, length: 4 })).toBe(undefined);
        });
        await kernel.setLock(fd, { type: "write", ...ALL });
      });
    },
  },
  {
    name: "fcntl: many may share a range",
    needs: ["kernel"],
    async run({ driver, kernel }) {
      await put(driver, { path: "file" });
      await withFile(driver, { path: "file", flags: O.RDWR }, (fd) =>
        whileLocked(kernel, { by: "fcntl", type: "read", ...ALL }, async () => {
          await kernel.setLock(fd, { type: "read", ...ALL });
          await fails(kernel.setLock(fd, { type: "write", ...ALL }), "EAGAIN");
        }),
      );
    },
  },
  {
    name: "fcntl: a process loses all its locks of a file when it closes any descriptor of it",
    needs: ["kernel"],
    async run({ driver, kernel }) {
      await put(driver, { path: "file" });
      const tryElsewhere = async (): Promise<string> => {
        const request = { by: "fcntl", type: "write", ...ALL } as const;
        const holder = await kernel.lockElsewhere("file", request);
        await holder.end();
        return holder.answer;
      };
      await withFile(driver, { path: "file", flags: O.RDWR }, async (fd) => {
        await kernel.setLock(fd, { type: "write", ...ALL });
        expect(await tryElsewhere()).toBe("EAGAIN");
        await driver.close(await driver.open("file", { flags: O.RDONLY }));
        expect(await tryElsewhere()).toBe("held");
      });
    },
  },
  {
    name: "fcntl: a lock to read needs a descriptor that reads, one to write one that writes: EBADF",
    needs: ["kernel"],
    async run({ driver, kernel }) {
      await put(driver, { path: "file" });
      await withFile(driver, { path: "file", flags: O.RDONLY }, async (fd) => {
        await fails(kernel.setLock(fd, { type: "write", ...ALL }), "EBADF");
        await kernel.setLock(fd, { type: "read", ...ALL });
      });
      await withFile(driver, { path: "file", flags: O.WRONLY }, async (fd) => {
        await fails(kernel.setLock(fd, { type: "read", ...ALL }), "EBADF");
        await kernel.setLock(fd, { type: "write", ...ALL });
      });
    },
  },
  {
    name: "locks of open file descriptions exclude each other in one process, and end with the last",
    needs: ["kernel"],
    async run({ driver, kernel }) {
      await put(driver, { path: "file" });
      const lock = { type: "write", offset: 0, length: 10 } as const;
      await withFile(driver, { path: "file", flags: O.RDWR }, async (one) => {
        await withFile(driver, { path: "file", flags: O.RDWR }, async (two) => {
          await kernel.setDescriptionLock(two, lock);
          await fails(kernel.setDescriptionLock(one, lock), "EAGAIN");
          await fails(kernel.setLock(one, lock), "EAGAIN");
          await driver.close(await driver.open("file", { flags: O.RDONLY }));
          await fails(kernel.setDescriptionLock(one, lock), "EAGAIN");
          await kernel.setDescriptionLock(one, { ...lock, offset: 10 });
        });
        await kernel.setDescriptionLock(one, lock);
      });
    },
  },
  {
    name: "a lock stays with its file through a rename and the last unlink",
    needs: ["kernel"],
    async run({ driver, kernel }) {
      await put(driver, { path: "file" });
      await withFile(driver, { path: "file", flags: O.RDWR }, async (one) => {
        await withFile(driver, { path: "file", flags: O.RDWR }, async (two) => {
          await kernel.flock(one, "write");
          await driver.rename("file", "renamed");
          await fails(kernel.flock(two, "write"), "EAGAIN");
          await driver.unlink("renamed");
          await fails(kernel.flock(two, "read"), "EAGAIN");
          await kernel.flock(one, "unlock");
          await kernel.flock(two, "write");
        });
      });
    },
  },
  {
    name: "a process that waits for a lock gets it when the other one gives it up",
    needs: ["kernel"],
    async run({ driver, kernel }) {
      await put(driver, { path: "file" });
      const seen = kernel.python(`
        file = open('file', 'r+b')
        fcntl.lockf(file, fcntl.LOCK_EX)
        ready, told = os.pipe()
        def wait():
            os.write(told, b'x')
            with open('file', 'r+b') as other:
                fcntl.lockf(other, fcntl.LOCK_EX)
                print('the child has', other.read())
        pid = child(wait)
        os.read(ready, 1)
        file.write(b'what the parent wrote')
        file.flush()
        fcntl.lockf(file, fcntl.LOCK_UN)
        os.waitpid(pid, 0)
      `);
      expect(seen).toEqual(["the child has b'what the parent wrote'"]);
    },
  },
  {
    name: "a lease is given on a file that nobody else has open, and refused otherwise: EAGAIN",
    needs: ["kernel"],
    async run({ driver, kernel }) {
      await put(driver, { path: "file" });
      const seen = kernel.python(`
        def lease(fd, kind): return code(fcntl.fcntl, fd, fcntl.F_SETLEASE, kind)
        one = os.open('file', os.O_RDONLY)
        print(lease(one, fcntl.F_RDLCK), lease(one, fcntl.F_WRLCK), lease(one, fcntl.F_UNLCK))
        two = os.open('file', os.O_RDONLY)
        print(lease(one, fcntl.F_RDLCK), lease(one, fcntl.F_WRLCK), lease(one, fcntl.F_UNLCK))
        three = os.open('file', os.O_WRONLY)
        print(lease(one, fcntl.F_RDLCK))
      `);
      expect(seen).toEqual(["success success success", "success EAGAIN success", "EAGAIN"]);
    },
  },
];
