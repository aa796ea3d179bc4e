import { appendFileSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { Journal, type JournalEntry } from "../../../../src/storage/metadata/sqlite/journal.js";
import { bytesOfLength } from "../../../support/bytes.js";
import { kindOf } from "../../../support/error-kind.js";
import { SmallDisk, WHY_NO_SMALL_DISKS } from "../../../support/small-disk.js";
import { testDir } from "../../../support/temp-dir.js";

const HEADER_BYTES = 24;
const STORE_NUMBER = 0xfedcba98;

function journals({ mayMap }: { mayMap: boolean }) {
  const open = (path: string): Journal => {
    const journal = new Journal(path, { storeNumber: STORE_NUMBER, mayMap });
    onTestFinished(() => journal.close());
    return journal;
  };
  /** A journal of batch 1 that has these operations, and its path. */
  const written = (...operations: JournalEntry[][]): { journal: Journal; path: string } => {
    const path = join(testDir(), "journal");
    const journal = open(path);
    journal.start(1);
    for (const entries of operations) journal.append(entries);
    return { journal, path };
  };
  /** What a process finds that opens the journal next. */
  const replayed = (path: string, batch = 1): JournalEntry[][] => plain(open(path).replay(batch));
  return { open, written, replayed };
}

/** With all blobs as Buffers, whatever kind of bytes they are. */
function plain(operations: JournalEntry[][]): JournalEntry[][] {
  return operations.map((entries) =>
    entries.map(
      ([sql, ...params]): JournalEntry => [
        sql,
        ...params.map((value) => (value instanceof Uint8Array ? Buffer.from(value) : value)),
      ],
    ),
  );
}

const A: JournalEntry[] = [["INSERT a", 1, "x"]];
const B: JournalEntry[] = [
  ["UPDATE b", 2],
  ["INSERT a", 3, null],
];
const C: JournalEntry[] = [["INSERT a", 4, "z"]];

describe.each([
  ["is mapped", { mayMap: true }],
  ["is written", { mayMap: false }],
])("a journal that %s", (_, options) => {
  const { open, written, replayed } = journals(options);

  test("gives back the operations of its batch, in their order", () => {
    const { path } = written(A, B, C);
    expect(replayed(path)).toStrictEqual([A, B, C]);
  });

  test("gives back what it was given, whatever it was", () => {
    const value = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.maxSafeInteger(),
      fc.constant(null),
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      fc.constantFrom('{"blob":"eA=="}', "\u2028", "\0", "1"),
    );
    const entry = fc.tuple(fc.constantFrom("INSERT a", "UPDATE b", "DELETE c"), value, value);
    const operations = fc.array(fc.array(entry, { minLength: 1, maxLength: 4 }), { maxLength: 8 });
    const path = join(testDir(), "journal");
    const journal = open(path);
    let batch = 0;
    const property = fc.property(operations, (batchOf: JournalEntry[][]) => {
      batch += 1;
      journal.start(batch);
      for (const entries of batchOf) journal.append(entries);
      expect(plain(journal.replay(batch))).toStrictEqual(batchOf);
    });
    fc.assert(property, { numRuns: 300 });
  });

  test("spells a statement out once in a batch, and not again after a replay", () => {
    const sql = `INSERT ${"a".repeat(1000)}`;
    const { journal, path } = written([[sql, 1]]);
    const first = journal.sizeBytes;
    expect(first).toBeGreaterThan(1000);
    journal.append([[sql, 2]]);
    expect(journal.sizeBytes - first).toBeLessThan(100);

    const next = open(path);
    next.replay(1);
    const before = next.sizeBytes;
    next.append([
      [sql, 3],
      ["another", 4],
      ["another", 5],
    ]);
    expect(next.sizeBytes - before).toBeLessThan(200);
    expect(replayed(path)).toStrictEqual([
      [[sql, 1]],
      [[sql, 2]],
      [
        [sql, 3],
        ["another", 4],
        ["another", 5],
      ],
    ]);
  });

  test("keeps large operations, and goes on after them", () => {
    const large: JournalEntry[] = [["INSERT a", bytesOfLength(5_000_000), "é".repeat(1_000_000)]];
    const { path } = written(A, large, C);
    const [first, second, third] = replayed(path);
    expect([first, third]).toStrictEqual([A, C]);
    // Compared as a whole: a difference would be printed for minutes.
    const [, bytes, text] = second?.[0] ?? [];
    expect((bytes as Buffer).equals(large[0]?.[1] as Buffer)).toBe(true);
    expect(text === large[0]?.[2]).toBe(true);
  });

  test("starts over with a batch: what was before counts no more", () => {
    const { journal, path } = written(A, B, C);
    journal.start(2);
    expect(journal.sizeBytes).toBe(0);
    expect(replayed(path, 2)).toStrictEqual([]);
    journal.append(C);
    // A and the rest of the first batch lie behind the one record of the second.
    expect(replayed(path, 2)).toStrictEqual([C]);
    expect(replayed(path, 1)).toStrictEqual([]);
    expect(replayed(path, 3)).toStrictEqual([]);
  });

  test("isn't confused by an older batch whose records are just as long", () => {
    const { journal, path } = written(A, A, A);
    journal.start(2);
    journal.append(A);
    expect(replayed(path, 2)).toStrictEqual([A]);
  });

  test("goes on after a replay, with the same batch", () => {
    const { path } = written(A, B);
    const next = open(path);
    next.replay(1);
    next.append(C);
    expect(replayed(path)).toStrictEqual([A, B, C]);
  });

  test("a new one is empty, in every batch", () => {
    const path = join(testDir(), "journal");
    expect([replayed(path, 0), replayed(path, 1)]).toStrictEqual([[], []]);
  });
});

describe("a damaged journal", () => {
  const { open, written, replayed } = journals({ mayMap: true });

  test("ends before the record that is torn, wherever that is torn", () => {
    const { journal, path } = written(A, B);
    const end = journal.sizeBytes;
    journal.append(C);
    const whole = readFileSync(path);
    for (let kept = end; kept < journal.sizeBytes; kept++) {
      // The rest was not written: zeros, or the end of the file.
      const torn = Buffer.concat([whole.subarray(0, kept), Buffer.alloc(whole.length - kept)]);
      if (torn.equals(whole)) continue;
      writeFileSync(path, torn);
      expect(replayed(path)).toStrictEqual([A, B]);
      truncateSync(path, kept);
      expect(replayed(path)).toStrictEqual([A, B]);
    }
  });

  test("ends before a record with any bit changed", () => {
    const { journal, path } = written(A);
    const end = journal.sizeBytes;
    journal.append(B);
    const whole = readFileSync(path);
    for (let at = end; at < journal.sizeBytes; at++) {
      const changed = Buffer.from(whole);
      changed.writeUInt8((whole[at] ?? 0) ^ 0x10, at);
      writeFileSync(path, changed);
      expect(replayed(path)).toStrictEqual([A]);
    }
  });

  test.each([
    ["nothing", Buffer.alloc(0)],
    ["zeros", Buffer.alloc(4096)],
    ["ones", Buffer.alloc(4096, 0xff)],
    ["noise", bytesOfLength(2 * 1024 * 1024)],
    ["half a header", bytesOfLength(HEADER_BYTES / 2)],
  ])("with %s in it has no operations, and works", (_, garbage) => {
    const path = join(testDir(), "journal");
    writeFileSync(path, garbage);
    const journal = open(path);
    expect(journal.replay(0)).toStrictEqual([]);
    journal.start(7);
    journal.append(A);
    journal.append(B);
    expect(replayed(path, 7)).toStrictEqual([A, B]);
  });

  test("garbage after the last record is not taken for one", () => {
    const { journal, path } = written(A, B);
    truncateSync(path, journal.sizeBytes);
    appendFileSync(path, bytesOfLength(10_000));
    expect(replayed(path)).toStrictEqual([A, B]);
  });
});

describe("a journal without room", () => {
  const { open, replayed } = journals({ mayMap: true });

  test("of which a copy with holes was restored gives an error, too", ({ skip }) => {
    if (WHY_NO_SMALL_DISKS !== undefined) skip(WHY_NO_SMALL_DISKS);
    const disk = new SmallDisk({ sizeBytes: 512 * 1024 });
    const path = join(disk.path, "journal");
    writeFileSync(path, "");
    truncateSync(path, 1024 * 1024);
    const journal = open(path);
    journal.start(1);
    disk.fill();
    // A store into a hole would end the process.
    expect(kindOf(() => journal.append(A))).toBe("no-space");
    disk.free();
    journal.append(B);
    expect(replayed(path)).toStrictEqual([B]);
  });

  test("can't be opened: no-space", ({ skip }) => {
    if (WHY_NO_SMALL_DISKS !== undefined) skip(WHY_NO_SMALL_DISKS);
    const disk = new SmallDisk({ sizeBytes: 512 * 1024 });
    expect(kindOf(() => new Journal(join(disk.path, "journal"), { storeNumber: 1 }))).toBe(
      "no-space",
    );
  });

  test("refuses an operation and goes on with those that fit, statement numbers intact", ({
    skip,
  }) => {
    if (WHY_NO_SMALL_DISKS !== undefined) skip(WHY_NO_SMALL_DISKS);
    const disk = new SmallDisk({ sizeBytes: 1280 * 1024 });
    const path = join(disk.path, "journal");
    const journal = open(path);
    journal.start(1);
    journal.append(A);
    const tooLarge: JournalEntry = ["never seen before", bytesOfLength(2 * 1024 * 1024)];
    expect(kindOf(() => journal.append([tooLarge]))).toBe("no-space");
    const again: JournalEntry[] = [["never seen before", 1]];
    journal.append(again);
    journal.append(again);
    expect(replayed(path)).toStrictEqual([A, again, again]);
  });
});

test("what was written under another number counts no more, not even behind new records", () => {
  const { open, written } = journals({ mayMap: true });
  const { path } = written(A, A, A, A);
  const journal = open(path);
  journal.renumber(STORE_NUMBER + 1);
  journal.start(1);
  journal.append(A);
  const next = new Journal(path, { storeNumber: STORE_NUMBER + 1 });
  onTestFinished(() => next.close());
  expect(plain(next.replay(1))).toStrictEqual([A]);
});
