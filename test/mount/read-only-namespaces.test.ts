import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { namesIn, put, textOf } from "../conformance/posix-steps.js";
import { SystemDriver } from "../conformance/system-driver.js";
import { shell, whyNoMounts } from "../support/daemon.js";
import {
  allOf,
  BRINGING_CALLS,
  CHANGING_CALLS,
  DIRECTORY_CALLS,
  MAKING_CALLS,
  outcomesOf,
  type PathCall,
  TAKING_CALLS,
  WRITING_CALLS,
} from "./isolation/path-calls.js";
import { SEEDED_NAMES, SeededMount } from "./isolation/seeded-mount.js";

const { rmdir, ...takingFiles } = TAKING_CALLS;
// Root may write as far as modes go, which is all that access(2) asks; open(2) is refused.
const { "access, writing": _mode, ...writing } = WRITING_CALLS;

/** Each call that changes something, on a name for which the kernel itself has no objection. */
const REFUSED: readonly { name: string; calls: Readonly<Record<string, PathCall>> }[] = [
  { name: "absent", calls: { ...MAKING_CALLS, ...BRINGING_CALLS } },
  { name: "file", calls: { ...takingFiles, ...CHANGING_CALLS, ...writing } },
  { name: "directory", calls: { ...(rmdir && { rmdir }), ...DIRECTORY_CALLS, ...CHANGING_CALLS } },
];

const skipReason = whyNoMounts();

/** The namespaces below which this identity reads and can't change anything. */
function readsOnly({ identity, roots }: { identity: readonly string[]; roots: readonly string[] }) {
  const title = `read-only namespaces, mounted with ${identity.join(" ")}`;
  describe.skipIf(skipReason !== undefined)(title, () => {
    let mount: SeededMount | undefined;
    let driver = new SystemDriver("/nonexistent");
    const own = "documents/mine";

    beforeAll(async () => {
      mount = await SeededMount.start(identity);
      driver = new SystemDriver(mount.mountPoint);
      await put(driver, { path: own, data: "mine" });
    });

    afterAll(async () => {
      await mount?.stop();
    });

    test.each(roots)("%s can be read, listed and copied from", async (root) => {
      const out = await shell(
        `cat file; readlink link; getfattr --only-values -n user.status file; ls
         getfattr --only-values -n user.nexus.ref_count file
         cp -a . "$OLDPWD/documents/copy"; diff -r . "$OLDPWD/documents/copy" && echo equal
         rm -r "$OLDPWD/documents/copy"`.replace(/^/, `cd ${root}; `),
        { cwd: mount?.mountPoint ?? "" },
      );
      expect(out).toBe(`of ${root}\nfile\nreadydirectory\nfile\nlink\n1equal\n`);
    });

    test.each(
      REFUSED.flatMap(({ name, calls }) =>
        Object.entries(calls).map(([title, call]) => ({ title, name, call })),
      ),
    )("are refused with EROFS: $title, of $name", async ({ name, call }) => {
      const paths = roots.map((root) => `${root}/${name}`);
      expect(await outcomesOf(driver, { call, paths, own })).toEqual(allOf(paths, "EROFS"));
    });

    test("are afterwards as they were", async () => {
      for (const root of roots) {
        expect(await namesIn(driver, root)).toEqual([...SEEDED_NAMES]);
        expect(await textOf(driver, `${root}/file`)).toBe(`of ${root}\n`);
        expect(await driver.listxattr(`${root}/file`)).toEqual(["user.status"]);
      }
      expect(await textOf(driver, own)).toBe("mine");
    });
  });
}

readsOnly({
  identity: ["--tenant", "acme", "--agent", "agent1"],
  roots: ["archives/acme", "manuals"],
});
// `vault`, for administrators only, is not among them: see the test of isolation.
readsOnly({
  identity: ["--admin"],
  roots: ["archives/acme", "archives/globex", "system", "manuals"],
});
