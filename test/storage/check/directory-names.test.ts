import { readFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, test } from "vitest";
import { change, fsck, makeStore, read } from "../../support/checked-store.js";

// Entries that lead elsewhere. A directory that two of them lead to shows tenants what is in each other's places.

const [OWN, FOREIGN] = ["/workspace/acme/coder", "/workspace/globex/writer"];

/** Each tenant has a directory with a file in it, a file, and an empty directory, as programs make them on a mount. */
async function twoTenants(): Promise<string> {
  const dataDir = await makeStore(async ({ files }) => {
    for (const [place, whose] of [
      [OWN, "own"],
      [FOREIGN, "foreign"],
    ] as const) {
      await files.mkdir(`${place}/${whose}-directory`, { parents: true });
      await files.write(`${place}/${whose}-directory/file`, `in the ${whose} directory`);
      await files.write(`${place}/${whose}-file`, `the ${whose} file`);
      await files.mkdir(`${place}/${whose}-empty`);
    }
  });
  // The library names a file when it is whole; open(2) names it when it makes it.
  change(dataDir, "UPDATE dentries SET cookie = ino WHERE name LIKE '%-file'");
  return dataDir;
}

/** As a wrong bit in one row of the table of entries does it. */
function mislead(dataDir: string, name: string, { to }: { to: string }): void {
  const set = `ino = (SELECT ino FROM dentries WHERE name = '${to}')`;
  change(dataDir, `UPDATE dentries SET ${set} WHERE name = '${name}'`);
}

/** All paths. */
function treeOf(dataDir: string): string[] {
  const database = new Database(join(dataDir, "metadata.db"), { readonly: true });
  try {
    const tree = `WITH RECURSIVE tree (ino, path) AS (SELECT 1, ''
      UNION ALL SELECT d.ino, path || '/' || name FROM tree JOIN dentries d ON parent = tree.ino)
      SELECT path FROM tree ORDER BY path`;
    return database.prepare<[], string>(tree).pluck().all();
  } finally {
    database.close();
  }
}

async function repaired(dataDir: string): Promise<readonly string[]> {
  const { code, repaired, rules } = await fsck(dataDir, "--repair");
  expect({ code, rules }).toStrictEqual({ code: 0, rules: [] });
  expect(await fsck(dataDir)).toMatchObject({ code: 0, rules: [] });
  return repaired;
}

function namesNoted(dataDir: string): unknown {
  const lines = readFileSync(join(dataDir, "lost+found", "record.jsonl"), "utf8")
    .trim()
    .split("\n");
  return lines.map((line) => (JSON.parse(line) as { paths: unknown }).paths);
}

describe("a name that leads elsewhere leads again to what it was made with", () => {
  test.each([
    ["foreign-directory", "own-directory"],
    ["foreign-directory", "own-empty"],
    ["foreign-file", "own-file"],
    ["foreign-empty", "acme"],
  ])("%s, which led to %s", async (name, to) => {
    const dataDir = await twoTenants();
    const before = treeOf(dataDir);
    mislead(dataDir, name, { to });
    const found = await fsck(dataDir);
    expect(found.rules).toContain("name.misled");
    expect(found.rules).not.toContain("directory.names");
    expect(found.rules).not.toContain("inode.named");
    expect(await repaired(dataDir)).toContain("name.misled");
    expect(treeOf(dataDir)).toStrictEqual(before);
    expect(await read(dataDir, `${FOREIGN}/foreign-file`)).toBe("the foreign file");
  });

  test("which was thought to be gone", async () => {
    const dataDir = await twoTenants();
    change(dataDir, "UPDATE dentries SET ino = 77777 WHERE name = 'own-file'");
    expect(await fsck(dataDir)).toMatchObject({ code: 1, rules: ["name.misled"] });
    expect(await repaired(dataDir)).toStrictEqual(["name.misled"]);
    expect(await read(dataDir, `${OWN}/own-file`)).toBe("the own file");
  });

  test("but not if another name says the same of itself", async () => {
    const dataDir = await twoTenants();
    const own = "(SELECT ino FROM dentries WHERE name = 'own-file')";
    change(dataDir, `UPDATE dentries SET cookie = ${own} WHERE name = 'foreign-file'`);
    mislead(dataDir, "own-file", { to: "foreign-file" });
    const { repaired } = await fsck(dataDir, "--repair");
    expect(repaired).not.toContain("name.misled");
  });
});

describe("a directory with two names", () => {
  /** As a move between directories does it. */
  const moved = (dataDir: string, ...names: readonly string[]) => {
    for (const name of names) {
      change(dataDir, `UPDATE dentries SET cookie = 50000 + cookie WHERE name = '${name}'`);
    }
  };

  test("keeps the one that it was made with, and what the other one led to is found", async () => {
    const dataDir = await twoTenants();
    moved(dataDir, "foreign-directory");
    mislead(dataDir, "foreign-directory", { to: "own-directory" });
    expect(await repaired(dataDir)).toContain("directory.names");
    const tree = treeOf(dataDir);
    expect(tree).toContain(`${OWN}/own-directory/file`);
    expect(tree).not.toContain(`${FOREIGN}/foreign-directory`);
    expect(tree).toContainEqual(expect.stringMatching(/^\/system\/lost\+found\/ino-\d+\/file$/));
    expect(namesNoted(dataDir)).toStrictEqual([
      [`${OWN}/own-directory`, `${FOREIGN}/foreign-directory`],
    ]);
  });

  test("keeps the one that says that it is a directory", async () => {
    const dataDir = await twoTenants();
    moved(dataDir, "own-directory", "foreign-file");
    mislead(dataDir, "foreign-file", { to: "own-directory" });
    expect(await repaired(dataDir)).toContain("directory.names");
    const tree = treeOf(dataDir);
    expect(tree).toContain(`${OWN}/own-directory/file`);
    expect(tree.filter((path) => path.startsWith(`${FOREIGN}/foreign-file`))).toStrictEqual([]);
    expect(tree).toContainEqual(expect.stringMatching(/^\/system\/lost\+found\/ino-\d+$/));
  });

  test("is in no place of tenants where nothing tells whose it is", async () => {
    const dataDir = await twoTenants();
    moved(dataDir, "own-directory", "foreign-directory");
    mislead(dataDir, "foreign-directory", { to: "own-directory" });
    const { report } = await fsck(dataDir);
    expect(report?.findings.map(({ what }) => what)).toContain(
      `it has more than one name: ${OWN}/own-directory, ${FOREIGN}/foreign-directory`,
    );
    expect(await repaired(dataDir)).toContain("directory.names");
    const tree = treeOf(dataDir);
    expect(tree.filter((path) => path.endsWith("-directory"))).toStrictEqual([]);
    const found = tree.filter((path) => /^\/system\/lost\+found\/ino-\d+\/file$/.test(path));
    const texts: string[] = [];
    for (const path of found) texts.push(await read(dataDir, path));
    expect(texts.sort()).toStrictEqual(["in the foreign directory", "in the own directory"]);
    expect(namesNoted(dataDir)).toStrictEqual([
      [`${OWN}/own-directory`, `${FOREIGN}/foreign-directory`],
    ]);
  });

  test("one of which lies below itself has an end again", async () => {
    const dataDir = await twoTenants();
    const before = treeOf(dataDir);
    moved(dataDir, "own-directory");
    mislead(dataDir, "own-directory", { to: "acme" });
    await repaired(dataDir);
    const tree = treeOf(dataDir);
    expect(tree).toContain(`${OWN}/own-file`);
    expect(before.filter((path) => !tree.includes(path))).toStrictEqual([
      `${OWN}/own-directory`,
      `${OWN}/own-directory/file`,
    ]);
  });
});
