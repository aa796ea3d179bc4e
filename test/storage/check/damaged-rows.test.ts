import { rmSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, test } from "vitest";
import { connect } from "../../../src/sdk/connect.js";
import { migrate } from "../../../src/storage/metadata/sqlite/open-database.js";
import {
  blob,
  change,
  fsck,
  makeStore,
  OTHER,
  read,
  TEXT,
  withStore,
} from "../../support/checked-store.js";
import { afterKill } from "../../support/crash.js";
import { problemsIn } from "../../support/data-directory.js";
import { kindOfLater } from "../../support/error-kind.js";
import { openNexus } from "../../support/stores.js";
import { testDir } from "../../support/temp-dir.js";

// What is told of rows that the store itself trips over.

describe("a store without the row of its state", () => {
  test("is opened by nobody before it is repaired, and gives no number twice then", async () => {
    const dataDir = await makeStore();
    const database = new Database(join(dataDir, "metadata.db"));
    const largest = database.prepare("SELECT next_id FROM store_state").pluck().get() as number;
    database.close();
    change(dataDir, "DELETE FROM store_state");
    expect(await kindOfLater(read(dataDir, "/documents/a"))).toBe("corrupt");
    expect(await fsck(dataDir)).toMatchObject({ code: 1, rules: ["state.store"] });
    expect(await fsck(dataDir, "--repair")).toMatchObject({
      ...{ code: 0, rules: [], repaired: ["state.store"] },
    });
    expect(await read(dataDir, "/documents/a")).toBe(TEXT);
    await withStore(dataDir, async ({ files }) => {
      await files.write("/documents/new", "new");
    });
    const after = new Database(join(dataDir, "metadata.db"), { readonly: true });
    const ino = after.prepare("SELECT ino FROM dentries WHERE name = 'new'").pluck().get();
    after.close();
    expect(ino).toBeGreaterThan(largest);
    expect(problemsIn(dataDir)).toStrictEqual([]);
  });

  test("keeps what its queue knows of items that are done and deleted, and has the others found", async () => {
    const worker = "w";
    const dataDir = await makeStore(async ({ files, queue }) => {
      for (const name of ["done", "open", "waits"]) await files.write(`/jobs/${name}`, name);
      for (const name of ["done", "open"]) await queue.submit(`/jobs/${name}`);
      await queue.submit("/jobs/waits", { dependsOn: ["/jobs/done"] });
      await queue.claimPath("/jobs/done", { worker });
      await queue.complete("/jobs/done", { worker });
      await files.delete("/jobs/done");
    });
    const open = "(SELECT ino FROM dentries WHERE name = 'open')";
    change(dataDir, `DELETE FROM store_state; DELETE FROM work_items WHERE ino = ${open}`);
    const { code, repaired } = await fsck(dataDir, "--repair");
    expect(code).toBe(0);
    expect(repaired).toEqual(expect.arrayContaining(["state.store", "work.items"]));
    await withStore(dataDir, async ({ queue }) => {
      const claimed = [await queue.claim({ worker }), await queue.claim({ worker })];
      expect(claimed.map((item) => item?.path)).toStrictEqual(["/jobs/open", "/jobs/waits"]);
    });
    expect(problemsIn(dataDir)).toStrictEqual([]);
  });

  test("from before the queue is repaired, and fills it when it is opened", async () => {
    const dataDir = testDir();
    const database = new Database(join(dataDir, "metadata.db"));
    migrate(database, { to: 1 });
    database.exec("DELETE FROM store_state");
    database.close();
    expect(await fsck(dataDir, "--repair")).toMatchObject({ code: 0, repaired: ["state.store"] });
    expect(problemsIn(dataDir)).toStrictEqual([]);
  });

  test("is repaired without those of changes and of the scrub, too", async () => {
    const dataDir = await makeStore();
    change(dataDir, "DELETE FROM store_state; DELETE FROM change_state; DELETE FROM scrub_state");
    const { code, repaired } = await fsck(dataDir, "--repair");
    expect({ code, repaired }).toStrictEqual({
      ...{ code: 0, repaired: ["state.store", "state.changes", "state.scrub"] },
    });
    expect(await read(dataDir, "/documents/a")).toBe(TEXT);
  });
});

test("a store with a bit too many in its state goes on with its journal when that is mended", async () => {
  const before = await makeStore();
  const dataDir = await withStore(before, async ({ files }) => {
    await files.write("/documents/last", "only the journal has it");
    return afterKill(before);
  });
  const state: string[] = [];
  for (const [column, bit] of [
    ["number", 40],
    ["batch", 40],
    ["next_id", 60],
  ] as const) {
    change(dataDir, `UPDATE store_state SET ${column} = ${column} | (1 << ${bit})`);
    expect(await kindOfLater(read(dataDir, "/documents/a"))).toBe("corrupt");
    state.push("state.store");
    expect(await fsck(dataDir)).toMatchObject({ code: 1, rules: state });
  }
  expect(await fsck(dataDir, "--repair")).toMatchObject({ code: 0, rules: [], repaired: state });
  expect(await read(dataDir, "/documents/last")).toBe("only the journal has it");
  await withStore(dataDir, async ({ files }) => {
    await files.write("/documents/new", "new");
  });
  expect(problemsIn(dataDir)).toStrictEqual([]);
});

test("sizes beyond what can be added up are told of, and taken from the bytes", async () => {
  const dataDir = await makeStore();
  change(dataDir, "UPDATE contents SET size_bytes = ~(1 << 63)");
  expect(await fsck(dataDir)).toMatchObject({ code: 1, rules: ["content.size", "content.size"] });
  rmSync(blob(dataDir, OTHER));
  const { rules, repaired } = await fsck(dataDir, "--repair");
  expect({ rules, repaired }).toMatchObject({
    rules: ["content.present"],
    repaired: ["content.size"],
  });
  expect(await read(dataDir, "/documents/a")).toBe(TEXT);
  await withStore(dataDir, async ({ files }) => {
    expect(await files.stat("/documents/b")).toMatchObject({ size: OTHER.length });
  });
});

test("a start that counts what tenants have goes on with sizes beyond what can be added up", async () => {
  const dataDir = await makeStore(async ({ files }) => {
    for (const name of ["x", "y"]) await files.write(`/shared/acme/${name}`, name);
  });
  change(dataDir, "UPDATE inodes SET size_bytes = 1 << 62 WHERE tenant_id IS NOT NULL");
  const nexus = openNexus(dataDir, { config: { quotaFiles: 100 } });
  await nexus.close({ drainMs: 1000 });
});

test("a file whose bytes a restored backup hadn't is told of with its path", async () => {
  const dataDir = await makeStore();
  change(
    dataDir,
    `UPDATE inodes SET content_hash = NULL WHERE ino = (SELECT ino FROM dentries WHERE name = 'a');
     UPDATE contents SET ref_count = 0 WHERE hash NOT IN (SELECT content_hash FROM inodes WHERE content_hash IS NOT NULL)`,
  );
  const { code, rules, report } = await fsck(dataDir);
  expect({ code, rules }).toStrictEqual({ code: 1, rules: ["file.content"] });
  expect(report?.findings[0]?.paths).toStrictEqual(["/documents/a"]);
});

test("as many files that lost their content as a disk may take with it are told of, each", async () => {
  /** More than a call can have arguments. */
  const many = 150_000;
  const dataDir = await makeStore();
  change(
    dataDir,
    `CREATE TEMP TABLE lost AS WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ${many})
       SELECT n + 1000000 AS ino, 'lost ' || n AS name,
         printf('01234567-89ab-7def-8123-%012d', n) AS path_id FROM n;
     INSERT INTO inodes SELECT l.ino, l.path_id, i.mode, i.uid, i.gid, 1, i.size_bytes, i.blocks, i.rdev, i.atime_sec,
         i.atime_nsec, i.mtime_sec, i.mtime_nsec, i.ctime_sec, i.ctime_nsec, i.btime_sec, i.btime_nsec, NULL,
         i.version, NULL, i.mime_type, i.tenant_id, i.agent_id
       FROM lost l, inodes i WHERE i.ino = (SELECT ino FROM dentries WHERE name = 'a');
     INSERT INTO dentries SELECT d.parent, l.name, l.ino, l.ino, d.type FROM lost l, dentries d WHERE d.name = 'a'`,
  );
  const { code, rules } = await fsck(dataDir);
  expect(code).toBe(1);
  expect(rules.filter((rule) => rule === "file.content")).toHaveLength(many);
});

test("a root below itself is taken out, and all stays where it is", async () => {
  const dataDir = await makeStore();
  change(dataDir, "INSERT INTO dentries VALUES (1, 'again', 1, 5000, 4)");
  expect(await fsck(dataDir, "--repair")).toMatchObject({ code: 0, rules: [] });
  expect(await read(dataDir, "/documents/a")).toBe(TEXT);
  expect(problemsIn(dataDir)).toStrictEqual([]);
});

test("a name that is none is left out of listings, which have all others", async () => {
  const dataDir = await makeStore();
  change(
    dataDir,
    "INSERT INTO dentries SELECT parent, 'x/y', ino, 6000, type FROM dentries WHERE name = 'a'",
  );
  const names = await withStore(dataDir, async ({ files }) =>
    (await files.list({ prefix: "/documents" })).entries.map(({ path }) => path),
  );
  expect(names).toStrictEqual(["/documents/a", "/documents/b"]);
  expect(await fsck(dataDir, "--repair")).toMatchObject({
    ...{ code: 0, repaired: expect.arrayContaining(["name.legal"]) as unknown },
  });
});

test("names that aren't UTF-8 are told of, and moved, also many in the same directory", async () => {
  /** More than are looked at in one go, and some of them legal. */
  const many = 1500;
  const dataDir = await makeStore();
  change(
    dataDir,
    `CREATE TEMP TABLE n AS WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ${many})
       SELECT n FROM n;
     INSERT INTO dentries SELECT d.parent, CAST(CAST('é' || n AS BLOB) || iif(n % 100 = 0, x'ff', x'') AS TEXT),
       d.ino, 7000 + n, d.type FROM n, dentries d WHERE d.name = 'a';
     UPDATE inodes SET nlink = ${many} + 1 WHERE ino = (SELECT ino FROM dentries WHERE name = 'a');
     UPDATE store_state SET next_id = 100000`,
  );
  const { rules, report } = await fsck(dataDir);
  expect(rules).toStrictEqual(Array(many / 100).fill("name.legal"));
  expect(report?.findings[0]).toMatchObject({
    what: expect.stringMatching(/^the name 'é\d+�' in it is impossible: .* \(c3a9.*ff\)$/),
    paths: ["/documents"],
  });
  expect(await fsck(dataDir, "--repair")).toMatchObject({ code: 0, rules: [] });
  const { entries } = await withStore(dataDir, ({ files }) =>
    files.list({ prefix: "/system/lost+found" }),
  );
  expect(entries).toHaveLength(many / 100);
  expect(problemsIn(dataDir)).toStrictEqual([]);
});

test.each(["DELETE FROM work_dependencies", "DELETE FROM work_dependencies WHERE position = 0"])(
  "lost dependencies are found anew from what the files say: %s",
  async (sql) => {
    const dataDir = await makeStore(async ({ files, queue }) => {
      await files.write("/jobs/first", "1");
      await files.write("/jobs/second", "2");
      await files.write("/jobs/last", "3");
      await queue.submit("/jobs/last", { dependsOn: ["/jobs/first", "/jobs/second"] });
    });
    const next = () =>
      withStore(dataDir, async ({ queue }) => (await queue.claim({ worker: "w" }))?.path);
    change(dataDir, sql);
    const { code, rules } = await fsck(dataDir);
    expect(code).toBe(1);
    expect(rules).toContain("work.dependencies");
    const repaired = await fsck(dataDir, "--repair");
    expect(repaired).toMatchObject({ code: 0, rules: [] });
    expect(repaired.repaired).toContain("work.dependencies");
    expect(await next()).toBeUndefined();
    expect(problemsIn(dataDir)).toStrictEqual([]);
  },
);

test("dependencies that a rename has brought into a circle are found anew as that left them", async () => {
  const dataDir = await makeStore(async ({ files, queue }) => {
    await files.write("/jobs/one", "1");
    await queue.submit("/jobs/one", { dependsOn: ["/jobs/other"] });
    await files.write("/jobs/two", "2");
    await queue.submit("/jobs/two", { dependsOn: ["/jobs/one"] });
    await files.rename("/jobs/two", "/jobs/other");
  });
  const waiting = () =>
    withStore(dataDir, async ({ queue }) => {
      const paths = ["/jobs/one", "/jobs/other"];
      const all = await Promise.all(paths.map((path) => queue.dependencies(path)));
      return all.map(([only]) => only?.state);
    });
  const before = await waiting();
  expect(before).toStrictEqual(["cycle", "waiting"]);
  change(dataDir, "DELETE FROM work_dependencies");
  expect(await fsck(dataDir)).toMatchObject({
    ...{ code: 1, rules: expect.arrayContaining(["work.dependencies"]) as unknown },
  });
  expect(await fsck(dataDir, "--repair")).toMatchObject({ code: 0, rules: [] });
  expect(await fsck(dataDir)).toMatchObject({ code: 0, rules: [] });
  expect([...(await waiting())].sort()).toStrictEqual([...before].sort());
  expect(problemsIn(dataDir)).toStrictEqual([]);
});

test("items whose paths are none are in the way of no start and of no check", async () => {
  const dataDir = await makeStore(async ({ files, queue }) => {
    for (const path of ["/jobs/item", "/other/up"]) {
      await files.write(path, path);
      await queue.submit(path);
    }
  });
  change(
    dataDir,
    `UPDATE dentries SET name = 'jo' || char(1) || 'bs' WHERE name = 'jobs';
     UPDATE dentries SET name = '..' WHERE name = 'up';
     UPDATE store_state SET work_rules = ''; UPDATE work_items SET zone = '/workspace/other'`,
  );
  expect(await read(dataDir, "/documents/a")).toBe(TEXT);
  expect(await fsck(dataDir)).toMatchObject({ code: 1, rules: ["name.legal", "name.legal"] });
  expect(await fsck(dataDir, "--repair")).toMatchObject({ code: 0, rules: [] });
  expect(problemsIn(dataDir)).toStrictEqual([]);
});

function zonesOf(dataDir: string): unknown[] {
  const database = new Database(join(dataDir, "metadata.db"), { readonly: true });
  const found = database.prepare("SELECT zone FROM work_items ORDER BY zone").pluck().all();
  database.close();
  return found;
}

test("a slash in a name makes an item no other tenant's", async () => {
  const path = "/workspace/acmeocoder/agent/job";
  const dataDir = await makeStore(async ({ files, queue }) => {
    await files.write(path, "secret");
    await queue.submit(path);
  });
  const before = zonesOf(dataDir);
  expect(before).toHaveLength(1);
  change(
    dataDir,
    `UPDATE dentries SET name = 'acme/coder' WHERE name = 'acmeocoder';
     UPDATE store_state SET work_rules = ''`,
  );
  expect((await fsck(dataDir)).rules).toStrictEqual(["name.legal"]);
  await withStore(dataDir, async () => undefined);
  expect(zonesOf(dataDir)).toStrictEqual(before);
  expect((await fsck(dataDir)).rules).toStrictEqual(["name.legal"]);
  expect(await fsck(dataDir, "--repair")).toMatchObject({ code: 0, rules: [] });
  expect(zonesOf(dataDir)).not.toStrictEqual(before);
});

test("an item that the queue has in another zone is told of, and put where its path is", async () => {
  const path = "/workspace/acme/coder/job";
  const dataDir = await makeStore(async ({ files, queue }) => {
    await files.write(path, "1");
    await queue.submit(path);
    await files.write("/jobs/open", "2");
    await queue.submit("/jobs/open");
  });
  const zones = () => zonesOf(dataDir);
  const before = zones();
  expect(before).toHaveLength(2);
  expect(await fsck(dataDir)).toMatchObject({ code: 0, rules: [] });
  // One with other names, too, is where one of them is.
  const alsoNamed = (parent: string, cookie: number) =>
    `INSERT INTO dentries SELECT ${parent}, 'link', ino, ${cookie}, type FROM dentries WHERE name = 'job'`;
  const inDocuments = "(SELECT ino FROM dentries WHERE name = 'documents')";
  const after = "(SELECT max(parent) FROM dentries)";
  const several = await makeStore(async ({ files, queue }) => {
    await files.write(path, "1");
    await queue.submit(path);
    await files.write("/later/file", "2");
  });
  change(several, `${alsoNamed(inDocuments, 8000)}; ${alsoNamed(after, 8001)}`);
  expect((await fsck(several)).rules).not.toContain("work.zone");
  change(dataDir, "UPDATE work_items SET zone = '/workspace/other'");
  const { code, rules, report } = await fsck(dataDir);
  expect(code).toBe(1);
  expect(rules.filter((rule) => rule === "work.zone")).toHaveLength(2);
  expect(report?.findings.flatMap(({ paths }) => paths).sort()).toStrictEqual(["/jobs/open", path]);
  expect(await fsck(dataDir, "--repair")).toMatchObject({ code: 0, rules: [] });
  expect(zones()).toStrictEqual(before);
  expect(problemsIn(dataDir)).toStrictEqual([]);
});

describe("beside somebody who has the store", () => {
  const MANY = 40;
  /** Each for itself would take half a second. */
  const SOON_MS = (MANY * 500) / 4;

  test("contents that are missing are waited for together, and their files told of up to a number", async () => {
    const dataDir = await makeStore(async ({ files }) => {
      for (let file = 0; file < MANY; file++) await files.write(`/many/${file}`, `content ${file}`);
      for (let copy = 0; copy < MANY; copy++) await files.write(`/copies/${copy}`, "a copy");
    });
    for (let file = 0; file < MANY; file++) rmSync(blob(dataDir, `content ${file}`));
    rmSync(blob(dataDir, "a copy"));
    const nexus = await connect({ dataDir });
    try {
      const began = performance.now();
      const { rules, report } = await fsck(dataDir);
      expect(performance.now() - began).toBeLessThan(SOON_MS);
      expect(report?.mode).toBe("online");
      expect(rules).toStrictEqual(Array(MANY + 1).fill("content.present"));
      const copies = report?.findings.find(({ paths }) => paths[0]?.startsWith("/copies/"));
      expect(copies).toMatchObject({ more_paths: MANY - 20 });
    } finally {
      await nexus.close();
    }
  });
});
