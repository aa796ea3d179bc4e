import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, test } from "vitest";
import { backUp, restore } from "../../support/backups.js";
import { blob, fsck } from "../../support/checked-store.js";
import { hashOf, problemsIn } from "../../support/data-directory.js";
import { testDir } from "../../support/temp-dir.js";
import { World } from "../../vfs/world.js";

// What a damaged database says of contents: fewer than its files have, or other ones.

const DAMAGES = {
  "isn't in the list of contents": "DELETE FROM contents WHERE hash = ?",
  "counts as nobody's": "UPDATE contents SET ref_count = 0 WHERE hash = ?",
};

/** A store with two files, one of which has a content of which its database knows too little. */
async function damagedWorld(sql: string): Promise<World> {
  const world = new World();
  for (const name of ["good", "doubtful"]) await world.write(name, name);
  await world.sealed("good", "doubtful");
  await world.metadata.sync();
  const database = new Database(join(world.dataDir, "metadata.db"));
  database.prepare(sql).run(hashOf("doubtful"));
  database.close();
  return world;
}

describe.each(Object.entries(DAMAGES))("a content of a file that %s", (_, sql) => {
  test("is in the backup, and in what is restored of it", async () => {
    const [world, to] = [await damagedWorld(sql), testDir()];
    const result = await backUp(world, { to });
    expect(result).toMatchObject({ contents: 2, bytes: 12, damaged: [], copied: { contents: 2 } });
    const { dataDir, damaged } = await restore(to);
    expect(damaged).toStrictEqual([]);
    expect(problemsIn(dataDir)).toStrictEqual([]);
    const back = new World({ dataDir });
    expect(await back.read("doubtful")).toBe("doubtful");
    // And counted: removing another file with it takes it from nobody.
    const [row] = countsIn(join(dataDir, "metadata.db"));
    expect(row).toStrictEqual({ hash: hashOf("doubtful"), count: 1 });
  });

  test("is told of when it is damaged or gone, and no older snapshot is removed", async () => {
    const [world, to] = [await damagedWorld(sql), testDir()];
    await backUp(world, { to });
    for (const directory of [to, world.dataDir]) rmSync(blob(directory, "doubtful"));
    const damaged = [{ problem: "missing", hash: hashOf("doubtful"), paths: ["/doubtful"] }];
    const result = await backUp(world, { to, keep: 1 });
    expect(result).toMatchObject({ damaged, removed: undefined, snapshots: 2 });
  });

  test("is kept for a snapshot whose own database says so, and restored of it", async () => {
    const [world, to] = [await damagedWorld("SELECT ?"), testDir()];
    await backUp(world, { to });
    const { snapshot } = await backUp(world, { to });
    changeSnapshot(join(to, "snapshots", snapshot), sql);
    await world.unlink("doubtful");
    const { removed } = await backUp(world, { to, keep: 2 });
    expect(removed).toStrictEqual({ snapshots: 1, contents: 0, bytes: 0 });
    const { dataDir, damaged } = await restore(to, { snapshot });
    expect(damaged).toStrictEqual([]);
    expect(problemsIn(dataDir)).toStrictEqual([]);
    expect(await new World({ dataDir }).read("doubtful")).toBe("doubtful");
  });
});

test("a content of which the list has another size is in the backup, and is restored", async () => {
  const [world, to] = [
    await damagedWorld("UPDATE contents SET size_bytes = -5 WHERE hash = ?"),
    testDir(),
  ];
  for (const _ of ["first", "second"]) {
    expect((await backUp(world, { to })).damaged).toStrictEqual([]);
  }
  const { dataDir, damaged } = await restore(to);
  expect(damaged).toStrictEqual([]);
  expect(readFileSync(blob(dataDir, "doubtful"), "utf8")).toBe("doubtful");
  expect(await fsck(dataDir, "--repair")).toMatchObject({ code: 0, repaired: ["content.size"] });
  expect(await new World({ dataDir }).read("doubtful")).toBe("doubtful");
});

test("a file whose content is named by no hash is told of", async () => {
  const [world, to] = [await damagedWorld("SELECT ?"), testDir()];
  const database = new Database(join(world.dataDir, "metadata.db"));
  database
    .prepare("UPDATE inodes SET content_hash = '../x' WHERE content_hash = ?")
    .run(hashOf("doubtful"));
  database.close();
  const damaged = [{ problem: "missing", hash: "../x", paths: ["/doubtful"] }];
  expect(await backUp(world, { to })).toMatchObject({ damaged });
  expect((await restore(to)).damaged).toStrictEqual(damaged);
});

function countsIn(path: string): unknown[] {
  const database = new Database(path, { readonly: true });
  try {
    const sql = "SELECT hash, ref_count AS count FROM contents WHERE hash = ?";
    return database.prepare(sql).all(hashOf("doubtful"));
  } finally {
    database.close();
  }
}

/** As a program before this one could have written it. */
function changeSnapshot(snapshot: string, sql: string): void {
  const [path, manifestPath] = [join(snapshot, "metadata.db"), join(snapshot, "backup.json")];
  const database = new Database(path);
  database.prepare(sql).run(hashOf("doubtful"));
  database.close();
  const bytes = readFileSync(path);
  const described = { sizeBytes: bytes.length, sha256: hashOf(bytes) };
  const manifest = JSON.parse(readFileSync(manifestPath, "utf8")) as object;
  writeFileSync(manifestPath, JSON.stringify({ ...manifest, database: described }));
}
