import { describe, expect, test } from "vitest";
import { remappedPath } from "../../../src/features/transfer/remapped-path.js";
import { checkName } from "../../../src/model/path.js";

describe("remappedPath", () => {
  test.each([
    ["/a.txt", 1, "/a_imported1.txt"],
    ["/dir/a", 12, "/dir/a_imported12"],
    ["/dir/.hidden", 1, "/dir/.hidden_imported1"],
    ["/dir/a.tar.gz", 1, "/dir/a.tar_imported1.gz"],
    [`/${"n".repeat(251)}.txt`, 1, `/${"n".repeat(241)}_imported1.txt`],
    [`/${"n".repeat(251)}.txt`, 10, `/${"n".repeat(240)}_imported10.txt`],
    [`/${"n".repeat(241)}.txt`, 1, `/${"n".repeat(241)}_imported1.txt`],
    [`/${"n".repeat(255)}`, 1, `/${"n".repeat(245)}_imported1`],
    // 2, 3 and 4 bytes each.
    [`/${"ü".repeat(125)}.txt`, 1, `/${"ü".repeat(120)}_imported1.txt`],
    [`/${"語".repeat(85)}`, 1, `/${"語".repeat(81)}_imported1`],
    [`/${"🙂".repeat(63)}.md`, 1, `/${"🙂".repeat(60)}_imported1.md`],
    [`/a.${"e".repeat(253)}`, 1, `/a.${"e".repeat(243)}_imported1`],
    [`/a.${"e".repeat(243)}`, 1, `/a_imported1.${"e".repeat(243)}`],
    [`/🙂.${"e".repeat(241)}`, 1, `/🙂.${"e".repeat(240)}_imported1`],
  ])("of %s and %i is a name that fits", (path, number, remapped) => {
    expect(remappedPath(path, number)).toBe(remapped);
    const name = remapped.slice(remapped.lastIndexOf("/") + 1);
    expect(checkName(name)).toBe(name);
  });
});
