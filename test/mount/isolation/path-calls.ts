import { S_IFIFO, S_IFREG } from "../../../src/model/attributes.js";
import { outcomeOf } from "../../conformance/posix-case.js";
import { F_OK, O, type PosixDriver, R_OK, RENAME, W_OK } from "../../conformance/posix-driver.js";
import { listing, withFile } from "../../conformance/posix-steps.js";

/** A system call on a path; `own` is a file that the caller may do everything with. */
export type PathCall = (
  driver: PosixDriver,
  paths: { path: string; own: string },
) => Promise<unknown>;

const NAME = "user.status";
const VALUE = Buffer.from("ready");

/** Opens and closes. */
const opening =
  (flags: number): PathCall =>
  (driver, { path }) =>
    withFile(driver, { path, flags, mode: 0o644 }, async () => undefined);

/** Calls that only look. */
export const READING_CALLS: Readonly<Record<string, PathCall>> = {
  stat: (driver, { path }) => driver.stat(path),
  lstat: (driver, { path }) => driver.lstat(path),
  "access, existence": (driver, { path }) => driver.access(path, F_OK),
  "access, reading": (driver, { path }) => driver.access(path, R_OK),
  "open, O_RDONLY": opening(O.RDONLY),
  "open, O_RDONLY | O_NOFOLLOW": opening(O.RDONLY | O.NOFOLLOW),
  "open, O_DIRECTORY": opening(O.RDONLY | O.DIRECTORY),
  getdents64: (driver, { path }) => listing(driver, path),
  readlink: (driver, { path }) => driver.readlink(path),
  getxattr: (driver, { path }) => driver.getxattr(path, { name: NAME }),
  lgetxattr: (driver, { path }) => driver.getxattr(path, { name: NAME, follow: false }),
  "getxattr, computed": (driver, { path }) => driver.getxattr(path, { name: "user.nexus.etag" }),
  listxattr: (driver, { path }) => driver.listxattr(path),
  statfs: (driver, { path }) => driver.statvfs(path),
  "copy_file_range, as the source": (driver, { path, own }) =>
    withFile(driver, { path, flags: O.RDONLY }, (from) =>
      withFile(driver, { path: own, flags: O.WRONLY }, (to) =>
        driver.copyFileRange(from, { to, length: 1 }),
      ),
    ),
  "stat, of a symlink to it": async (driver, { path, own }) => {
    const link = `${own}-link`;
    const up = "../".repeat(own.split("/").length - 1);
    await driver.symlink(up + path, link);
    try {
      await driver.stat(link);
    } finally {
      await driver.unlink(link);
    }
  },
};

/** Calls that would make something under a name. */
export const MAKING_CALLS: Readonly<Record<string, PathCall>> = {
  "open, O_CREAT": opening(O.WRONLY | O.CREAT),
  "open, O_CREAT | O_EXCL": opening(O.WRONLY | O.CREAT | O.EXCL),
  "open, O_CREAT | O_TRUNC": opening(O.RDWR | O.CREAT | O.TRUNC),
  mkdir: (driver, { path }) => driver.mkdir(path),
  "mknod, a file": (driver, { path }) => driver.mknod(path, { mode: S_IFREG | 0o644 }),
  "mknod, a FIFO": (driver, { path }) => driver.mknod(path, { mode: S_IFIFO | 0o644 }),
  symlink: (driver, { path }) => driver.symlink("anywhere", path),
};

/** Calls that would move or link something of the caller's own there. */
export const BRINGING_CALLS: Readonly<Record<string, PathCall>> = {
  "link, to there": (driver, { path, own }) => driver.link(own, path),
  "rename, to there": (driver, { path, own }) => driver.rename(own, path),
  "rename, to there, RENAME_NOREPLACE": (driver, { path, own }) =>
    driver.renameat2(own, { to: path, flags: RENAME.NOREPLACE }),
};

/** Calls that would take something away from there, or change the name that it has. */
export const TAKING_CALLS: Readonly<Record<string, PathCall>> = {
  unlink: (driver, { path }) => driver.unlink(path),
  rmdir: (driver, { path }) => driver.rmdir(path),
  "link, from there": (driver, { path, own }) => driver.link(path, `${own}-link`),
  "rename, from there": (driver, { path, own }) => driver.rename(path, `${own}-moved`),
  "rename, from there to its own directory": (driver, { path }) =>
    driver.rename(path, `${path}-moved`),
  "rename, exchange": (driver, { path, own }) =>
    driver.renameat2(path, { to: own, flags: RENAME.EXCHANGE }),
  "rename, exchanged the other way": (driver, { path, own }) =>
    driver.renameat2(own, { to: path, flags: RENAME.EXCHANGE }),
};

/** Calls that would change what is there. */
export const CHANGING_CALLS: Readonly<Record<string, PathCall>> = {
  chmod: (driver, { path }) => driver.chmod(path, 0o777),
  chown: (driver, { path }) => driver.chown(path, { uid: 1 }),
  lchown: (driver, { path }) => driver.lchown(path, { uid: 1 }),
  utimensat: (driver, { path }) => driver.utimensat(path, { mtime: "now", atime: "now" }),
  "utimensat, of the link": (driver, { path }) =>
    driver.utimensat(path, { mtime: { sec: 1, nsec: 0 }, follow: false }),
  setxattr: (driver, { path }) => driver.setxattr(path, { name: NAME, value: VALUE }),
  lsetxattr: (driver, { path }) =>
    driver.setxattr(path, { name: NAME, value: VALUE, follow: false }),
  removexattr: (driver, { path }) => driver.removexattr(path, NAME),
};

/** Calls that would change the content of a file. */
export const WRITING_CALLS: Readonly<Record<string, PathCall>> = {
  "access, writing": (driver, { path }) => driver.access(path, W_OK),
  "open, O_WRONLY": opening(O.WRONLY),
  "open, O_RDWR": opening(O.RDWR),
  "open, O_TRUNC": opening(O.RDONLY | O.TRUNC),
  "open, O_APPEND": opening(O.WRONLY | O.APPEND),
  truncate: (driver, { path }) => driver.truncate(path, 0),
};

/** Calls on a directory. */
export const DIRECTORY_CALLS: Readonly<Record<string, PathCall>> = {
  "open, O_TMPFILE": opening(O.RDWR | O.TMPFILE),
};

export const ALL_CALLS: Readonly<Record<string, PathCall>> = {
  ...READING_CALLS,
  ...MAKING_CALLS,
  ...BRINGING_CALLS,
  ...TAKING_CALLS,
  ...CHANGING_CALLS,
  ...WRITING_CALLS,
  ...DIRECTORY_CALLS,
};

/** What every path gets from a call: the same question for all of them. */
export async function outcomesOf(
  driver: PosixDriver,
  { call, paths, own }: { call: PathCall; paths: readonly string[]; own: string },
): Promise<Record<string, string>> {
  const outcomes: Record<string, string> = {};
  for (const path of paths) outcomes[path] = await outcomeOf(call(driver, { path, own }));
  return outcomes;
}

/** The outcome that all paths are to have. */
export function allOf(paths: readonly string[], outcome: string): Record<string, string> {
  return Object.fromEntries(paths.map((path) => [path, outcome]));
}
