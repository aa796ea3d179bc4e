import { type ChildProcess, spawn } from "node:child_process";
import { expect } from "vitest";
import { isSymlink, S_IFCHR, S_IFIFO, S_IFSOCK } from "../../../src/model/attributes.js";
import { fails, type PosixCase } from "../posix-case.js";
import { O } from "../posix-driver.js";
import { contentOf, namesIn, put, textOf, withFile } from "../posix-steps.js";

/** open(2): descriptors that only name a file, and files that aren't regular ones. */
export const OPEN_KIND_CASES: readonly PosixCase[] = [
  {
    name: "an O_PATH descriptor names a file, and does nothing with its content: EBADF",
    needs: ["kernel"],
    async run({ driver, kernel }) {
      await put(driver, { path: "file", data: "content" });
      const { ino } = await driver.stat("file");
      await withFile(driver, { path: "file", flags: O.PATH }, async (fd) => {
        expect(await driver.fstat(fd)).toMatchObject({ ino, size: 7 });
        await fails(driver.read(fd, 1), "EBADF");
        await fails(driver.write(fd, Buffer.from("x")), "EBADF");
        await fails(driver.ftruncate(fd, 0), "EBADF");
        await fails(driver.fallocate(fd, { offset: 0, length: 1, mode: 0 }), "EBADF");
        await fails(driver.lseek(fd, { offset: 0, whence: "set" }), "EBADF");
        await fails(driver.fsync(fd), "EBADF");
        await fails(driver.fchmod(fd, 0o600), "EBADF");
        await fails(driver.fchown(fd, {}), "EBADF");
        await fails(driver.fgetxattr(fd, "user.key"), "EBADF");
        await fails(kernel.flock(fd, "read"), "EBADF");
        expect(() => kernel.mmap(fd, { length: 1, shared: true })).toThrow("EBADF");
      });
      expect(await textOf(driver, "file")).toBe("content");
    },
  },
  {
    name: "an O_PATH descriptor needs no permission on the file, and can be of a symlink",
    needs: ["kernel"],
    async run({ driver }) {
      await put(driver, { path: "file", mode: 0 });
      await driver.symlink("file", "link");
      await withFile(driver, { path: "file", flags: O.PATH | O.RDWR }, async (fd) => {
        expect((await driver.fstat(fd)).mode & 0o777).toBe(0);
      });
      await withFile(driver, { path: "link", flags: O.PATH | O.NOFOLLOW }, async (fd) => {
        expect(isSymlink((await driver.fstat(fd)).mode)).toBe(true);
      });
    },
  },
  {
    name: "an O_PATH descriptor of a directory is where openat starts, and can't be listed",
    needs: ["kernel"],
    async run({ driver }) {
      await driver.mkdir("directory");
      await put(driver, { path: "directory/file", data: "found" });
      await withFile(driver, { path: "directory", flags: O.PATH | O.DIRECTORY }, async (at) => {
        const fd = await driver.openat(at, { path: "file", flags: O.RDONLY });
        expect((await driver.read(fd, 10)).toString()).toBe("found");
        await driver.close(fd);
        await fails(driver.getdents64(at, 4096), "EBADF");
      });
    },
  },
  {
    name: "openat with a descriptor that is no directory fails with ENOTDIR, if the path is relative",
    async run({ driver }) {
      await put(driver, { path: "file" });
      await withFile(driver, { path: "file", flags: O.RDONLY }, async (at) => {
        await fails(driver.openat(at, { path: "below", flags: O.RDONLY }), "ENOTDIR");
        await fails(driver.openat(at, { path: ".", flags: O.RDONLY }), "ENOTDIR");
      });
    },
  },
  {
    name: "openat finds nothing in a directory that was removed and is open: ENOENT",
    async run({ driver }) {
      await driver.mkdir("directory");
      await withFile(driver, { path: "directory", flags: O.RDONLY }, async (at) => {
        await driver.rmdir("directory");
        await fails(driver.openat(at, { path: "file", flags: O.RDONLY }), "ENOENT");
        await fails(driver.openat(at, { path: "file", flags: O.RDWR | O.CREAT }), "ENOENT");
      });
    },
  },
  {
    name: "O_TRUNC empties a file that is opened to read only, as Linux does",
    async run({ driver }) {
      await put(driver, { path: "file", data: "content" });
      await withFile(driver, { path: "file", flags: O.RDONLY | O.TRUNC }, async (fd) => {
        expect((await driver.fstat(fd)).size).toBe(0);
        await fails(driver.write(fd, Buffer.from("x")), "EBADF");
      });
      expect(await contentOf(driver, "file")).toHaveLength(0);
    },
  },
  {
    name: "O_CREAT with O_DIRECTORY makes no directory",
    needs: ["kernel"],
    async run({ driver }) {
      const flags = O.RDONLY | O.CREAT | O.DIRECTORY;
      const opened = driver.open("new", { flags, mode: 0o755 });
      // EINVAL since Linux 6.4; before, a file was made and then found to be no directory.
      await expect(opened).rejects.toThrow(/EINVAL|ENOTDIR/);
      await driver.unlink("new").catch(() => undefined);
      expect(await namesIn(driver, ".")).toEqual([]);
    },
  },
  {
    name: "opening a FIFO to write without waiting fails with ENXIO while nobody reads",
    needs: ["kernel"],
    async run({ driver }) {
      await driver.mknod("fifo", { mode: S_IFIFO | 0o600 });
      await fails(driver.open("fifo", { flags: O.WRONLY | O.NONBLOCK }), "ENXIO");
      await withFile(driver, { path: "fifo", flags: O.RDONLY | O.NONBLOCK }, (reader) =>
        withFile(driver, { path: "fifo", flags: O.WRONLY | O.NONBLOCK }, async (writer) => {
          await driver.write(writer, Buffer.from("through"));
          expect((await driver.read(reader, 100)).toString()).toBe("through");
          await fails(driver.read(reader, 100), "EAGAIN");
          await fails(driver.pread(reader, { offset: 0, length: 1 }), "ESPIPE");
          await fails(driver.lseek(reader, { offset: 0, whence: "set" }), "ESPIPE");
          await fails(driver.ftruncate(writer, 0), "EINVAL");
        }),
      );
      expect(await driver.stat("fifo")).toMatchObject({ size: 0, blocks: 0 });
    },
  },
  {
    name: "a socket can't be opened: ENXIO",
    needs: ["kernel"],
    async run({ driver }) {
      await driver.mknod("socket", { mode: S_IFSOCK | 0o600 });
      await fails(driver.open("socket", { flags: O.RDONLY }), "ENXIO");
      await fails(driver.open("socket", { flags: O.RDWR | O.TRUNC }), "ENXIO");
    },
  },
  {
    name: "a device node isn't opened on a mount with nodev: EACCES",
    nexus: true,
    needs: ["kernel", "root"],
    async run({ driver }) {
      await driver.mknod("null", { mode: S_IFCHR | 0o666, major: 1, minor: 3 });
      await fails(driver.open("null", { flags: O.RDWR }), "EACCES");
    },
  },
  {
    name: "a program that runs can't be written, and what is open to write can't run: ETXTBSY",
    needs: ["kernel"],
    async run({ driver, kernel }) {
      kernel.run("cp", ["/bin/sleep", "program"]);
      await driver.chmod("program", 0o755);
      const { size } = await driver.stat("program");
      await withFile(driver, { path: "program", flags: O.WRONLY }, async () => {
        expect(() => kernel.run(kernel.pathOf("program"), ["0"])).toThrow("ETXTBSY");
      });
      const running = spawn(kernel.pathOf("program"), ["30"], { stdio: "ignore" });
      try {
        await started(running);
        await fails(driver.open("program", { flags: O.WRONLY }), "ETXTBSY");
        await fails(driver.open("program", { flags: O.RDONLY | O.TRUNC }), "ETXTBSY");
        await fails(driver.truncate("program", 0), "ETXTBSY");
        expect((await driver.stat("program")).size).toBe(size);
        expect(running.exitCode ?? running.signalCode).toBe(null);
      } finally {
        running.kill("SIGKILL");
        await new Promise((resolve) => running.once("exit", resolve));
      }
      kernel.run(kernel.pathOf("program"), ["0"]);
      kernel.run("cmp", ["/bin/sleep", kernel.pathOf("program")]);
      await withFile(driver, { path: "program", flags: O.RDONLY | O.TRUNC }, async () => {
        expect((await driver.stat("program")).size).toBe(0);
      });
    },
  },
];

async function started(child: ChildProcess): Promise<void> {
  await new Promise((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
}
