import { expect } from "vitest";
import { S_IFREG } from "../../../src/model/attributes.js";
import { type Need, outcomeOf, type PosixCase } from "../posix-case.js";
import { O, type PosixDriver, RENAME } from "../posix-driver.js";
import { namesIn, put } from "../posix-steps.js";

const { EXCHANGE, NOREPLACE, WHITEOUT } = RENAME;

type Attempt = readonly [call: (driver: PosixDriver) => Promise<unknown>, code: string];

const mknod = (path: string): Attempt[0] => {
  return (driver) => driver.mknod(path, { mode: S_IFREG | 0o644 });
};
const open = (path: string, flags: number): Attempt[0] => {
  return (driver) => driver.open(path, { flags, mode: 0o644 });
};
const link = (from: string, to: string): Attempt[0] => {
  return (driver) => driver.link(from, to);
};
const rename = (from: string, to: string, flags = 0): Attempt[0] => {
  return (driver) => driver.renameat2(from, { to, flags });
};

/** Which error wins where several are true. As Linux has it; POSIX leaves the order open. */
const BY_FILE_SYSTEMS: Readonly<Record<string, readonly Attempt[]>> = {
  "open minds O_EXCL first, then O_DIRECTORY and what a directory can't be opened for": [
    [open("directory", O.WRONLY | O.CREAT | O.EXCL), "EEXIST"],
    [open("way", O.RDONLY | O.CREAT | O.EXCL), "EEXIST"],
    [open("file", O.RDONLY | O.DIRECTORY | O.TRUNC), "ENOTDIR"],
    [open("directory/inside", O.WRONLY | O.DIRECTORY), "ENOTDIR"],
    [open("directory", O.WRONLY | O.DIRECTORY), "EISDIR"],
    [open("directory", O.RDONLY | O.CREAT), "EISDIR"],
    [open("directory/", O.RDONLY | O.CREAT), "EISDIR"],
    [open("absent/", O.RDONLY | O.CREAT), "EISDIR"],
  ],
  "rename: no source is ENOENT, whatever the target is": [
    [rename("absent", "directory"), "ENOENT"],
    [rename("absent", "directory/"), "ENOENT"],
    [rename("absent", "absent"), "ENOENT"],
    [rename("absent/", "file"), "ENOENT"],
    [rename("absent", "file", NOREPLACE), "ENOENT"],
    [rename("absent", "file", EXCHANGE), "ENOENT"],
    [rename("absent", "new", EXCHANGE), "ENOENT"],
  ],
  "rename: a file and a directory don't replace each other, and empty counts only then": [
    [rename("file", "directory"), "EISDIR"],
    [rename("file", "empty"), "EISDIR"],
    [rename("way", "empty"), "EISDIR"],
    [rename("empty", "file"), "ENOTDIR"],
    [rename("empty", "way"), "ENOTDIR"],
    [rename("empty", "directory"), "ENOTEMPTY"],
  ],
  "rename with RENAME_WHITEOUT has the errors of one without": [
    [rename("absent", "new", WHITEOUT), "ENOENT"],
    [rename("file", "directory", WHITEOUT), "EISDIR"],
    [rename("empty", "file", WHITEOUT), "ENOTDIR"],
    [rename("empty", "directory", WHITEOUT), "ENOTEMPTY"],
    [rename("file", "directory", WHITEOUT | NOREPLACE), "EEXIST"],
  ],
};

/** The same of what the kernel finds out with no file system's help. */
const BY_THE_KERNEL: Readonly<Record<string, readonly Attempt[]>> = {
  "a taken name is EEXIST before anything that is wrong with how it is written": [
    [mknod("file/"), "EEXIST"],
    [mknod("directory/"), "EEXIST"],
    [(driver) => driver.symlink("target", "file/"), "EEXIST"],
    [(driver) => driver.symlink("target", "dangling/"), "EEXIST"],
    [(driver) => driver.mkdir("file/"), "EEXIST"],
    [(driver) => driver.mkdir("dangling/"), "EEXIST"],
    [(driver) => driver.mkdir("directory/."), "EEXIST"],
    [(driver) => driver.mkdir("directory/.."), "EEXIST"],
    [link("file", "directory/"), "EEXIST"],
    [link("file", "way/"), "EEXIST"],
  ],
  "a slash after a name that is free is ENOENT, but for a directory": [
    [mknod("new/"), "ENOENT"],
    [(driver) => driver.symlink("target", "new/"), "ENOENT"],
    [link("file", "new/"), "ENOENT"],
  ],
  "link: no source is ENOENT before EEXIST, and EEXIST before EPERM for a directory": [
    [link("absent", "file"), "ENOENT"],
    [link("absent", "directory/inside"), "ENOENT"],
    [link("directory", "file"), "EEXIST"],
    [link("directory", "absent/new"), "ENOENT"],
    [link("directory", "new"), "EPERM"],
    [link("way/", "new"), "EPERM"],
    [link("file/", "new"), "ENOTDIR"],
    [link("file/", "file"), "ENOTDIR"],
  ],
  "unlink and rmdir: dots and slashes are looked at before the kind": [
    [(driver) => driver.unlink("."), "EISDIR"],
    [(driver) => driver.unlink("directory/.."), "EISDIR"],
    [(driver) => driver.unlink("directory/"), "EISDIR"],
    [(driver) => driver.unlink("way/"), "ENOTDIR"],
    [(driver) => driver.unlink("absent/"), "ENOENT"],
    [(driver) => driver.rmdir("."), "EINVAL"],
    [(driver) => driver.rmdir(".."), "ENOTEMPTY"],
    [(driver) => driver.rmdir("file/"), "ENOTDIR"],
    [(driver) => driver.rmdir("way/"), "ENOTDIR"],
    [(driver) => driver.rmdir("absent/"), "ENOENT"],
    [(driver) => driver.rmdir("directory/"), "ENOTEMPTY"],
  ],
  "rename: dots are EBUSY before anything is looked up, and EEXIST with RENAME_NOREPLACE": [
    [rename("absent", "directory/."), "EBUSY"],
    [rename("file", "directory/."), "EBUSY"],
    [rename("file", "directory/.."), "EBUSY"],
    [rename("directory/below", "directory/.."), "EBUSY"],
    [rename("directory/..", "new"), "EBUSY"],
    [rename("file", "directory/.", NOREPLACE), "EEXIST"],
    [rename("file", "directory/.", EXCHANGE), "EBUSY"],
  ],
  "rename: into itself is EINVAL, and onto what it lies in ENOTEMPTY, before the kinds": [
    [rename("directory", "directory/inside"), "EINVAL"],
    [rename("directory", "directory/below"), "EINVAL"],
    [rename("directory", "directory/new/"), "EINVAL"],
    [rename("directory/inside", "directory"), "ENOTEMPTY"],
    [rename("directory/below", "directory"), "ENOTEMPTY"],
    [rename("directory", "directory/below", NOREPLACE), "EEXIST"],
    [rename("directory/below", "directory", NOREPLACE), "EEXIST"],
    [rename("directory", "directory/absent/new"), "ENOENT"],
  ],
  "rename: a slash makes a directory of the name, on either side, also of a symlink": [
    [rename("file", "file/"), "ENOTDIR"],
    [rename("file", "directory/"), "ENOTDIR"],
    [rename("file/", "file"), "ENOTDIR"],
    [rename("way/", "new"), "ENOTDIR"],
    [rename("directory", "way/"), "ENOTDIR"],
    [rename("directory", "dangling/"), "ENOTDIR"],
    [rename("file/", "directory", EXCHANGE), "ENOTDIR"],
    [rename("directory", "file/", EXCHANGE), "ENOTDIR"],
  ],
};

/** The order of errors; ERRORS of rename(2), link(2), unlink(2), rmdir(2), open(2). */
export const ERROR_ORDER_CASES: readonly PosixCase[] = [
  ...Object.entries(BY_FILE_SYSTEMS).map(([name, attempts]) => caseOf({ name, attempts })),
  ...Object.entries(BY_THE_KERNEL).map(([name, attempts]) =>
    caseOf({ name, attempts, needs: ["kernel"] }),
  ),
];

/** Makes all attempts, and nothing has changed. */
function caseOf({
  name,
  attempts,
  needs = [],
}: {
  name: string;
  attempts: readonly Attempt[];
  needs?: readonly Need[];
}): PosixCase {
  return {
    name,
    needs,
    async run({ driver }) {
      await put(driver, { path: "file" });
      for (const path of ["directory", "directory/below", "empty"]) await driver.mkdir(path);
      await put(driver, { path: "directory/inside" });
      await driver.symlink("directory", "way");
      await driver.symlink("nowhere", "dangling");
      const names = await namesIn(driver, ".");
      for (const [index, [call, code]] of attempts.entries()) {
        expect([index, await outcomeOf(call(driver))]).toEqual([index, code]);
      }
      expect(await namesIn(driver, ".")).toEqual(names);
      expect(await namesIn(driver, "directory")).toEqual(["below", "inside"]);
    },
  };
}
