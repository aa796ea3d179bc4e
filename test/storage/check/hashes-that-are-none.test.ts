import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, test } from "vitest";
import { layoutOf } from "../../../src/storage/content/local/layout.js";
import { verifyContents } from "../../../src/storage/content/local/verify-contents.js";
import { backUp } from "../../support/backups.js";
import {
  change,
  fsck,
  makeStore,
  OTHER,
  putAway,
  read,
  TEXT,
  withStore,
} from "../../support/checked-store.js";
import { hashOf, problemsIn } from "../../support/data-directory.js";
import { kindOfLater } from "../../support/error-kind.js";
import { openNexus } from "../../support/stores.js";
import { testDir } from "../../support/temp-dir.js";

/** Where contents are, this is the way to a file beside the data directory. */
const WAY_OUT = ".././victim";

async function storeWithVictim(): Promise<{ dataDir: string; victim: string }> {
  const dataDir = await makeStore();
  const victim = join(dataDir, "..", "victim");
  writeFileSync(victim, "of somebody else");
  return { dataDir, victim };
}

test("a listed content that is the way to another file costs that file nothing, and goes with a repair", async () => {
  const { dataDir, victim } = await storeWithVictim();
  change(
    dataDir,
    `INSERT INTO contents VALUES ('${WAY_OUT}', 16, 8, 0, 'then'), ('', 0, 0, 0, 'then'), ('${"A".repeat(64)}', 0, 0, 0, 'then')`,
  );
  // What is really needless is removed all the same.
  await withStore(dataDir, async ({ files }) => {
    await files.delete("/documents/b");
  });
  expect(existsSync(victim)).toBe(true);
  expect(existsSync(join(dataDir, "cas", hashOf(OTHER).slice(0, 2)))).toBe(false);
  expect(await fsck(dataDir)).toMatchObject({
    ...{ code: 1, rules: Array(3).fill("content.listed-hash") },
  });
  expect(await fsck(dataDir, "--repair")).toMatchObject({ code: 0, rules: [] });
  expect(readFileSync(victim, "utf8")).toBe("of somebody else");
  expect(problemsIn(dataDir)).toStrictEqual([]);
});

test("a file whose content is the way to another file can't be read, and all others can", async () => {
  const { dataDir, victim } = await storeWithVictim();
  change(
    dataDir,
    `INSERT INTO contents VALUES ('${WAY_OUT}', 16, 8, 1, 'then');
     UPDATE inodes SET content_hash = '${WAY_OUT}', size_bytes = 16, staging_id = 4711
       WHERE content_hash = '${hashOf(TEXT)}'`,
  );
  expect(await kindOfLater(read(dataDir, "/documents/a"))).toBe("corrupt");
  change(dataDir, "UPDATE inodes SET staging_id = NULL");
  expect(await kindOfLater(read(dataDir, "/documents/a"))).toBe("corrupt");
  expect(await read(dataDir, "/documents/b")).toBe(OTHER);

  const nexus = openNexus(dataDir);
  try {
    const { damaged } = await backUp({ nexus, dataDir }, { to: testDir() });
    expect(damaged).toMatchObject([{ problem: "missing", paths: ["/documents/a"] }]);
  } finally {
    await nexus.close({ drainMs: 1000 });
  }
  const repaired = await fsck(dataDir, "--repair");
  expect(repaired).toMatchObject({ code: 1, rules: ["content.hash"] });
  expect(repaired.repaired).toContain("content.listed-hash");
  expect(readFileSync(victim, "utf8")).toBe("of somebody else");
});

test("the scrub calls such a content missing, and goes on", async () => {
  const { dataDir } = await storeWithVictim();
  const contents = [WAY_OUT, hashOf(OTHER)].map((hash) => ({
    hash: hash as never,
    sizeBytes: OTHER.length,
  }));
  const found = await verifyContents(
    layoutOf(dataDir),
    { contents, bytesPerSecond: 2 ** 40 },
    { signal: new AbortController().signal },
  );
  expect(found).toMatchObject({ count: 2, wrong: [{ hash: WAY_OUT, problem: "missing" }] });
});

describe("a NUL", () => {
  const WITH_NUL = "|| char(0) || 'x'";

  test("makes of the hash of a file none", async () => {
    const dataDir = await makeStore();
    const set = `content_hash = content_hash ${WITH_NUL}`;
    change(dataDir, `UPDATE inodes SET ${set} WHERE content_hash = '${hashOf(TEXT)}'`);
    expect((await fsck(dataDir)).rules).toContain("content.hash");
    expect(await fsck(dataDir, "--repair")).toMatchObject({ code: 1, rules: ["content.hash"] });
    expect(putAway(dataDir)).toStrictEqual([TEXT]);
  });

  test("makes of the hash in the list none, which is listed anew", async () => {
    const dataDir = await makeStore();
    change(dataDir, `UPDATE contents SET hash = hash ${WITH_NUL} WHERE hash = '${hashOf(TEXT)}'`);
    expect((await fsck(dataDir)).rules).toContain("content.listed-hash");
    expect(await fsck(dataDir, "--repair")).toMatchObject({ code: 0, rules: [] });
    expect(await fsck(dataDir)).toMatchObject({ code: 0, rules: [] });
    expect(await read(dataDir, "/documents/a")).toBe(TEXT);
  });

  test("makes of a path_id none", async () => {
    const dataDir = await makeStore();
    change(dataDir, `UPDATE inodes SET path_id = path_id ${WITH_NUL} WHERE ino <> 1`);
    expect((await fsck(dataDir)).rules).toContain("inode.path-id");
  });
});

describe("a bit of the last hash in the list", () => {
  /** Of its first byte: the table isn't in order then, or the hash is no UTF-8. */
  async function wrongBit(bit: number): Promise<string> {
    const dataDir = await makeStore(async ({ files }) => {
      // One of those whose hash begins with a letter.
      for (let number = 0; number < 8; number++)
        await files.write(`/documents/${number}`, `${number}`);
    });
    const path = join(dataDir, "metadata.db");
    const database = new Database(path);
    const last = database.prepare<[], string>("SELECT max(hash) FROM contents").pluck().get() ?? "";
    const root = database
      .prepare<[], number>("SELECT rootpage FROM sqlite_schema WHERE name = 'contents'")
      .pluck()
      .get();
    const pageBytes = database.pragma("page_size", { simple: true }) as number;
    database.pragma("wal_checkpoint(TRUNCATE)");
    database.close();
    const bytes = readFileSync(path);
    // Its page's list of cells ends with the cell that has it.
    const page = ((root ?? 0) - 1) * pageBytes;
    const cell = bytes.readUInt16BE(page + 8 + 2 * (bytes.readUInt16BE(page + 3) - 1));
    const at = bytes.indexOf(last, page + cell);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
    writeFileSync(path, bytes);
    return dataDir;
  }

  test.each([5, 7])("(bit %d) keeps nobody from the end of the list", async (bit) => {
    const dataDir = await wrongBit(bit);
    const { code, report } = await fsck(dataDir);
    expect(code).toBe(1);
    expect(report?.findings.length).toBeGreaterThan(0);
    expect(await fsck(dataDir, "--repair")).toMatchObject({ rules: [] });
    expect(await fsck(dataDir)).toMatchObject({ code: 0, rules: [] });
  });
});
