import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { layoutOf } from "../../../src/storage/content/local/layout.js";
import { verifyContents } from "../../../src/storage/content/local/verify-contents.js";
import { backUp } from "../../support/backups.js";
import {
  change,
  fsck,
  makeStore,
  OTHER,
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
