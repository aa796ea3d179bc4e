import { O, type PosixDriver, XATTR } from "../posix-driver.js";
import { withFile } from "../posix-steps.js";
import { casesOfMovedTimes } from "./moved-times.js";

const FILE = "one/file";
const STATUS = { [FILE]: "c" };
const NAME = "user.key";
const VALUE = Buffer.from("value");

const reading = (use: (driver: PosixDriver, fd: number) => Promise<unknown>) => {
  return (driver: PosixDriver) =>
    withFile(driver, { path: FILE, flags: O.RDONLY }, (fd) => use(driver, fd));
};

const setting = (driver: PosixDriver) => driver.setxattr(FILE, { name: NAME, value: VALUE });

/** inode(7): what a change of mode, owner, times and attributes does to ctime, and to nothing else. */
export const TIME_OF_ATTRIBUTE_CASES = casesOfMovedTimes([
  { operation: "chmod", act: (driver) => driver.chmod(FILE, 0o600), moves: STATUS },
  {
    operation: "chmod to the mode that a file has",
    act: (driver) => driver.chmod(FILE, 0o644),
    moves: STATUS,
  },
  { operation: "fchmod", act: reading((driver, fd) => driver.fchmod(fd, 0o600)), moves: STATUS },
  {
    operation: "chmod of a directory",
    act: (driver) => driver.chmod("one/directory", 0o700),
    moves: { "one/directory": "c" },
  },
  {
    operation: "chown",
    needs: ["root"],
    act: (driver) => driver.chown(FILE, { uid: 12, gid: 34 }),
    moves: STATUS,
  },
  {
    operation: "chown to the owner that a file has",
    act: (driver, { user }) => driver.chown(FILE, { uid: user.uid, gid: user.gid }),
    moves: STATUS,
  },
  {
    operation: "fchown",
    act: (driver, { user }) => reading((_, fd) => driver.fchown(fd, { gid: user.gid }))(driver),
    moves: STATUS,
  },
  {
    operation: "lchown of a symlink",
    act: (driver, { user }) => driver.lchown("one/link", { gid: user.gid }),
    moves: { "one/link": "c" },
  },
  {
    operation: "utimensat with UTIME_NOW for both",
    act: (driver) => driver.utimensat(FILE, { atime: "now", mtime: "now" }),
    moves: { [FILE]: "amc" },
  },
  {
    operation: "utimensat with UTIME_NOW and UTIME_OMIT",
    act: (driver) => driver.utimensat(FILE, { atime: "now" }),
    moves: { [FILE]: "ac" },
  },
  {
    operation: "utimensat with UTIME_OMIT and UTIME_NOW",
    act: (driver) => driver.utimensat(FILE, { mtime: "now" }),
    moves: { [FILE]: "mc" },
  },
  {
    operation: "utimensat with UTIME_OMIT for both",
    act: (driver) => driver.utimensat(FILE, {}),
    moves: {},
  },
  {
    operation: "utimensat to the time that a file has",
    act: async (driver) => driver.utimensat(FILE, { mtime: (await driver.stat(FILE)).mtime }),
    moves: STATUS,
  },
  { operation: "a new extended attribute", act: setting, moves: STATUS },
  {
    operation: "another value for an extended attribute",
    prepare: setting,
    act: (driver) => driver.setxattr(FILE, { name: NAME, value: Buffer.from("other") }),
    moves: STATUS,
  },
  {
    operation: "removing an extended attribute",
    prepare: setting,
    act: (driver) => driver.removexattr(FILE, NAME),
    moves: STATUS,
  },
  {
    operation: "reading and listing extended attributes",
    prepare: setting,
    act: async (driver) => {
      await driver.getxattr(FILE, { name: NAME });
      await driver.listxattr(FILE);
    },
    moves: {},
  },
  {
    operation: "setting and removing extended attributes in vain",
    prepare: setting,
    act: async (driver) => {
      const value = VALUE;
      await driver.setxattr(FILE, { name: NAME, value, flags: XATTR.CREATE }).catch(() => {});
      await driver.setxattr(FILE, { name: "user.x", value, flags: XATTR.REPLACE }).catch(() => {});
      await driver.removexattr(FILE, "user.x").catch(() => {});
    },
    moves: {},
  },
]);
