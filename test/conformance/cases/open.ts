import { expect } from "vitest";
import { isRegular } from "../../../src/model/attributes.js";
import { fails, type PosixCase } from "../posix-case.js";
import { O } from "../posix-driver.js";
import {
  contentOf,
  contentOfOpen,
  exists,
  inoOf,
  pattern,
  permissionsOf,
  put,
  settle,
  textOf,
  withFile,
  writeAll,
} from "../posix-steps.js";

/** open(2), close(2): flags, and what a descriptor may. */
export const OPEN_CASES: readonly PosixCase[] = [
  {
    name: "open without O_CREAT fails with ENOENT when there is no file",
    async run({ driver }) {
      await fails(driver.open("absent", { flags: O.RDONLY }), "ENOENT");
      await fails(driver.open("absent", { flags: O.RDWR | O.TRUNC }), "ENOENT");
      await fails(driver.open("no/such/path", { flags: O.RDWR | O.CREAT, mode: 0o644 }), "ENOENT");
      expect(await exists(driver, "absent")).toBe(false);
    },
  },
  {
    name: "O_CREAT makes an empty regular file that its maker owns",
    async run({ driver, user }) {
      const flags = O.WRONLY | O.CREAT;
      await withFile(driver, { path: "new", flags, mode: 0o644 }, async (fd) => {
        const stat = await driver.fstat(fd);
        expect(isRegular(stat.mode)).toBe(true);
        expect(stat).toMatchObject({ size: 0, blocks: 0, nlink: 1, uid: user.uid, gid: user.gid });
      });
      expect(await driver.stat("new")).toMatchObject({ size: 0, nlink: 1 });
    },
  },
  {
    name: "the umask takes bits from the mode of what is made",
    async run({ driver }) {
      const before = driver.umask(0o027);
      try {
        await put(driver, { path: "file", mode: 0o666 });
        await driver.mkdir("directory", 0o777);
        expect(await permissionsOf(driver, "file")).toBe(0o640);
        expect(await permissionsOf(driver, "directory")).toBe(0o750);
      } finally {
        driver.umask(before);
      }
    },
  },
  {
    name: "O_CREAT opens the file that is there, and leaves its mode and content alone",
    async run({ driver }) {
      await put(driver, { path: "file", data: "content", mode: 0o600 });
      const ino = await inoOf(driver, "file");
      const flags = O.RDWR | O.CREAT;
      await withFile(driver, { path: "file", flags, mode: 0o777 }, async (fd) => {
        expect((await driver.read(fd, 100)).toString()).toBe("content");
        expect(await driver.fstat(fd)).toMatchObject({ ino, size: 7 });
      });
      expect(await permissionsOf(driver, "file")).toBe(0o600);
    },
  },
  {
    name: "O_CREAT with O_EXCL fails with EEXIST when the name is taken, by whatever",
    async run({ driver }) {
      await put(driver, { path: "file" });
      await driver.mkdir("directory");
      await driver.symlink("nowhere", "dangling");
      const request = { flags: O.RDWR | O.CREAT | O.EXCL, mode: 0o644 };
      for (const path of ["file", "directory", "dangling"]) {
        await fails(driver.open(path, request), "EEXIST");
      }
      expect(await exists(driver, "nowhere")).toBe(false);
    },
  },
  {
    name: "O_CREAT through a dangling symlink makes the file that it names",
    async run({ driver }) {
      await driver.mkdir("directory");
      await driver.symlink("directory/target", "link");
      await put(driver, { path: "link", data: "through" });
      expect(await textOf(driver, "directory/target")).toBe("through");
    },
  },
  {
    name: "O_TRUNC empties a file and keeps its inode, mode and attributes",
    async run({ driver }) {
      for (const length of [10, 200_000]) {
        await put(driver, { path: "file", data: pattern(length), mode: 0o604 });
        await driver.setxattr("file", { name: "user.kept", value: Buffer.from("yes") });
        const ino = await inoOf(driver, "file");
        await settle(driver, "file");
        await withFile(driver, { path: "file", flags: O.WRONLY | O.TRUNC }, async (fd) => {
          expect(await driver.fstat(fd)).toMatchObject({ size: 0, blocks: 0, ino });
        });
        expect(await contentOf(driver, "file")).toHaveLength(0);
        expect(await permissionsOf(driver, "file")).toBe(0o604);
        expect(await driver.getxattr("file", { name: "user.kept" })).toEqual(Buffer.from("yes"));
      }
    },
  },
  {
    name: "O_TRUNC takes the content from those who have the file open",
    async run({ driver }) {
      await put(driver, { path: "file", data: "something" });
      await withFile(driver, { path: "file", flags: O.RDONLY }, async (reader) => {
        expect((await driver.read(reader, 4)).toString()).toBe("some");
        await put(driver, { path: "file", data: "" });
        expect(await driver.read(reader, 4)).toHaveLength(0);
        await put(driver, { path: "file", data: "anything else" });
        expect((await driver.read(reader, 4)).toString()).toBe("hing");
      });
    },
  },
  {
    name: "a directory opens for reading only, and can't be read as a file",
    async run({ driver }) {
      await driver.mkdir("directory");
      await fails(driver.open("directory", { flags: O.WRONLY }), "EISDIR");
      await fails(driver.open("directory", { flags: O.RDWR }), "EISDIR");
      await fails(driver.open("directory", { flags: O.RDONLY | O.CREAT, mode: 0o644 }), "EISDIR");
      await fails(driver.open("directory", { flags: O.WRONLY | O.TRUNC }), "EISDIR");
      await withFile(driver, { path: "directory", flags: O.RDONLY }, (fd) =>
        fails(driver.read(fd, 10), "EISDIR"),
      );
    },
  },
  {
    name: "O_DIRECTORY fails with ENOTDIR on anything else",
    async run({ driver }) {
      await put(driver, { path: "file" });
      await driver.symlink("file", "link");
      await fails(driver.open("file", { flags: O.RDONLY | O.DIRECTORY }), "ENOTDIR");
      await fails(driver.open("link", { flags: O.RDONLY | O.DIRECTORY }), "ENOTDIR");
    },
  },
  {
    name: "O_NOFOLLOW fails with ELOOP on a symlink, and minds only the last component",
    async run({ driver }) {
      await driver.mkdir("directory");
      await put(driver, { path: "directory/file", data: "found" });
      await driver.symlink("directory/file", "link");
      await driver.symlink("directory", "way");
      await fails(driver.open("link", { flags: O.RDONLY | O.NOFOLLOW }), "ELOOP");
      const flags = O.RDONLY | O.NOFOLLOW;
      await withFile(driver, { path: "way/file", flags }, async (fd) => {
        expect((await driver.read(fd, 10)).toString()).toBe("found");
      });
    },
  },
  {
    name: "a path through a file fails with ENOTDIR, and so does a slash after one",
    async run({ driver }) {
      await put(driver, { path: "file", data: "x" });
      await fails(driver.open("file/below", { flags: O.RDONLY }), "ENOTDIR");
      await fails(driver.open("file/", { flags: O.RDONLY }), "ENOTDIR");
      await fails(driver.stat("file/"), "ENOTDIR");
      await fails(driver.stat("file/."), "ENOTDIR");
      await fails(driver.unlink("file/"), "ENOTDIR");
      await fails(driver.open("new/", { flags: O.WRONLY | O.CREAT, mode: 0o644 }), "EISDIR");
      await fails(driver.stat(""), "ENOENT");
    },
  },
  {
    name: "slashes may be doubled, and dots lead where they say",
    async run({ driver }) {
      await driver.mkdir("a");
      await driver.mkdir("a/b");
      await put(driver, { path: "a/file", data: "here" });
      for (const path of ["a//file", "./a/./file", "a/b/../file", "a/b/../../a/file"]) {
        expect(await textOf(driver, path)).toBe("here");
      }
      expect(await inoOf(driver, "a/b/..")).toBe(await inoOf(driver, "a"));
      expect(await inoOf(driver, "a/")).toBe(await inoOf(driver, "a"));
    },
  },
  {
    name: "a descriptor does only what it was opened for",
    async run({ driver }) {
      await put(driver, { path: "file", data: "content" });
      await withFile(driver, { path: "file", flags: O.WRONLY }, async (fd) => {
        await fails(driver.read(fd, 1), "EBADF");
        await fails(driver.pread(fd, { offset: 0, length: 1 }), "EBADF");
      });
      await withFile(driver, { path: "file", flags: O.RDONLY }, async (fd) => {
        await fails(driver.write(fd, Buffer.from("x")), "EBADF");
        await fails(driver.ftruncate(fd, 0), "EINVAL");
      });
      expect(await textOf(driver, "file")).toBe("content");
    },
  },
  {
    name: "a closed descriptor fails with EBADF",
    async run({ driver }) {
      await put(driver, { path: "file" });
      const fd = await driver.open("file", { flags: O.RDWR });
      await driver.close(fd);
      await fails(driver.read(fd, 1), "EBADF");
      await fails(driver.fstat(fd), "EBADF");
      await fails(driver.close(fd), "EBADF");
    },
  },
  {
    name: "a file that is made read-only can be written through the descriptor that made it",
    async run({ driver }) {
      const flags = O.RDWR | O.CREAT | O.EXCL;
      await withFile(driver, { path: "object", flags, mode: 0o444 }, (fd) =>
        writeAll(driver, { fd, data: Buffer.from("as git writes objects") }),
      );
      expect(await textOf(driver, "object")).toBe("as git writes objects");
      expect(await permissionsOf(driver, "object")).toBe(0o444);
    },
  },
  {
    name: "what is written with O_SYNC and O_DSYNC reads back",
    async run({ driver }) {
      for (const flag of [O.SYNC, O.DSYNC]) {
        const flags = O.RDWR | O.CREAT | O.TRUNC | flag;
        await withFile(driver, { path: "file", flags, mode: 0o644 }, async (fd) => {
          await writeAll(driver, { fd, data: pattern(100_000) });
          expect((await contentOfOpen(driver, fd)).equals(pattern(100_000))).toBe(true);
        });
      }
    },
  },
  {
    name: "each open has its own position",
    async run({ driver }) {
      await put(driver, { path: "file", data: "0123456789" });
      await withFile(driver, { path: "file", flags: O.RDONLY }, (first) =>
        withFile(driver, { path: "file", flags: O.RDONLY }, async (second) => {
          expect((await driver.read(first, 3)).toString()).toBe("012");
          expect((await driver.read(second, 2)).toString()).toBe("01");
          expect((await driver.read(first, 3)).toString()).toBe("345");
        }),
      );
    },
  },
  {
    name: "five hundred files stay open at once",
    isLarge: true,
    async run({ driver }) {
      const fds: number[] = [];
      try {
        for (let index = 0; index < 500; index++) {
          const flags = O.RDWR | O.CREAT;
          fds.push(await driver.open(`file-${index}`, { flags, mode: 0o644 }));
        }
        for (const [index, fd] of fds.entries()) {
          await driver.write(fd, Buffer.from(`content ${index}`));
        }
        for (const [index, fd] of fds.entries()) {
          expect((await contentOfOpen(driver, fd)).toString()).toBe(`content ${index}`);
        }
      } finally {
        for (const fd of fds) await driver.close(fd);
      }
    },
  },
];
