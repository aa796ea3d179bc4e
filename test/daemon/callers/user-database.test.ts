import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readUserDatabase } from "../../../src/daemon/callers/user-database.js";
import { kindOf } from "../../support/error-kind.js";
import { testDir } from "../../support/temp-dir.js";

const PASSWD = `root:x:0:0:root:/root:/bin/bash
ada:x:1001:100:Ada:/home/ada:/bin/sh
ada:x:9999:9999:a second line:/:/bin/sh

+nis-users
broken:x:many:5:::
bob:x:1002:1002::/:
twin:x:1001:1003::/:
`;
const GROUP = `users:x:100:
ops:x:50:bob, ada,nobody-here
broken:x:none:ada
ops:x:51:root
empty:x:60:
`;

function database() {
  const [passwdPath, groupPath] = [join(testDir(), "passwd"), join(testDir(), "group")];
  writeFileSync(passwdPath, PASSWD);
  writeFileSync(groupPath, GROUP);
  return readUserDatabase({ passwdPath, groupPath });
}

describe("the machine's users", () => {
  test("have the numbers of the first line with their name", () => {
    const { uidOf, gidOf } = database();
    expect(["root", "ada", "bob", "broken", "eve", ""].map(uidOf)).toEqual([
      ...[0, 1001, 1002],
      ...[undefined, undefined, undefined],
    ]);
    expect(["ops", "users", "broken"].map(gidOf)).toEqual([50, 100, undefined]);
  });

  test("have a group of their own, and may be in others", () => {
    const { primaryGidOf, membersOf } = database();
    expect(primaryGidOf(1001)).toBe(100);
    expect(primaryGidOf(5)).toBeUndefined();
    expect([...membersOf(50)].sort()).toEqual([1001, 1002]);
    expect([...membersOf(100)]).toEqual([1001]);
    expect(membersOf(60).size).toBe(0);
    expect(membersOf(61).size).toBe(0);
  });

  test("can't be told when the files can't be read", () => {
    const passwdPath = join(testDir(), "none");
    expect(kindOf(() => readUserDatabase({ passwdPath }))).toBe("not-found");
  });

  test("of this machine include root", () => {
    const { uidOf, gidOf, membersOf } = readUserDatabase();
    expect([uidOf("root"), gidOf("root"), membersOf(0).has(0)]).toEqual([0, 0, true]);
  });
});
