import { expect } from "vitest";
import { S_IFIFO } from "../../../src/model/attributes.js";
import { fails, type PosixCase } from "../posix-case.js";
import { F_OK, O, type PosixDriver } from "../posix-driver.js";
import { namesIn, put } from "../posix-steps.js";

const VALUE = Buffer.from("value");

type PathCall = (driver: PosixDriver, path: string) => Promise<unknown>;

/** Calls that end at what the path leads to, and follow a symlink there. */
const FOLLOWING: Readonly<Record<string, PathCall>> = {
  open: (driver, path) => driver.open(path, { flags: O.RDONLY }),
  stat: (driver, path) => driver.stat(path),
  access: (driver, path) => driver.access(path, F_OK),
  statvfs: (driver, path) => driver.statvfs(path),
  truncate: (driver, path) => driver.truncate(path, 0),
  chmod: (driver, path) => driver.chmod(path, 0o600),
  chown: (driver, path) => driver.chown(path, {}),
  utimensat: (driver, path) => driver.utimensat(path, { mtime: "now" }),
  getxattr: (driver, path) => driver.getxattr(path, { name: "user.key" }),
  setxattr: (driver, path) => driver.setxattr(path, { name: "user.key", value: VALUE }),
  listxattr: (driver, path) => driver.listxattr(path),
  removexattr: (driver, path) => driver.removexattr(path, "user.key"),
};

/** Calls that end at the name. */
const NAMING: Readonly<Record<string, PathCall>> = {
  lstat: (driver, path) => driver.lstat(path),
  readlink: (driver, path) => driver.readlink(path),
  lchown: (driver, path) => driver.lchown(path, {}),
  unlink: (driver, path) => driver.unlink(path),
  rmdir: (driver, path) => driver.rmdir(path),
  "link, of the old name": (driver, path) => driver.link(path, "new"),
  "rename, of the old name": (driver, path) => driver.rename(path, "new"),
};

/** Calls that make the name. */
const MAKING: Readonly<Record<string, PathCall>> = {
  "open with O_CREAT": (driver, path) =>
    driver.open(path, { flags: O.WRONLY | O.CREAT | O.EXCL, mode: 0o644 }),
  mkdir: (driver, path) => driver.mkdir(path),
  mknod: (driver, path) => driver.mknod(path, { mode: S_IFIFO | 0o644 }),
  symlink: (driver, path) => driver.symlink("target", path),
  "link, of the new name": (driver, path) => driver.link("file", path),
  "rename, of the new name": (driver, path) => driver.rename("file", path),
};

const CALLS = { ...FOLLOWING, ...NAMING, ...MAKING };

const LONG_NAME = "n".repeat(256);

async function makePlace(driver: PosixDriver): Promise<void> {
  await put(driver, { path: "file" });
  await driver.symlink("circle", "circle");
  await driver.symlink("nowhere", "dangling");
}

async function expectPlaceUntouched(driver: PosixDriver): Promise<void> {
  expect(await namesIn(driver, ".")).toEqual(["circle", "dangling", "file"]);
}

/** path_resolution(7): what every call that takes a path makes of a wrong one. */
export const PATH_ERROR_CASES: readonly PosixCase[] = [
  ...Object.entries(CALLS).map(
    ([name, call]): PosixCase => ({
      name: `${name}: a path that breaks off on its way fails as everywhere, and nothing changes`,
      async run({ driver }) {
        await makePlace(driver);
        const ways = [
          ["absent/below", "ENOENT"],
          ["dangling/below", "ENOENT"],
          ["", "ENOENT"],
          ["file/below", "ENOTDIR"],
          ["file/../file", "ENOTDIR"],
          ["circle/below", "ELOOP"],
          [LONG_NAME, "ENAMETOOLONG"],
          [`${LONG_NAME}/below`, "ENAMETOOLONG"],
          [`absent/${LONG_NAME}`, "ENOENT"],
          [`file/${LONG_NAME}`, "ENOTDIR"],
        ] as const;
        for (const [path, code] of ways) await fails(call(driver, path), code);
        await expectPlaceUntouched(driver);
      },
    }),
  ),
  {
    name: "a symlink in a circle at the end fails with ELOOP in every call that follows it",
    async run({ driver }) {
      await makePlace(driver);
      for (const call of Object.values(FOLLOWING)) await fails(call(driver, "circle"), "ELOOP");
      await fails(driver.open("circle", { flags: O.RDWR | O.CREAT, mode: 0o644 }), "ELOOP");
      await expectPlaceUntouched(driver);
    },
  },
  {
    name: "a symlink that dangles at the end fails with ENOENT in every call that follows it",
    async run({ driver }) {
      await makePlace(driver);
      for (const call of Object.values(FOLLOWING)) await fails(call(driver, "dangling"), "ENOENT");
      await fails(driver.mkdir("dangling"), "EEXIST");
      await expectPlaceUntouched(driver);
    },
  },
  {
    name: "a path of 4095 bytes is followed, and a longer one fails with ENAMETOOLONG in every call",
    needs: ["kernel"],
    async run({ driver, kernel }) {
      await makePlace(driver);
      const toLength = (length: number, end: string) =>
        "./".repeat(length).slice(0, length - kernel.pathOf(end).length) + end;
      const longest = toLength(4095, "/file");
      expect(kernel.pathOf(longest)).toHaveLength(4095);
      expect((await driver.stat(longest)).size).toBe(0);
      for (const call of Object.values(CALLS)) {
        await fails(call(driver, toLength(4096, "/file")), "ENAMETOOLONG");
      }
      await expectPlaceUntouched(driver);
    },
  },
];
