import { S_IFIFO } from "../../../src/model/attributes.js";
import { O, type PosixDriver, RENAME } from "../posix-driver.js";
import { listing, put, withFile } from "../posix-steps.js";
import { casesOfMovedTimes } from "./moved-times.js";

const MADE = { one: "mc" };

/** What fails, for its times. */
const failing =
  (...calls: readonly ((driver: PosixDriver) => Promise<unknown>)[]) =>
  async (driver: PosixDriver) => {
    for (const call of calls) {
      const ended = await call(driver).then(
        () => "success",
        () => "failure",
      );
      if (ended === "success") throw new Error("a call that must fail succeeded");
    }
  };

const withUnnamed = (use: (driver: PosixDriver, fd: number) => Promise<unknown>) => {
  return (driver: PosixDriver) =>
    withFile(driver, { path: "one", flags: O.RDWR | O.TMPFILE, mode: 0o600 }, (fd) =>
      use(driver, fd),
    );
};

/** inode(7): what making, moving and removing names does to directories and to what the names lead to. */
export const TIME_OF_NAME_CASES = casesOfMovedTimes([
  {
    operation: "making a file with open",
    act: (driver) => put(driver, { path: "one/new" }),
    moves: MADE,
  },
  { operation: "mkdir", act: (driver) => driver.mkdir("one/new"), moves: MADE },
  { operation: "symlink", act: (driver) => driver.symlink("file", "one/new"), moves: MADE },
  {
    operation: "mknod",
    act: (driver) => driver.mknod("one/new", { mode: S_IFIFO | 0o600 }),
    moves: MADE,
  },
  {
    operation: "O_TMPFILE",
    act: withUnnamed((driver, fd) => driver.write(fd, Buffer.from("x"))),
    moves: {},
  },
  {
    operation: "a name for a file of O_TMPFILE",
    act: withUnnamed((driver, fd) => driver.flink(fd, "one/new")),
    moves: MADE,
  },
  {
    operation: "link",
    act: (driver) => driver.link("one/file", "one/new"),
    moves: { one: "mc", "one/file": "c" },
  },
  {
    operation: "link to another directory",
    act: (driver) => driver.link("one/file", "two/new"),
    moves: { two: "mc", "one/file": "c" },
  },
  { operation: "unlink of the only name", act: (driver) => driver.unlink("one/none"), moves: MADE },
  {
    operation: "unlink of one of two names",
    act: (driver) => driver.unlink("one/file"),
    moves: { one: "mc", "two/name": "c" },
  },
  { operation: "rmdir", act: (driver) => driver.rmdir("one/empty"), moves: MADE },
  {
    operation: "rename inside of a directory",
    act: (driver) => driver.rename("one/file", "one/new"),
    moves: { one: "mc", "one/new": "c" },
  },
  {
    operation: "rename to another directory",
    act: (driver) => driver.rename("one/source", "two/new"),
    moves: { one: "mc", two: "mc", "two/new": "c" },
  },
  {
    operation: "rename over one of two names of another file",
    act: (driver) => driver.rename("one/source", "two/name"),
    moves: { one: "mc", two: "mc", "one/file": "c", "two/name": "c" },
  },
  {
    operation: "rename of a directory to another one",
    act: (driver) => driver.rename("one/directory", "two/new"),
    moves: { one: "mc", two: "mc", "two/new": "c" },
  },
  {
    operation: "rename of a symlink",
    act: (driver) => driver.rename("one/link", "one/new"),
    moves: { one: "mc", "one/new": "c" },
  },
  {
    operation: "RENAME_EXCHANGE of two files in two directories",
    act: (driver) => driver.renameat2("one/source", { to: "two/other", flags: RENAME.EXCHANGE }),
    moves: { one: "mc", two: "mc", "one/source": "c", "two/other": "c" },
  },
  {
    operation: "rename of a name to itself, and to another name of the same file,",
    act: async (driver) => {
      await driver.rename("one/file", "one/file");
      await driver.rename("one/file", "two/name");
    },
    moves: {},
  },
  {
    operation: "a listing",
    act: (driver) => listing(driver, "one"),
    moves: { one: "a" },
  },
  {
    operation: "opening a directory",
    act: (driver) => withFile(driver, { path: "one", flags: O.RDONLY }, async () => undefined),
    moves: {},
  },
  {
    operation: "readlink",
    act: (driver) => driver.readlink("one/link"),
    moves: { "one/link": "a" },
  },
  {
    operation: "a name that can't be made",
    act: failing(
      (driver) => driver.open("one/file", { flags: O.RDWR | O.CREAT | O.EXCL, mode: 0o600 }),
      (driver) => driver.mkdir("one/file"),
      (driver) => driver.symlink("x", "one/file"),
      (driver) => driver.link("one/source", "one/file"),
      (driver) => driver.mknod("one/file", { mode: S_IFIFO | 0o600 }),
    ),
    moves: {},
  },
  {
    operation: "a name that can't be moved or removed",
    act: failing(
      (driver) => driver.unlink("one/directory"),
      (driver) => driver.rmdir("one/directory"),
      (driver) => driver.rmdir("one/file"),
      (driver) => driver.rename("one/file", "one/directory"),
      (driver) => driver.rename("one/empty", "one/directory"),
      (driver) => driver.renameat2("one/file", { to: "two/other", flags: RENAME.NOREPLACE }),
    ),
    moves: {},
  },
]);
