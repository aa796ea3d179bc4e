import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { outcomeOf } from "../conformance/posix-case.js";
import { O } from "../conformance/posix-driver.js";
import { namesIn, put, textOf, withFile } from "../conformance/posix-steps.js";
import { SystemDriver } from "../conformance/system-driver.js";
import { actAs } from "../conformance/thread-credentials.js";
import { Mounted, shell, type User, whyNoMounts } from "../support/daemon.js";
import { ALL_CALLS, allOf, outcomesOf } from "./isolation/path-calls.js";

// One mount with --allow-other, one kernel cache, several users of the machine.

const user = (id: number): User => ({ uid: id, gid: id });
const ACME1 = user(23451);
const ACME2 = user(23452);
const GLOBEX = user(23453);
const ADMIN = user(23454);
/** No rule names them. */
const STRANGER = user(23459);
/** One rule names their effective group. */
const OPERATOR = { uid: 23458, gid: 23460 };

const IDENTITIES = [
  { uid: ACME1.uid, tenant_id: "acme", agent_id: "agent1" },
  { uid: ACME2.uid, gid: ACME2.gid, tenant_id: "acme", agent_id: "agent2" },
  { uid: GLOBEX.uid, tenant_id: "globex", agent_id: "agent1" },
  { uid: ADMIN.uid, is_admin: true },
  { gid: OPERATOR.gid, tenant_id: "operators" },
  // What the kernel does on nobody's behalf it does as root.
  { uid: 0, tenant_id: "operators" },
];

const HOMES = new Map([
  [ACME1, "workspace/acme/agent1"],
  [ACME2, "workspace/acme/agent2"],
  [GLOBEX, "workspace/globex/agent1"],
]);
const home = (who: User) => HOMES.get(who) ?? "";

/** What is in each workspace, and what isn't. */
const NAMES = ["file", "directory", "directory/inside", "link", "absent", "directory/absent"];

/** Names in shared directories that lead nowhere, as an administrator is told. */
const ABSENT = [
  "workspace/acme/nobody",
  "workspace/globex/nobody",
  "workspace/nobody",
  "shared/nobody",
];

/** What is somebody's own, as far as `other` isn't of the same tenant, and names that lead nowhere. */
function foreignPaths(owner: User, other: User): string[] {
  const tenant = home(owner).split("/")[1] ?? "";
  const isSameTenant = home(other).split("/")[1] === tenant;
  const paths = [home(owner), ...NAMES.map((name) => `${home(owner)}/${name}`)];
  const absent = [`workspace/${tenant}/nobody`, "workspace/nobody", "shared/nobody/file"];
  if (isSameTenant) return [...paths, ...absent];
  return [
    ...paths,
    ...absent,
    `workspace/${tenant}`,
    `shared/${tenant}`,
    `shared/${tenant}/common`,
  ];
}

const skipReason = whyNoMounts();

test.skipIf(skipReason !== undefined)(
  "a user that the machine doesn't know is named, and nothing is mounted",
  async () => {
    const mounted = Mounted.prepare();
    try {
      const config = join(mounted.base, "users.yaml");
      writeFileSync(config, JSON.stringify({ identities: [{ user: "no-such", tenant_id: "a" }] }));
      const { code, stderr } = await mounted.tryMount(["--config", config]);
      expect([code, stderr]).toEqual([
        2,
        "nexus-mount: identities[0].user: there is no user 'no-such' in /etc/passwd; write its number as uid\n",
      ]);
      expect(mounted.isMounted).toBe(false);
    } finally {
      await mounted.stop();
    }
  },
);

describe.skipIf(skipReason !== undefined)("a mount that several users of the machine share", () => {
  let mounted: Mounted | undefined;
  let driver = new SystemDriver("/nonexistent");
  const umask = process.umask();

  beforeAll(async () => {
    process.umask(0o022);
    mounted = Mounted.prepare();
    // Other users have to get to the mount.
    chmodSync(mounted.base, 0o755);
    const config = join(mounted.base, "nexus.yaml");
    writeFileSync(config, JSON.stringify({ identities: IDENTITIES }));
    await mounted.mount(["--allow-other", "--config", config]);
    driver = new SystemDriver(mounted.mountPoint);
    for (const who of HOMES.keys()) {
      await actAs(who, async () => {
        await driver.mkdir(`${home(who)}/directory`);
        await put(driver, { path: `${home(who)}/file`, data: `of ${who.uid}` });
        await put(driver, { path: `${home(who)}/directory/inside`, data: "inside" });
        await driver.symlink("file", `${home(who)}/link`);
        await put(driver, { path: `${home(who)}/mine`, data: "mine" });
        const value = Buffer.from("ready");
        await driver.setxattr(`${home(who)}/file`, { name: "user.status", value });
      });
    }
    await actAs(ACME1, () => put(driver, { path: "shared/acme/common", data: "by 1" }));
  });

  afterAll(async () => {
    process.umask(umask);
    await mounted?.stop();
  });

  /** Lets the kernel learn all that it can of a user's own things; returns what holds on to them. */
  async function warm(who: User): Promise<number[]> {
    await actAs(ADMIN, async () => {
      for (const path of ABSENT) {
        expect(await outcomeOf(driver.stat(path))).toBe("ENOENT");
      }
    });
    return await actAs(who, async () => {
      const inner = `${home(who)}/directory`;
      const held: number[] = [];
      for (const path of [".", "workspace", `${home(who)}/..`, home(who), inner]) {
        // Twice: the second time, the kernel reads what it kept of the first.
        for (let time = 0; time < 2; time++) await namesIn(driver, path);
        held.push(await driver.open(path, { flags: O.RDONLY | O.DIRECTORY }));
      }
      for (const name of NAMES) {
        const path = `${home(who)}/${name}`;
        await outcomeOf(driver.stat(path));
        await outcomeOf(driver.getxattr(path, { name: "user.status" }));
        await outcomeOf(driver.listxattr(path));
      }
      for (const name of ["file", "directory/inside", "link"]) {
        const path = `${home(who)}/${name}`;
        await textOf(driver, path);
        held.push(await driver.open(path, { flags: O.RDONLY }));
      }
      await driver.readlink(`${home(who)}/link`);
      await outcomeOf(driver.stat(`${home(who)}/../nobody`));
      await outcomeOf(driver.stat("shared/acme/common"));
      return held;
    });
  }

  async function closeAll(fds: readonly number[]): Promise<void> {
    for (const fd of fds) await driver.close(fd);
  }

  describe.each([
    ["another tenant's", ACME1, GLOBEX],
    ["another agent's of the tenant", ACME1, ACME2],
    ["the first one's, the other way round", GLOBEX, ACME1],
  ])("right after somebody used what is theirs, which is %s", (_whose, owner, other) => {
    const paths = foreignPaths(owner, other);
    const own = `${home(other)}/mine`;

    test.each(Object.entries(ALL_CALLS))(
      "nobody else gets another answer than for what isn't there: %s",
      async (_name, call) => {
        const held = await warm(owner);
        try {
          const outcomes = await actAs(other, () => outcomesOf(driver, { call, paths, own }));
          expect(outcomes).toEqual(allOf(paths, "EACCES"));
        } finally {
          await closeAll(held);
        }
      },
    );

    test("and both find their own as it was", async () => {
      for (const who of [owner, other]) {
        await actAs(who, async () => {
          expect(await namesIn(driver, home(who))).toEqual(["directory", "file", "link", "mine"]);
          expect(await textOf(driver, `${home(who)}/file`)).toBe(`of ${who.uid}`);
        });
      }
    });
  });

  test("each listing shows what its reader may see, whoever listed before", async () => {
    const listings = async (who: User) =>
      await actAs(who, async () => {
        const tenant = home(who).split("/")[1] ?? "";
        const names: string[][] = [];
        for (const path of ["workspace", `workspace/${tenant}`, "shared"]) {
          names.push(await namesIn(driver, path));
        }
        return names;
      });
    for (let round = 0; round < 2; round++) {
      expect(await listings(ACME1)).toEqual([["acme"], ["agent1"], ["acme"]]);
      expect(await listings(GLOBEX)).toEqual([["globex"], ["agent1"], ["globex"]]);
      expect(await listings(ACME2)).toEqual([["acme"], ["agent2"], ["acme"]]);
      const all = await actAs(ADMIN, () => namesIn(driver, "workspace"));
      expect(all).toEqual(["acme", "globex", "operators"]);
    }
  });

  test("the attributes of a shared directory are its reader's, whoever asked before", async () => {
    // By an open file nothing is looked up: only the attributes are asked for.
    const open = () => driver.open("workspace", { flags: O.RDONLY | O.DIRECTORY });
    const fds = [await actAs(ADMIN, open), await actAs(ACME1, open)] as const;
    for (let round = 0; round < 2; round++) {
      for (const stat of [() => driver.stat("workspace"), () => driver.fstat(fds[0])]) {
        expect((await actAs(ADMIN, stat)).nlink).toBe(5);
      }
      for (const stat of [() => driver.fstat(fds[1]), () => driver.stat("workspace")]) {
        const { nlink, mtime, btime } = await actAs(ACME1, stat);
        expect([nlink, mtime]).toEqual([1, btime]);
      }
    }
    await closeAll(fds);
  });

  test("agents of one tenant share what is the tenant's", async () => {
    const path = "shared/acme/common";
    expect(await actAs(ACME2, () => textOf(driver, path))).toBe("by 1");
    await actAs(ACME2, () => put(driver, { path: "shared/acme/of-2", data: "by 2" }));
    expect(await actAs(ACME1, () => textOf(driver, "shared/acme/of-2"))).toBe("by 2");
    const { uid, gid } = await actAs(ACME1, () => driver.stat("shared/acme/of-2"));
    expect({ uid, gid }).toEqual(ACME2);
    // Permission bits are the files' own, as everywhere.
    const overwrite = () => withFile(driver, { path, flags: O.WRONLY }, async () => undefined);
    expect(await actAs(ACME2, () => outcomeOf(overwrite()))).toBe("EACCES");
    expect(await actAs(ACME1, () => outcomeOf(overwrite()))).toBe("success");
  });

  test("an administrator sees all", async () => {
    for (const who of HOMES.keys()) {
      expect(await actAs(ADMIN, () => textOf(driver, `${home(who)}/file`))).toBe(`of ${who.uid}`);
    }
    expect(await actAs(ADMIN, () => outcomeOf(driver.stat("system")))).toBe("success");
  });

  test("a rule for root counts, too", async () => {
    expect(await namesIn(driver, "workspace")).toEqual(["operators"]);
    expect(await outcomeOf(driver.stat(home(ACME1)))).toBe("EACCES");
  });

  test("a process counts by its effective group, too", async () => {
    const names = await actAs(OPERATOR, () => namesIn(driver, "workspace"));
    expect(names).toEqual(["operators"]);
    expect(await actAs(OPERATOR, () => outcomeOf(driver.mkdir("workspace/operators/a1")))).toBe(
      "success",
    );
    const other = { ...OPERATOR, gid: STRANGER.gid };
    expect(await actAs(other, () => outcomeOf(driver.stat("workspace")))).toBe("EACCES");
  });

  test.each(Object.entries(ALL_CALLS))(
    "whom no rule names gets nowhere: %s",
    async (_name, call) => {
      const held = await warm(ACME1);
      try {
        const paths = [
          ".",
          "workspace",
          "documents",
          home(ACME1),
          ".nexus/stats",
          ".nexus/work/ready",
        ];
        const own = `${home(ACME1)}/mine`;
        const outcomes = await actAs(STRANGER, () => outcomesOf(driver, { call, paths, own }));
        expect(outcomes).toEqual(allOf(paths, "EACCES"));
      } finally {
        await closeAll(held);
      }
    },
  );

  test("work items are shown to whom they belong", async () => {
    const items = (who: User) => actAs(who, () => namesIn(driver, ".nexus/work/ready"));
    expect(await items(ACME1)).toHaveLength(1);
    expect(await items(ADMIN)).toHaveLength(3);
    expect(await items(OPERATOR)).toEqual([]);
  });

  test("a mapping is written back, although the kernel does that as root", async () => {
    const script = `
      python3 - <<'END'
import mmap, os
fd = os.open("map", os.O_RDWR | os.O_CREAT, 0o644)
os.ftruncate(fd, 8192)
pages = mmap.mmap(fd, 8192)
pages[0:5] = b"first"
pages.flush()
pages[4096:4102] = b"second"
pages.close()
os.fsync(fd)
os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
print(os.pread(fd, 5, 0), os.pread(fd, 6, 4096))
END
      rm map
    `;
    const cwd = join(mounted?.mountPoint ?? "", home(GLOBEX));
    expect(await shell(script, { cwd, user: GLOBEX })).toBe("b'first' b'second'\n");
  });

  test("other ways to write a path lead no further", async () => {
    const script = `
      try() { if "$@" >/dev/null 2>/tmp/error.$$; then echo "allowed: $*"; else grep -c 'Permission denied' /tmp/error.$$; fi; }
      cd ${home(GLOBEX)}
      try cat ../../acme/agent1/file
      try ls ../../../workspace/acme
      try bash -c 'cd ../../acme/agent1'
      try cp -r ../../acme/agent1 copy
      ln -s ../../acme/agent1 way
      try ls way/
      try cat way/file
      rm way /tmp/error.$$
    `;
    const out = await shell(script, { cwd: mounted?.mountPoint ?? "", user: GLOBEX });
    expect(out.trim().split("\n")).toEqual(Array.from({ length: 6 }, () => "1"));
  });
});
