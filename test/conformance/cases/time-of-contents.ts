import { FALLOC, O, type PosixDriver, type PosixPath } from "../posix-driver.js";
import { contentOf, withFile } from "../posix-steps.js";
import { casesOfMovedTimes } from "./moved-times.js";

const FILE = "one/file";

const opening = (flags: number) => (driver: PosixDriver) =>
  withFile(driver, { path: FILE, flags, mode: 0o644 }, async () => undefined);

/** Does something with the open file. */
const writing = (use: (driver: PosixDriver, fd: number) => Promise<unknown>) => {
  return (driver: PosixDriver) =>
    withFile(driver, { path: FILE, flags: O.RDWR }, (fd) => use(driver, fd));
};

/** Its pages are nobody's, so that the file system is asked. */
const forgotten = (path: PosixPath) => (driver: PosixDriver) =>
  withFile(driver, { path, flags: O.RDONLY }, (fd) => driver.dropCache(fd));

const CONTENT = { [FILE]: "mc" };

/** inode(7): what reading, writing and opening do to the three times of a file, and of all around it. */
export const TIME_OF_CONTENT_CASES = casesOfMovedTimes([
  {
    operation: "write",
    act: writing((driver, fd) => driver.write(fd, Buffer.from("x"))),
    moves: CONTENT,
  },
  {
    operation: "a write past the end",
    act: writing((driver, fd) => driver.pwrite(fd, { offset: 99_999, data: Buffer.from("x") })),
    moves: CONTENT,
  },
  {
    operation: "a write of the bytes that are there",
    act: writing((driver, fd) => driver.write(fd, Buffer.from("0123456789"))),
    moves: CONTENT,
  },
  {
    operation: "a write of no bytes",
    act: writing((driver, fd) => driver.write(fd, Buffer.alloc(0))),
    moves: {},
  },
  {
    operation: "a write that fails",
    act: (driver) =>
      withFile(driver, { path: FILE, flags: O.RDONLY }, (fd) =>
        driver.write(fd, Buffer.from("x")).catch(() => undefined),
      ),
    moves: {},
  },
  {
    operation: "a store in a shared mapping, and msync,",
    needs: ["kernel"],
    // mmap(2) counts as reading: not for a file that was read after it was changed.
    prepare: (driver) => driver.utimensat(FILE, { atime: { sec: 4_000_000_000, nsec: 0 } }),
    act: (driver, { kernel }) =>
      writing(async (_, fd) => {
        const mapping = kernel.mmap(fd, { length: 10, shared: true });
        mapping.bytes[0] = 0x58;
        mapping.sync();
        mapping.unmap();
      })(driver),
    moves: CONTENT,
  },
  { operation: "truncate to less", act: (driver) => driver.truncate(FILE, 5), moves: CONTENT },
  { operation: "truncate to more", act: (driver) => driver.truncate(FILE, 500), moves: CONTENT },
  { operation: "ftruncate", act: writing((driver, fd) => driver.ftruncate(fd, 5)), moves: CONTENT },
  { operation: "open with O_TRUNC", act: opening(O.WRONLY | O.TRUNC), moves: CONTENT },
  {
    operation: "open with O_TRUNC of a file that is empty",
    act: (driver) =>
      withFile(driver, { path: "one/none", flags: O.WRONLY | O.TRUNC }, async () => undefined),
    moves: { "one/none": "mc" },
  },
  { operation: "open to read and write, and close,", act: opening(O.RDWR), moves: {} },
  {
    operation: "open with O_CREAT of a file that is there",
    act: opening(O.RDWR | O.CREAT),
    moves: {},
  },
  {
    operation: "fsync",
    act: writing((driver, fd) => driver.fsync(fd)),
    moves: {},
  },
  {
    operation: "lseek to data, a hole and the end",
    act: writing(async (driver, fd) => {
      for (const whence of ["data", "hole", "end"] as const) {
        await driver.lseek(fd, { offset: 0, whence });
      }
    }),
    moves: {},
  },
  {
    operation: "fallocate past the end",
    act: writing((driver, fd) => driver.fallocate(fd, { offset: 0, length: 5000, mode: 0 })),
    moves: CONTENT,
  },
  {
    operation: "punching a hole",
    act: writing((driver, fd) => {
      const mode = FALLOC.PUNCH_HOLE | FALLOC.KEEP_SIZE;
      return driver.fallocate(fd, { offset: 2, length: 5, mode });
    }),
    moves: CONTENT,
  },
  {
    // Without it the source's access time moves: inode(7) doesn't say so, and the kernel hears late.
    operation: "copy_file_range from a file opened with O_NOATIME",
    act: (driver) =>
      withFile(driver, { path: "one/source", flags: O.RDONLY | O.NOATIME }, (from) =>
        writing((_, to) => driver.copyFileRange(from, { offset: 0, to, toOffset: 20, length: 10 }))(
          driver,
        ),
      ),
    moves: CONTENT,
  },
  {
    operation: "a copy_file_range of nothing",
    act: (driver) =>
      withFile(driver, { path: "one/none", flags: O.RDONLY }, (from) =>
        writing((_, to) => driver.copyFileRange(from, { to, length: 10 }))(driver),
      ),
    moves: {},
  },
  {
    operation: "read",
    prepare: forgotten(FILE),
    act: (driver) => contentOf(driver, FILE),
    moves: { [FILE]: "a" },
  },
  {
    operation: "read through a symlink",
    prepare: forgotten(FILE),
    act: (driver) => contentOf(driver, "one/link"),
    moves: { [FILE]: "a", "one/link": "a" },
  },
  {
    operation: "read with O_NOATIME",
    prepare: forgotten(FILE),
    act: (driver) =>
      withFile(driver, { path: FILE, flags: O.RDONLY | O.NOATIME }, (fd) => driver.read(fd, 10)),
    moves: {},
  },
  {
    operation: "stat, lstat, access and statvfs",
    act: async (driver) => {
      await driver.stat(FILE);
      await driver.lstat("one/link");
      await driver.access(FILE, 0);
      await driver.statvfs(FILE);
    },
    moves: {},
  },
]);
