import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { outcomeOf } from "../conformance/posix-case.js";
import { O, RENAME } from "../conformance/posix-driver.js";
import { put, textOf, withFile } from "../conformance/posix-steps.js";
import { SystemDriver } from "../conformance/system-driver.js";
import { Mounted, shell, whyNoMounts } from "../support/daemon.js";

const HOME = "workspace/acme/agent1";
/** One directory of each zone that the identity has. */
const ZONES = [HOME, "shared/acme", "external", "documents"];
const PAIRS = ZONES.flatMap((from) =>
  ZONES.filter((to) => to !== from).map((to) => ({ from, to })),
);

describe.skipIf(whyNoMounts() !== undefined)("between two zones", () => {
  let mounted: Mounted | undefined;
  let driver = new SystemDriver("/nonexistent");

  beforeAll(async () => {
    mounted = await Mounted.start({ args: ["--tenant", "acme", "--agent", "agent1"] });
    driver = new SystemDriver(mounted.mountPoint);
    await driver.mkdir("documents");
    for (const zone of ZONES) {
      await put(driver, { path: `${zone}/file`, data: zone });
      await driver.mkdir(`${zone}/directory`);
    }
  });

  afterAll(async () => {
    await mounted?.stop();
  });

  test.each(PAIRS)("$from and $to, links and renames fail with EXDEV", async ({ from, to }) => {
    const file = `${from}/file`;
    const calls = [
      driver.link(file, `${to}/new`),
      driver.rename(file, `${to}/new`),
      driver.rename(file, `${to}/file`),
      driver.rename(`${from}/directory`, `${to}/new`),
      driver.rename(`${from}/directory`, `${to}/directory`),
      driver.renameat2(file, { to: `${to}/new`, flags: RENAME.NOREPLACE }),
      driver.renameat2(file, { to: `${to}/file`, flags: RENAME.EXCHANGE }),
      withFile(driver, { path: from, flags: O.RDWR | O.TMPFILE, mode: 0o600 }, (fd) =>
        driver.flink(fd, `${to}/new`),
      ),
    ];
    const outcomes = await Promise.all(calls.map(outcomeOf));
    expect(outcomes).toEqual(calls.map(() => "EXDEV"));
    expect(await textOf(driver, file)).toBe(from);
  });

  test("the root and all that no namespace claims are one zone", async () => {
    await driver.link("documents/file", "top");
    await driver.mkdir("jobs");
    await driver.rename("top", "jobs/moved");
    await driver.renameat2("jobs", { to: "documents/directory", flags: RENAME.EXCHANGE });
    expect(await textOf(driver, "documents/directory/moved")).toBe("documents");
  });

  test("mv moves a file with all that belongs to it, and stores nothing again", async () => {
    const out = await shell(
      `head -c 300000 /dev/urandom > ${HOME}/report
       chmod 640 ${HOME}/report; setfattr -n user.status -v ready ${HOME}/report
       touch -d '2001-02-03 04:05:06.789012345' ${HOME}/report
       describe() { stat -c '%a %s %y' $1/report; sha256sum < $1/report
         getfattr --only-values -n user.status $1/report
         getfattr --only-values -n user.nexus.etag $1/report; echo; }
       describe ${HOME} > ../before
       mv ${HOME}/report shared/acme/
       test ! -e ${HOME}/report
       describe shared/acme > ../after; diff ../before ../after && cat ../after`,
      { cwd: mounted?.mountPoint ?? "" },
    );
    expect(out).toMatch(
      /^640 300000 2001-02-03 04:05:06.789012345 .*\n([0-9a-f]{64}) {2}-\nready\1\n$/,
    );
    const references = async () =>
      (await driver.getxattr("shared/acme/report", { name: "user.nexus.ref_count" })).toString();
    // The name that was removed counts until the kernel has forgotten its inode.
    await expect.poll(references, { timeout: 10_000, interval: 20 }).toBe("1");
  });

  test("mv moves a tree", async () => {
    const out = await shell(
      `mkdir -p ${HOME}/tree/a/b; echo 1 > ${HOME}/tree/a/one; echo 2 > ${HOME}/tree/a/b/two
       ln -s a/one ${HOME}/tree/link; ln ${HOME}/tree/a/one ${HOME}/tree/again
       cp -a ${HOME}/tree ../expected
       mv ${HOME}/tree documents/tree
       diff -r ../expected documents/tree && test ! -e ${HOME}/tree
       stat -c %h documents/tree/again`,
      { cwd: mounted?.mountPoint ?? "" },
    );
    expect(out).toBe("2\n");
  });
});
