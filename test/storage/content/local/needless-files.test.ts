import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { StagingId } from "../../../../src/model/ids.js";
import { layoutOf } from "../../../../src/storage/content/local/layout.js";
import { LocalContentJobs } from "../../../../src/storage/content/local/local-content-jobs.js";
import { openContentStore } from "../../../support/stores.js";
import { testDir } from "../../../support/temp-dir.js";
import { hashOf } from "../fixture.js";

test("what is unfinished because a seal is at it isn't what a seal has left", async () => {
  const dataDir = testDir();
  await openContentStore(dataDir).close();
  const jobs = new LocalContentJobs(layoutOf(dataDir));
  const bytes = Buffer.from("text");
  const hash = hashOf(bytes);
  const id = 1 as StagingId;
  const left = join(dataDir, "staging", "9.new");
  writeFileSync(left, "left");
  await jobs.hash([{ id, bytes }]);
  const sealed = jobs.seal([{ id, hash, sizeBytes: bytes.length }]);
  // Until the seal has begun, and waits for the disk; nothing else has a turn meanwhile.
  const isBegun = () => existsSync(join(dataDir, "staging", `${hash}.new`));
  for (let step = 0; step < 100 && !isBegun(); step++) await Promise.resolve();
  expect(isBegun()).toBe(true);
  const found = await jobs.handleNeedless({
    ...{ what: "unfinished", action: "remove", changedBeforeMs: Date.now() + 1000 },
  });
  expect(found.old).toStrictEqual({ files: 1, bytes: 4 });
  expect(await sealed).toMatchObject([{ hash, sizeBytes: 4 }]);
  expect(existsSync(left)).toBe(false);
  await jobs.close();
});
