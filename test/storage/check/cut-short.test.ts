import { describe, expect, test, vi } from "vitest";
import { NexusError } from "../../../src/model/errors.js";
import { connect } from "../../../src/sdk/connect.js";
import { BehindNote } from "../../../src/storage/behind-note.js";
import { Quarantine } from "../../../src/storage/content/local/quarantine.js";
import { SqliteMetadataStore } from "../../../src/storage/metadata/sqlite/sqlite-metadata-store.js";
import {
  change,
  cutRepair,
  fsck,
  makeStore,
  putAway,
  withStore,
} from "../../support/checked-store.js";
import { afterKill } from "../../support/crash.js";
import { testDir } from "../../support/temp-dir.js";

// A repair that ends before it has put away what is lost, and what a start and the next one make of that.

const SMALL = "small and staged";
const LARGE = "large".repeat(20_000);
const DAY_MS = 24 * 3600 * 1000;

/** A store whose process was killed before it had sealed what it wrote. */
async function killedStore(): Promise<string> {
  const dataDir = await makeStore();
  return await withStore(dataDir, async ({ files }) => {
    await files.write("/documents/small", SMALL);
    await files.write("/documents/large", LARGE);
    return afterKill(dataDir);
  });
}

async function start(dataDir: string): Promise<void> {
  await (await connect({ dataDir, logLevel: "fatal" })).close();
}

describe("what only the journal had is put away in the end", () => {
  test("when the row that the journal is known by was lost", async () => {
    const dataDir = await killedStore();
    change(dataDir, "DELETE FROM store_state");
    await cutRepair(dataDir);
    await start(dataDir);
    expect(await fsck(dataDir, "--repair")).toMatchObject({ code: 0, rules: [] });
    expect(putAway(dataDir)).toStrictEqual([LARGE, SMALL]);
  });
});

describe("what was being written is put away in the end", () => {
  test("when the store has gone on with an older state more than a week ago", async () => {
    const dataDir = await killedStore();
    await cutRepair(dataDir); // brings the journal into the database
    change(dataDir, "DELETE FROM inodes WHERE staging_id IS NOT NULL");
    const note = new BehindNote(dataDir);
    note.goOn({ sinceMs: Date.now() - 8 * DAY_MS, why: "why" });
    const put = vi.spyOn(Quarantine.prototype, "put").mockImplementation(() => {
      throw new Error("the disk fails");
    });
    try {
      expect((await fsck(dataDir, "--repair")).rules).toContain("store.start");
    } finally {
      put.mockRestore();
    }
    await start(dataDir);
    expect(await fsck(dataDir, "--repair")).toMatchObject({ code: 0, rules: [] });
    expect(putAway(dataDir)).toStrictEqual([LARGE, SMALL]);
    expect(note.read()).toBeUndefined();
  });
});

test("a repair whose store can't be opened isn't over", async () => {
  const dataDir = await makeStore();
  change(dataDir, "DELETE FROM inodes WHERE content_hash IS NOT NULL");
  const staged = vi
    .spyOn(SqliteMetadataStore.prototype, "stagedContents")
    .mockImplementation(() => {
      throw new NexusError("corrupt", "nobody knows why");
    });
  try {
    const { rules } = await fsck(dataDir, "--repair");
    expect(rules).toStrictEqual(["repair.unfinished", "store.start"]);
  } finally {
    staged.mockRestore();
  }
  expect(await fsck(dataDir, "--repair")).toMatchObject({ code: 0, rules: [] });
});

describe("a note that a repair has begun", () => {
  const noted = (work: (note: BehindNote) => void) => {
    const note = new BehindNote(testDir());
    work(note);
    return note.read();
  };
  const [sinceMs, why] = [5, "first"];
  const later = { sinceMs: 9, why: "later" };

  test("says of a store that went on with an older state that it did", () => {
    expect(
      noted((note) => {
        note.goOn({ sinceMs, why });
        note.beginRepair({ ...later, lacks: "rows" });
      }),
    ).toStrictEqual({ sinceMs, why, notedBy: "repair" });
  });

  test("stays one of a repair, and says that changes are lacking, when a start finds that so", () => {
    expect(
      noted((note) => {
        note.beginRepair({ sinceMs, why, lacks: "rows" });
        note.goOn(later);
      }),
    ).toStrictEqual({ ...later, notedBy: "repair" });
  });

  test.each(["changes", "rows"] as const)("is that of the first repair that lacked %s", (lacks) => {
    const begin = (note: BehindNote) => note.beginRepair({ sinceMs, why, lacks });
    const first = noted(begin);
    const second = noted((note) => {
      begin(note);
      note.beginRepair({ ...later, lacks: "rows" });
    });
    expect(second).toStrictEqual(first);
  });
});
