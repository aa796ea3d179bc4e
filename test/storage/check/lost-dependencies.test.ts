import { join } from "node:path";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import type { TenantId } from "../../../src/model/ids.js";
import { change, fsck, makeStore, withStore } from "../../support/checked-store.js";
import { problemsIn } from "../../support/data-directory.js";
import { openNexus } from "../../support/stores.js";

function rows(dataDir: string, sql: string): unknown[] {
  const database = new Database(join(dataDir, "metadata.db"), { readonly: true });
  const found = database.prepare(sql).raw().all();
  database.close();
  return found;
}

const edges = (dataDir: string) =>
  rows(
    dataDir,
    "SELECT position, reference, target_ino, is_satisfied FROM work_dependencies ORDER BY ino, position",
  );

/** Repairs, and looks again: it has to be over with one. */
async function repair(dataDir: string): Promise<void> {
  const repaired = await fsck(dataDir, "--repair");
  expect(repaired).toMatchObject({ code: 0, rules: [] });
  expect(repaired.repaired).toContain("work.dependencies");
  expect(await fsck(dataDir)).toMatchObject({ code: 0, rules: [] });
  expect(problemsIn(dataDir)).toStrictEqual([]);
}

test("a lost dependency leaves the others as they were: what was completed and deleted stays done", async () => {
  const dataDir = await makeStore(async ({ files, queue, metadata }) => {
    await files.write("/jobs/gone", "1");
    await metadata.set("/jobs/gone", "status", "ready");
    await files.write("/jobs/done", "2");
    await metadata.set("/jobs/done", "status", "completed");
    await files.write("/jobs/plain", "no work");
    await files.write("/jobs/w", "3");
    await queue.submit("/jobs/w", { dependsOn: ["/jobs/gone", "/jobs/done", "/jobs/plain"] });
    await metadata.set("/jobs/gone", "status", "completed");
    await files.delete("/jobs/gone");
  });
  const before = edges(dataDir);
  expect(before).toHaveLength(3);
  change(
    dataDir,
    `DELETE FROM work_dependencies WHERE reference <> '/jobs/gone';
     INSERT INTO work_dependencies SELECT ino, 7, '/jobs/invented', '/jobs/invented', NULL, NULL, 0 FROM work_dependencies`,
  );
  await repair(dataDir);
  expect(edges(dataDir)).toStrictEqual(before);
});

test("one that means a directory by now is there again and waits, and nobody gets the item early", async () => {
  const dataDir = await makeStore(async ({ files, queue }) => {
    await files.write("/jobs/first", "1");
    await queue.submit("/jobs/first");
    await files.write("/jobs/w", "2");
    await queue.submit("/jobs/w", { dependsOn: ["/jobs/later", "/jobs/first"] });
    await files.mkdir("/jobs/later");
  });
  const before = edges(dataDir);
  change(dataDir, "DELETE FROM work_dependencies");
  await repair(dataDir);
  expect(edges(dataDir)).toStrictEqual(before);
  await withStore(dataDir, async ({ queue }) => {
    expect(await queue.get("/jobs/w")).toMatchObject({ state: "blocked", blockerCount: 2 });
  });
});

test("a path_id means no file of another tenant afterwards, whatever order they are found in", async () => {
  const foreign = "/workspace/t2/a2/secret";
  const [own, item] = ["/workspace/t1/a1/own", "/workspace/t1/a1/w"];
  // The one before the item and the other after it, in order of inodes.
  const dataDir = await makeStore(async ({ files, metadata }) => {
    for (const path of [foreign, item, own, `${foreign}2`]) await files.write(path, path);
    for (const path of [foreign, own, `${foreign}2`]) await metadata.set(path, "status", "ready");
  });
  const ids = ["secret", "secret2", "own"].flatMap((name) =>
    rows(
      dataDir,
      `SELECT i.path_id FROM inodes i JOIN dentries d ON d.ino = i.ino WHERE d.name = '${name}'`,
    ).flat(),
  );
  const nexus = openNexus(dataDir);
  const tenant = nexus.featuresFor({ tenantId: "t1" as TenantId, isAdmin: false });
  await tenant.queue.submit(item, { dependsOn: ids as string[] });
  tenant.close();
  await nexus.close({ drainMs: 10_000 });
  const before = edges(dataDir);
  expect(before.map((edge) => (edge as unknown[])[2] === null)).toStrictEqual([true, true, false]);
  // The repair puts items that are lost into the open zone first, where everybody may mean them.
  change(dataDir, "DELETE FROM work_dependencies; DELETE FROM work_items");
  await repair(dataDir);
  expect(edges(dataDir)).toStrictEqual(before);
});

test("one that waits for a number that there can't be waits for what it means", async () => {
  const names = ["/jobs/first", "/jobs/second"];
  const dataDir = await makeStore(async ({ files, queue }) => {
    for (const name of names) {
      await files.write(name, name);
      await queue.submit(name);
    }
    await files.write("/jobs/w", "w");
    await queue.submit("/jobs/w", { dependsOn: names });
  });
  const before = edges(dataDir);
  change(
    dataDir,
    `UPDATE work_dependencies SET target_ino = 1 << 63 WHERE reference = '${names[0]}';
     DELETE FROM work_dependencies WHERE reference = '${names[1]}'`,
  );
  await repair(dataDir);
  await withStore(dataDir, async () => undefined);
  expect(edges(dataDir)).toStrictEqual(before);
});
