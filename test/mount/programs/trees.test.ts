import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { shell, whyNoMounts } from "../../support/daemon.js";
import { SideBySide } from "./side-by-side.js";

/**
 * `same A B` fails unless two trees are equal in all that a copy keeps: names, types, modes, owners,
 * links, sizes of files, times to the nanosecond, contents, extended attributes, and which names are
 * links to one file.
 */
const SAME = `
  facts() (
    cd "$1"
    find . -mindepth 1 -printf '%p %y %m %U %G %T@ %l\\n' | sort
    find . -mindepth 1 ! -type d -printf '%p %n %s\\n' | sort
    find . -type f -links +1 -printf '%i %p\\n' | sort -k2 |
      awk '{ if (!($1 in first)) first[$1] = $0; sub(/^[0-9]+ /, "", first[$1]); i = $1; sub(/^[0-9]+ /, ""); print $0, "is", first[i] }'
    getfattr -Rhd -m '^user' . | sort
  )
  same() {
    diff -r --no-dereference -x fifo "$1" "$2"
    diff <(facts "$1") <(facts "$2")
  }
`;

describe.skipIf(whyNoMounts() !== undefined)("a tree of several thousand files", () => {
  let sides: SideBySide | undefined;

  beforeAll(async () => {
    sides = await SideBySide.start();
    // What lies beside the mount is `../..` for the scripts.
    await shell(`python3 ${import.meta.dirname}/make-tree.py tree`, {
      cwd: `${sides.mountPoint}/..`,
    });
  });

  afterAll(async () => {
    await sides?.stop();
  });

  const onMount = async (name: string, script: string) =>
    await sides?.runOnMount(name, `${SAME}\n${script}`);

  test("goes there and back with cp -a", async () => {
    const out = await onMount(
      "cp",
      `cp -a ../../tree there; same ../../tree there
       cp -a there ../../back; same ../../tree ../../back; rm -r ../../back
       find there -type f | wc -l`,
    );
    expect(out).toBe("2301\n");
  });

  test("is for rsync the same, with ACLs and all, and rsync can make it", async () => {
    const compare = "rsync -aHAXn --itemize-changes --delete";
    const out = await onMount(
      "rsync",
      `rsync -aHX ../../tree/ there
       ${compare} ../../tree/ there/; ${compare} there/ ../../tree/
       touch there/large; rm there/soft-0
       ${compare} ../../tree/ there/`,
    );
    const named = out?.split("\n").map((line) => line.slice(12).split(" ")[0]);
    expect(named).toEqual(["./", "large", "soft-0", ""]);
  });

  test("goes through tar with its extended attributes", async () => {
    await onMount(
      "tar",
      `tar="tar --xattrs --xattrs-include=user.* --format=posix"
       mkdir there back
       $tar -C ../../tree -cf - . | $tar -C there -xpf -
       same ../../tree there; tar -C there -cf - . | tar -C ../../tree -df -`,
    );
  });

  test("is read the same by grep, find, du and diff", async () => {
    const out = await sides?.run(
      "read",
      `cp -a ../../tree there; cd there
       grep -rlI . . | sort | sha256sum; grep -rc a . | sort | sha256sum
       find . -type f -size +8k | wc -l; find . -type l | wc -l; find . -perm 444 -newermt 2020-01-01 | wc -l
       find . -type f -print0 | du -bc --files0-from=- | tail -n 1
       find . -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum
       find . -depth -mindepth 1 -delete; ls -A`,
    );
    expect(out).toContain("200\n");
    const df = await onMount("df", "df --output=target,fstype .. | tail -n 1; df -i . >/dev/null");
    expect(df).toContain(sides?.mountPoint ?? "");
  });

  test("was no trouble for the daemon", () => {
    expect(sides?.troubles).toEqual([]);
  });
});
