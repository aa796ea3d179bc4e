import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { whyNoMounts } from "../../support/daemon.js";
import { SideBySide } from "./side-by-side.js";

describe.skipIf(whyNoMounts() !== undefined)("what programs ask of a file system", () => {
  let sides: SideBySide | undefined;

  beforeAll(async () => {
    sides = await SideBySide.start();
  });

  afterAll(async () => {
    await sides?.stop();
  });

  test("long names, 5 GiB with holes, unlinked files and locks are as on a disk", async () => {
    const out = await sides?.run("files", 'python3 "$PROGRAMS/files.py"');
    expect(out?.split("\n")).toEqual([
      "names",
      ...["255 success", "ENAMETOOLONG success"],
      ...["255 success", "ENAMETOOLONG success"],
      ...["255 success", "ENAMETOOLONG success"],
      ...["256 ENAMETOOLONG", "ENAMETOOLONG ENAMETOOLONG"],
      ...["256 ENAMETOOLONG", "ENAMETOOLONG ENAMETOOLONG"],
      "True",
      "sparse",
      "5368709120 True",
      "[0, 3221225472]",
      "3221229568 ENXIO",
      "b'\\x00data\\x00' b'\\x00\\x00\\x00'",
      "unlinked",
      "0 b'still here, and more' False",
      "b'still here, and more'",
      "locks",
      ...["flock EAGAIN", "flock EAGAIN", "flock got it b'by the child'"],
      ...["fcntl EAGAIN", "fcntl EAGAIN", "fcntl got it b'by the child'"],
      "",
    ]);
  });

  test("a directory of 20,000 entries, listed while some come and go", async () => {
    const out = await sides?.runOnMount("crowd", 'python3 "$PROGRAMS/crowd.py"');
    expect(out).toBe("20000 b'20000'\ntwice: 0 missed: 0\nTrue 20000\n19999\n[]\n");
  });

  test("a file with holes keeps them when it is sealed and copied", async () => {
    const out = await sides?.runOnMount(
      "holes",
      `truncate -s 64M file; printf data | dd of=file bs=1 seek=40M conv=notrunc status=none
       getfattr --only-values -n user.nexus.etag file | head -c 64 > ../etag; sha256sum file | head -c 64 | cmp - ../etag
       cp file copy; cp --sparse=always file sparse; cmp file copy; cmp file sparse
       for f in file copy sparse; do test $(stat -c %b $f) -le 64 || stat -c '%n %s %b' $f; done`,
    );
    expect(out).toBe("");
  });

  test("was no trouble for the daemon", () => {
    expect(sides?.troubles).toEqual([]);
  });
});
