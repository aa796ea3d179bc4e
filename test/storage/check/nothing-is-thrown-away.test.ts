import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { Quarantine } from "../../../src/storage/content/local/quarantine.js";
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
import { hashOf, problemsIn } from "../../support/data-directory.js";

// A repair takes no bytes away that may be all there is of a file.

function putAway(dataDir: string, text: string): string {
  return readFileSync(join(dataDir, "lost+found", hashOf(text)), "utf8");
}

function record(dataDir: string): Record<string, unknown>[] {
  const lines = readFileSync(join(dataDir, "lost+found", "record.jsonl"), "utf8")
    .trim()
    .split("\n");
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe("a mode that somebody has set without the type", () => {
  test.each([420, 0x41a4])("costs a file nothing: %s", async (mode) => {
    const dataDir = await makeStore();
    change(dataDir, `UPDATE inodes SET mode = ${mode} WHERE content_hash = '${hashOf(TEXT)}'`);
    const { code, rules } = await fsck(dataDir);
    expect({ code, rules: rules[0] }).toStrictEqual({ code: 1, rules: "inode.type" });
    expect(await fsck(dataDir, "--repair")).toMatchObject({ code: 0, rules: [] });
    expect(await read(dataDir, "/documents/a")).toBe(TEXT);
    expect(problemsIn(dataDir)).toStrictEqual([]);
  });

  test("of a directory costs what is in it nothing", async () => {
    const dataDir = await makeStore();
    change(
      dataDir,
      "UPDATE inodes SET mode = 493 WHERE ino = (SELECT ino FROM dentries WHERE name = 'documents')",
    );
    expect(await fsck(dataDir, "--repair")).toMatchObject({ code: 0, rules: [] });
    expect(await read(dataDir, "/documents/a")).toBe(TEXT);
  });
});

describe("a file whose inode is lost", () => {
  test("leaves its content, its name and its metadata in lost+found", async () => {
    const dataDir = await makeStore(async ({ metadata }) => {
      await metadata.set("/documents/a", "key", "value");
    });
    change(dataDir, `DELETE FROM inodes WHERE content_hash = '${hashOf(TEXT)}'`);
    const found = await fsck(dataDir);
    expect(found.rules).toEqual(expect.arrayContaining(["name.inode", "content.unclaimed"]));
    const finding = found.report?.findings.find(({ rule }) => rule === "content.unclaimed");
    expect(finding?.repair).toContain("puts it away to lost+found");

    const repaired = await fsck(dataDir, "--repair");
    expect(repaired).toMatchObject({ code: 0, rules: [] });
    expect(repaired.repaired).toContain("content.unclaimed");
    expect(putAway(dataDir, TEXT)).toBe(TEXT);
    expect(record(dataDir)).toEqual([
      expect.objectContaining({ paths: ["/documents/a"], metadata: { key: "value" } }),
      expect.objectContaining({ paths: ["/documents/a"], file: hashOf(TEXT) }),
    ]);
    expect(await read(dataDir, "/documents/b")).toBe(OTHER);
    expect(problemsIn(dataDir)).toStrictEqual([]);
  });

  test("leaves its content also when a start comes in between", async () => {
    const dataDir = await makeStore();
    change(dataDir, `DELETE FROM inodes WHERE content_hash = '${hashOf(TEXT)}'`);
    await withStore(dataDir, async () => undefined);
    expect(await fsck(dataDir, "--repair")).toMatchObject({ code: 0, rules: [] });
    expect(putAway(dataDir, TEXT)).toBe(TEXT);
  });
});

test("a content keeps its row as long as it isn't known to be put away for good", async () => {
  const dataDir = await makeStore();
  change(dataDir, `DELETE FROM inodes WHERE content_hash = '${hashOf(TEXT)}'`);
  const sync = vi.spyOn(Quarantine.prototype, "sync").mockImplementation(() => {
    if (existsSync(join(dataDir, "lost+found", hashOf(TEXT)))) throw new Error("the disk fails");
  });
  try {
    const { report } = await fsck(dataDir, "--repair");
    expect(report?.findings.map(({ what }) => what)).toEqual(
      expect.arrayContaining(["the contents that are put away: the disk fails"]),
    );
  } finally {
    sync.mockRestore();
  }
  const again = await fsck(dataDir, "--repair");
  expect(again).toMatchObject({ code: 0, rules: [] });
  expect(again.repaired).toContain("content.unclaimed");
  expect(putAway(dataDir, TEXT)).toBe(TEXT);
});

test("a lost inode's rows stay as long as what they tell isn't known to be noted for good", async () => {
  const dataDir = await makeStore();
  change(dataDir, `DELETE FROM inodes WHERE content_hash = '${hashOf(TEXT)}'`);
  const sync = vi.spyOn(Quarantine.prototype, "sync").mockImplementation(() => {
    throw new Error("the disk fails");
  });
  try {
    const { rules } = await fsck(dataDir, "--repair");
    expect(rules).toEqual(expect.arrayContaining(["name.inode", "repair.failed", "store.start"]));
  } finally {
    sync.mockRestore();
  }
  expect(await fsck(dataDir, "--repair")).toMatchObject({ code: 0, rules: [] });
  expect(record(dataDir)).toEqual(
    expect.arrayContaining([expect.objectContaining({ paths: ["/documents/a"] })]),
  );
});

describe("the content of a lost inode is put away also when another one has it, which", () => {
  const B = `(SELECT ino FROM dentries WHERE name = 'b')`;
  /** The two files have one content; then the inode of the first is lost. */
  const LOST = `UPDATE inodes SET content_hash = '${hashOf(TEXT)}', size_bytes = ${TEXT.length} WHERE ino = ${B};
    DELETE FROM contents WHERE hash = '${hashOf(OTHER)}';
    UPDATE contents SET ref_count = 2 WHERE hash = '${hashOf(TEXT)}';
    DELETE FROM inodes WHERE content_hash = '${hashOf(TEXT)}' AND ino <> ${B}`;
  const ways = {
    "is about to go": `UPDATE inodes SET nlink = 0 WHERE ino = ${B}; DELETE FROM dentries WHERE name = 'b'`,
    "is being written to": "",
  };
  test.each(Object.entries(ways))("%s", async (way, sql) => {
    const store = await makeStore();
    const dataDir =
      way === "is about to go"
        ? store
        : await withStore(store, async ({ files, metadata }) => {
            await files.write("/documents/b", "new bytes");
            await metadata.set("/documents/a", "key", "value");
            return afterKill(store);
          });
    change(dataDir, `${LOST}; ${sql}`);
    // Cut short, it has done so once.
    const sync = vi.spyOn(Quarantine.prototype, "sync").mockImplementation(() => {
      throw new Error("the disk fails");
    });
    try {
      for (const _ of ["first", "second"]) await fsck(dataDir, "--repair");
    } finally {
      sync.mockRestore();
    }
    const named = (name: string) => name.startsWith(hashOf(TEXT));
    expect(readdirSync(join(dataDir, "lost+found")).filter(named)).toStrictEqual([hashOf(TEXT)]);
    expect(await fsck(dataDir, "--repair")).toMatchObject({ code: 0, rules: [] });
    expect(putAway(dataDir, TEXT)).toBe(TEXT);
    await withStore(dataDir, async () => undefined);
    expect(problemsIn(dataDir)).toStrictEqual([]);
  });
});

test("a content that something has that is no file is put away, not removed", async () => {
  const dataDir = await makeStore();
  const [documents, a] = ["documents", "a"].map(
    (name) => `(SELECT ino FROM dentries WHERE name = '${name}')`,
  );
  change(
    dataDir,
    `UPDATE inodes SET content_hash = '${hashOf(TEXT)}' WHERE ino = ${documents};
     UPDATE inodes SET content_hash = NULL, size_bytes = 0 WHERE ino = ${a}`,
  );
  expect(await fsck(dataDir, "--repair")).toMatchObject({ code: 0, repaired: ["inode.kind"] });
  expect(putAway(dataDir, TEXT)).toBe(TEXT);
});

test("beside an older database, the contents that only the newer one names are put away", async () => {
  const dataDir = await makeStore();
  const older = join(dataDir, "..", "older.db");
  copyFileSync(join(dataDir, "metadata.db"), older);
  await withStore(dataDir, async ({ files }) => {
    for (const name of ["c", "d", "e"]) await files.write(`/documents/${name}`, `new ${name}`);
  });
  for (const name of readdirSync(dataDir)) {
    if (/^metadata\.(db-.*|journal)$/.test(name)) rmSync(join(dataDir, name));
  }
  copyFileSync(older, join(dataDir, "metadata.db"));
  expect(await fsck(dataDir, "--repair")).toMatchObject({ code: 0, rules: [] });
  for (const name of ["c", "d", "e"]) expect(putAway(dataDir, `new ${name}`)).toBe(`new ${name}`);
});

describe("a repair", () => {
  test("goes on where one thing can't be mended, and says so", async () => {
    const dataDir = await makeStore();
    // The first is in the way of where the second would be put away.
    mkdirSync(join(dataDir, "lost+found"));
    mkdirSync(join(dataDir, "lost+found", "record.jsonl"));
    mkdirSync(dirname(blob(dataDir, "stray")), { recursive: true });
    writeFileSync(blob(dataDir, "stray"), "stray");
    change(dataDir, "UPDATE contents SET ref_count = 7");
    const { code, rules, repaired } = await fsck(dataDir, "--repair");
    expect({ code, rules: rules.sort() }).toStrictEqual({
      ...{ code: 1, rules: ["content.stray", "repair.failed", "repair.unfinished"] },
    });
    expect(repaired).toContain("content.references");
    expect(existsSync(blob(dataDir, "stray"))).toBe(true);
    rmSync(join(dataDir, "lost+found"), { recursive: true });
    expect(await fsck(dataDir, "--repair")).toMatchObject({ code: 0, rules: [] });
    expect(putAway(dataDir, "stray")).toBe("stray");
    expect(await fsck(dataDir)).toMatchObject({ code: 0, rules: [] });
  });

  test("puts things beside a file that has the name of its directory", async () => {
    const dataDir = await makeStore();
    writeFileSync(join(dataDir, "lost+found"), "somebody's own");
    writeFileSync(join(dataDir, "cas", "notes.txt"), "mine");
    symlinkSync("nowhere", join(dataDir, "cas", "link"));
    expect(await fsck(dataDir, "--repair")).toMatchObject({ code: 0, rules: [] });
    expect(readdirSync(join(dataDir, "lost+found.2")).sort()).toStrictEqual([
      ...["link", "notes.txt", "record.jsonl"],
    ]);
    expect(readFileSync(join(dataDir, "lost+found"), "utf8")).toBe("somebody's own");
  });

  test("finds a size in the bytes where neither the list nor the file has it", async () => {
    const dataDir = await makeStore();
    change(dataDir, "DELETE FROM contents; UPDATE inodes SET size_bytes = 3 WHERE mode >> 12 = 8");
    expect(await fsck(dataDir, "--repair")).toMatchObject({ code: 0, rules: [] });
    expect(await read(dataDir, "/documents/a")).toBe(TEXT);
    expect(problemsIn(dataDir)).toStrictEqual([]);
  });
});

test("contents that are on another disk by a link stay there", async () => {
  const dataDir = await makeStore();
  const directory = join(dataDir, "cas", hashOf(TEXT).slice(0, 2));
  const elsewhere = join(dataDir, "..", "disk");
  renameSync(directory, elsewhere);
  symlinkSync(elsewhere, directory);
  expect(await fsck(dataDir)).toMatchObject({ code: 0, rules: [] });
  expect(await fsck(dataDir, "--repair")).toMatchObject({ code: 0, rules: [] });
  expect(await read(dataDir, "/documents/a")).toBe(TEXT);

  // And of a disk that isn't mounted, the link.
  renameSync(elsewhere, `${elsewhere}-away`);
  expect(await fsck(dataDir, "--repair")).toMatchObject({ code: 1, rules: ["content.present"] });
  renameSync(`${elsewhere}-away`, elsewhere);
  expect(await read(dataDir, "/documents/a")).toBe(TEXT);
});
