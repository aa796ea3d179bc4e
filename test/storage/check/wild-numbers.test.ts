import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { FIRST_VIRTUAL_INO } from "../../../src/model/ids.js";
import { change, fsck, makeStore, read, TEXT, withStore } from "../../support/checked-store.js";
import { afterKill } from "../../support/crash.js";
import { problemsIn } from "../../support/data-directory.js";

// A bit of a number that there is, and it is one that no store gives.

const WILD = "4611686018427387905";
const A = "(SELECT ino FROM dentries WHERE name = 'a')";

/** The numbers of what `/documents/new` is: in range, as a store must go on as if nothing had been. */
async function numbersOfNewFile(dataDir: string): Promise<number[]> {
  await withStore(dataDir, async ({ files }) => {
    await files.write("/documents/new", "new");
  });
  expect(await read(dataDir, "/documents/new")).toBe("new");
  const database = new Database(join(dataDir, "metadata.db"), { readonly: true });
  const found = database.prepare("SELECT ino, cookie FROM dentries WHERE name = 'new'").raw().get();
  const next = database.prepare("SELECT next_id FROM store_state").pluck().get() as number;
  database.close();
  return [...(found as number[]), next];
}

test("an inode gets another number in all that is of it, an entry another cookie, and new files go on behind those that were given", async () => {
  const dataDir = await makeStore(async ({ files, metadata, queue }) => {
    await metadata.set("/documents/a", "key", "value");
    await queue.submit("/documents/a");
    await files.write("/documents/waits", "w");
    await queue.submit("/documents/waits", { dependsOn: ["/documents/a"] });
  });
  const columns = [
    ...["dentries.ino", "file_metadata.ino", "work_items.ino", "work_dependencies.target_ino"],
    "inodes.ino",
  ];
  change(
    dataDir,
    `CREATE TEMP TABLE it AS SELECT ${A} AS ino; ${columns
      .map((each) => each.split("."))
      .map(
        ([table, ino]) =>
          `UPDATE ${table} SET ${ino} = ${WILD} WHERE ${ino} = (SELECT ino FROM it)`,
      )
      .join("; ")};
     UPDATE dentries SET cookie = ${WILD} WHERE name = 'b';
     UPDATE dentries SET cookie = ~(1 << 63) WHERE name = 'waits'`,
  );
  const { code, rules, report } = await fsck(dataDir);
  const broken = ["inode.number", "name.cookie", "name.cookie"];
  expect({ code, rules }).toStrictEqual({ code: 1, rules: broken });
  expect(report?.findings[0]).toMatchObject({
    what: `its entry 'a' leads to inode ${WILD}, a number that no inode has`,
    paths: ["/documents"],
  });
  expect(await fsck(dataDir, "--repair")).toMatchObject({ code: 0, repaired: broken });
  expect(await read(dataDir, "/documents/a")).toBe(TEXT);
  await withStore(dataDir, async ({ metadata, queue }) => {
    expect(await metadata.get("/documents/a", "key")).toBe("value");
    expect(await queue.dependencies("/documents/waits")).toMatchObject([
      { path: "/documents/a", state: "waiting" },
    ]);
  });
  for (const number of await numbersOfNewFile(dataDir)) expect(number).toBeLessThan(2 ** 31);
  expect(problemsIn(dataDir)).toStrictEqual([]);
});

test("what was staged under a number that its file doesn't say any more is put away, and no file gets it", async () => {
  const before = await makeStore();
  const dataDir = await withStore(before, async ({ files, metadata }) => {
    await files.write("/documents/a", "written last");
    await metadata.set("/documents/b", "key", "value");
    return afterKill(before);
  });
  await fsck(dataDir);
  change(dataDir, `UPDATE inodes SET staging_id = ${WILD} WHERE ino = ${A}`);
  const { rules } = await fsck(dataDir);
  expect(rules).toEqual(expect.arrayContaining(["staging.number", "staging.present"]));
  const { repaired } = await fsck(dataDir, "--repair");
  expect(repaired).toContain("staging.number");
  expect(await fsck(dataDir)).toMatchObject({ code: 0, rules: [] });
  // What it had before its last content.
  expect(await read(dataDir, "/documents/a")).toBe(TEXT);
  const away = readdirSync(join(dataDir, "lost+found")).filter((name) => !name.endsWith(".jsonl"));
  expect(away.map((name) => readFileSync(join(dataDir, "lost+found", name), "utf8"))).toStrictEqual(
    ["written last"],
  );
  for (const number of await numbersOfNewFile(dataDir)) expect(number).toBeLessThan(2 ** 31);
});

test("no number is given that stands for something else", async () => {
  const dataDir = await makeStore();
  change(dataDir, `UPDATE store_state SET next_id = ${FIRST_VIRTUAL_INO - 5}`);
  await withStore(dataDir, async ({ files }) => {
    await expect(files.write("/documents/new", "new")).rejects.toMatchObject({ kind: "no-space" });
  });
});
