import { describe, expect, test } from "vitest";
import {
  isDirectory,
  isRegular,
  isSymlink,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFREG,
  S_IFSOCK,
  withoutSetId,
} from "../../src/model/attributes.js";

describe("file types", () => {
  const types = [S_IFSOCK, S_IFLNK, S_IFREG, S_IFBLK, S_IFDIR, S_IFCHR, S_IFIFO];

  test.each([
    ["isDirectory", isDirectory, S_IFDIR],
    ["isRegular", isRegular, S_IFREG],
    ["isSymlink", isSymlink, S_IFLNK],
  ])("%s is true of one type alone, whatever the permissions", (_, is, itsType) => {
    for (const type of types) {
      expect(is(type | 0o7777)).toBe(type === itsType);
      expect(is(type)).toBe(type === itsType);
    }
  });
});

describe("withoutSetId", () => {
  test.each([
    ["set-user-id goes", 0o104755, 0o100755],
    ["set-group-id goes with group execute", 0o102755, 0o100755],
    ["both go with group execute", 0o106711, 0o100711],
    ["set-group-id without group execute means locking and stays", 0o102644, 0o102644],
    ["of both, only set-user-id goes without group execute", 0o106644, 0o102644],
    ["the sticky bit stays", 0o101777, 0o101777],
    ["a mode without either stays", 0o100644, 0o100644],
  ])("%s", (_, mode, without) => {
    expect(withoutSetId(mode)).toBe(without);
  });
});
