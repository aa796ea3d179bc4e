import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, test } from "vitest";
import type { AgentId, TenantId } from "../../../src/model/ids.js";
import { connect } from "../../../src/sdk/connect.js";
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
import { kindOfLater } from "../../support/error-kind.js";
import { openNexus } from "../../support/stores.js";
import { testDir } from "../../support/temp-dir.js";
import { runCommand } from "../run-command.js";

interface Damage {
  readonly name: string;
  readonly make: (dataDir: string) => void;
  readonly rule: string;
  /** What the findings after a repair are. */
  readonly left?: readonly string[];
  /** What reading /documents/a comes to after the repair: its content unless told otherwise. */
  readonly after?: "damaged";
  /** It takes room and does no harm. */
  readonly isWaste?: boolean;
}

function flipBit(path: string): void {
  const bytes = readFileSync(path);
  bytes[3] = (bytes[3] ?? 0) ^ 1;
  chmodSync(path, 0o600);
  writeFileSync(path, bytes);
  chmodSync(path, 0o444);
}

const DAMAGE: readonly Damage[] = [
  {
    name: "a bit of a content that was flipped",
    make: (dataDir) => flipBit(blob(dataDir, TEXT)),
    ...{ rule: "content.bytes", left: ["content.present"], after: "damaged" },
  },
  {
    name: "a content that was cut off",
    make: (dataDir) => truncateSync(blob(dataDir, TEXT), 5),
    ...{ rule: "content.bytes", left: ["content.present"], after: "damaged" },
  },
  {
    name: "a content that is missing",
    make: (dataDir) => rmSync(blob(dataDir, TEXT)),
    ...{ rule: "content.present", left: ["content.present"], after: "damaged" },
  },
  {
    name: "a directory in the place of a content",
    make: (dataDir) => {
      rmSync(blob(dataDir, TEXT));
      mkdirSync(blob(dataDir, TEXT));
    },
    ...{ rule: "content.bytes", left: ["content.present"], after: "damaged" },
  },
  {
    name: "a content of the wrong mode",
    make: (dataDir) => chmodSync(blob(dataDir, TEXT), 0o644),
    rule: "content.mode",
  },
  {
    name: "a content that no file has",
    make: (dataDir) => {
      mkdirSync(dirname(blob(dataDir, "stray")), { recursive: true });
      writeFileSync(blob(dataDir, "stray"), "stray");
    },
    ...{ rule: "content.stray", isWaste: true },
  },
  {
    name: "what is no content, where contents are",
    make: (dataDir) => writeFileSync(join(dataDir, "cas", "notes.txt"), "mine"),
    ...{ rule: "content.foreign", isWaste: true },
  },
  {
    name: "a content that was left half-made",
    make: (dataDir) => writeFileSync(`${blob(dataDir, TEXT)}.new`, "half"),
    ...{ rule: "content.half-made", isWaste: true },
  },
  {
    name: "a staging file that no file has",
    make: (dataDir) => writeFileSync(join(dataDir, "staging", "4711"), "x"),
    ...{ rule: "staging.stray", isWaste: true },
  },
  {
    name: "a content whose size the rows have wrong",
    make: (dataDir) =>
      change(
        dataDir,
        "UPDATE contents SET size_bytes = 7; UPDATE inodes SET size_bytes = 7 WHERE content_hash IS NOT NULL",
      ),
    rule: "content.size",
  },
  {
    name: "a wrong reference count",
    make: (dataDir) => change(dataDir, "UPDATE contents SET ref_count = 0"),
    rule: "content.references",
  },
  {
    name: "a wrong reference count of a content that is missing",
    make: (dataDir) => {
      rmSync(blob(dataDir, TEXT));
      change(dataDir, "UPDATE contents SET ref_count = 0");
    },
    ...{ rule: "content.present", left: ["content.present"], after: "damaged" },
  },
  {
    name: "a wrong link count",
    make: (dataDir) =>
      change(dataDir, "UPDATE inodes SET nlink = 0 WHERE content_hash IS NOT NULL"),
    rule: "inode.links",
  },
  {
    name: "a name that leads nowhere",
    make: (dataDir) => change(dataDir, "UPDATE dentries SET ino = 77777 WHERE name = 'b'"),
    rule: "name.inode",
  },
  {
    name: "a list of contents that is empty",
    make: (dataDir) => change(dataDir, "DELETE FROM contents"),
    rule: "content.known",
  },
];

describe.each(DAMAGE)("$name", ({ make, rule, left = [], after, isWaste = false }) => {
  test("is found, and mended as far as that needs no guess", async () => {
    const dataDir = await makeStore();
    expect(await fsck(dataDir)).toMatchObject({ code: 0, rules: [], stderr: "" });
    make(dataDir);

    const found = await fsck(dataDir);
    expect(found).toMatchObject({ code: isWaste ? 0 : 1, stderr: "" });
    expect(found.rules).toContain(rule);

    const repaired = await fsck(dataDir, "--repair");
    expect(repaired.rules).toStrictEqual(left);
    if (!left.includes(rule)) expect(repaired.repaired).toContain(rule);
    const again = await fsck(dataDir);
    expect(again).toMatchObject({ code: left.length > 0 ? 1 : 0, rules: left });

    if (after === "damaged") {
      expect(await kindOfLater(read(dataDir, "/documents/a"))).toBe("corrupt");
    } else {
      expect(await read(dataDir, "/documents/a")).toBe(TEXT);
      expect(problemsIn(dataDir)).toStrictEqual([]);
    }
    if (rule !== "name.inode") expect(await read(dataDir, "/documents/b")).toBe(OTHER);
  });
});

test("a wrong reference count costs no file its content when the store is opened", async () => {
  const dataDir = await makeStore();
  change(dataDir, "UPDATE contents SET ref_count = 0");
  expect(await read(dataDir, "/documents/a")).toBe(TEXT);
  expect(await read(dataDir, "/documents/a")).toBe(TEXT);
  expect(await fsck(dataDir, "--repair")).toMatchObject({ code: 0, rules: [] });
});

describe("a damaged content", () => {
  test("is put away with a note of what it was, and heals when it is written again", async () => {
    const dataDir = await makeStore();
    flipBit(blob(dataDir, TEXT));
    await fsck(dataDir, "--repair");
    const put = join(dataDir, "lost+found");
    expect(readdirSync(put).sort()).toStrictEqual([hashOf(TEXT), "record.jsonl"]);
    expect(JSON.parse(readFileSync(join(put, "record.jsonl"), "utf8"))).toMatchObject({
      ...{ file: hashOf(TEXT), from: blob(dataDir, TEXT), paths: ["/documents/a"] },
    });

    await withStore(dataDir, async ({ files }) => {
      await files.write("/documents/copy", TEXT);
    });
    expect(await read(dataDir, "/documents/a")).toBe(TEXT);
    expect(await fsck(dataDir)).toMatchObject({ code: 0, rules: [] });
    expect(problemsIn(dataDir)).toStrictEqual([]);
  });

  test("is explained in a line with the file, what it means and what can be done", async () => {
    const dataDir = await makeStore();
    flipBit(blob(dataDir, TEXT));
    const { code, stdout } = await runCommand(["fsck", "--data-dir", dataDir]);
    expect(code).toBe(1);
    const [line = "", summary] = stdout.split("\n");
    expect(line).toMatch(
      /^damage {4}\/documents\/a: the content [0-9a-f]{64} has other bytes than/,
    );
    expect(line).toMatch(
      /\(content\.bytes\)\. Reading the file fails.*--repair puts.*heals the file\.$/,
    );
    expect(summary).toMatch(/^damage: 1 finding \(\d+ names, 2 contents, /);
  });
});

describe("a file that no path leads to any more", () => {
  test("is seen by admins alone when it is found again, and can be taken back", async () => {
    const path = "/workspace/acme/bot/secret";
    const dataDir = await makeStore(async ({ files }) => {
      await files.write(path, "secret");
    });
    change(dataDir, "DELETE FROM dentries WHERE name = 'secret'");
    expect(await fsck(dataDir)).toMatchObject({ code: 1, rules: ["inode.named"] });
    expect(await fsck(dataDir, "--repair")).toMatchObject({ code: 0, repaired: ["inode.named"] });

    const nexus = openNexus(dataDir);
    try {
      const admin = nexus.featuresFor({ isAdmin: true }).files;
      const place = { prefix: "/system/lost+found" };
      const found = (await admin.list(place)).entries[0]?.path ?? "";
      expect(String(await admin.read(found))).toBe("secret");
      for (const tenantId of ["acme", "other"] as TenantId[]) {
        const { files } = nexus.featuresFor({ isAdmin: false, tenantId });
        expect(await kindOfLater(files.read(found))).toBe("access-denied");
        expect(await kindOfLater(files.list(place))).toBe("access-denied");
      }
      await admin.copy(found, path);
      const owner = { isAdmin: false, tenantId: "acme" as TenantId, agentId: "bot" as AgentId };
      expect(String(await nexus.featuresFor(owner).files.read(path))).toBe("secret");
    } finally {
      await nexus.close({ drainMs: 1000 });
    }
    expect(await fsck(dataDir)).toMatchObject({ code: 0, rules: [] });
  });
});

/** What a process leaves that was killed when it had written a file and its metadata. */
async function killedWith(
  path: string,
  text: string,
  { dataDir = join(testDir(), "data") } = {},
): Promise<string> {
  return await withStore(dataDir, async ({ files, metadata }) => {
    await files.write(path, text);
    await metadata.set(path, "key", "value");
    return afterKill(dataDir);
  });
}

describe("what a killed process leaves", () => {
  test("is no damage", async () => {
    const killed = await killedWith("/documents/a", TEXT);
    expect(await fsck(killed)).toMatchObject({ code: 0, rules: [] });
    expect(await read(killed, "/documents/a")).toBe(TEXT);
  });

  test("is damage where what was staged is gone", async () => {
    const killed = await killedWith("/documents/a", TEXT);
    for (const name of readdirSync(join(killed, "staging"))) rmSync(join(killed, "staging", name));
    expect(await fsck(killed)).toMatchObject({ code: 1, rules: ["staging.present"] });
    expect(await fsck(killed, "--repair")).toMatchObject({ code: 1, rules: ["staging.present"] });
    expect(await kindOfLater(read(killed, "/documents/a"))).toBe("corrupt");
  });

  test("lacks what was committed when SQLite's log is taken away", async () => {
    const killed = await killedWith("/documents/late", "late", { dataDir: await makeStore() });
    const log = join(killed, "metadata.db-wal");
    const kept = readFileSync(log);
    rmSync(log);

    const { code, rules, report } = await fsck(killed);
    expect({ code, rules }).toStrictEqual({ code: 1, rules: ["database.behind"] });
    expect(report?.findings[0]?.what).toContain(`${log} is missing`);
    // Nothing was changed by looking: it can be put back.
    const restored = afterKill(killed);
    writeFileSync(join(restored, "metadata.db-wal"), kept);
    rmSync(join(restored, "metadata.db-shm"), { force: true });
    expect(await fsck(restored)).toMatchObject({ code: 0, rules: [] });
    expect(await read(restored, "/documents/late")).toBe("late");

    // It may be all that is left of a file whose row is lost.
    mkdirSync(dirname(blob(killed, "orphan")), { recursive: true });
    writeFileSync(blob(killed, "orphan"), "orphan");
    expect(await fsck(killed, "--repair")).toMatchObject({
      ...{ code: 0, repaired: ["database.behind", "staging.stray", "content.stray"] },
    });
    expect(readFileSync(join(killed, "lost+found", hashOf("orphan")), "utf8")).toBe("orphan");
    expect(await read(killed, "/documents/a")).toBe(TEXT);
  });
});

describe("a damaged database", () => {
  test("of which a page is half written is told of in words, and left as it is", async () => {
    const dataDir = await makeStore(async ({ files }) => {
      for (let file = 0; file < 300; file++)
        await files.write(`/documents/file-${file}`, `${file}`);
    });
    const path = join(dataDir, "metadata.db");
    const database = new Database(path, { readonly: true });
    const root = database
      .prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'inodes'")
      .pluck();
    const page = root.get() as number;
    database.close();
    const bytes = readFileSync(path);
    bytes.fill(0, (page - 1) * 4096, (page - 1) * 4096 + 2048);
    writeFileSync(path, bytes);

    for (const args of [[], ["--repair"]]) {
      const { code, rules, stderr, report } = await fsck(dataDir, ...args);
      expect({ code, stderr }).toStrictEqual({ code: 1, stderr: "" });
      expect(new Set(rules)).toStrictEqual(new Set(["database.pages"]));
      expect(report?.findings[0]?.effect).toContain("restore a backup");
      expect(report?.readable).toContainEqual(
        expect.objectContaining({ table: "contents", rows: 302 }),
      );
      expect(report?.readable).toContainEqual(
        expect.objectContaining({ table: "inodes", is_whole: false }),
      );
    }
  });

  test("that is none is told of in words", async () => {
    const dataDir = await makeStore();
    writeFileSync(join(dataDir, "metadata.db"), "this is no database at all".repeat(400));
    for (const args of [[], ["--repair"]]) {
      const { code, rules, stderr } = await fsck(dataDir, ...args);
      expect({ code, rules, stderr }).toStrictEqual({
        ...{ code: 1, rules: ["database.readable"], stderr: "" },
      });
    }
  });

  test("that is missing beside contents isn't made anew", async () => {
    const dataDir = await makeStore();
    rmSync(join(dataDir, "metadata.db"));
    const { code, stdout } = await runCommand(["fsck", "--repair", "--data-dir", dataDir]);
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /^damage {4}.* has contents \(database\.tables\)\. Names .* restore it from a backup/,
    );
    expect(existsSync(join(dataDir, "metadata.db"))).toBe(false);
  });
});

describe("nexus fsck", () => {
  test("says what it did", async () => {
    const dataDir = await makeStore();
    const { code, stdout } = await runCommand(["fsck", "--data-dir", dataDir]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^all is as it must be \(\d+ names, 2 contents, \d+B\)\n$/);
    change(dataDir, "UPDATE contents SET ref_count = 3");
    const repaired = await runCommand(["fsck", "--repair", "--data-dir", dataDir]);
    expect(repaired.stdout).toMatch(
      /^(repaired {2}the content .* \(content\.references\)\. --repair counts anew\.\n){2}2 findings repaired; all is as it must be/,
    );
  });

  test("beside a process that has the store finds the same, and repairs nothing", async () => {
    const dataDir = await makeStore();
    const nexus = await connect({ dataDir });
    try {
      flipBit(blob(dataDir, TEXT));
      // A lock of this process doesn't keep it out of the check: that is another's.
      const { code, stderr } = await runCommand(["fsck", "--repair", "--data-dir", dataDir]);
      expect(code).toBe(1);
      expect(stderr).toMatch(
        /^nexus: a repair needs .* for itself, and process \d+ has it: end that first\n$/,
      );
      const found = await fsck(dataDir);
      expect(found).toMatchObject({ code: 1, rules: ["content.bytes"] });
      expect(found.report).toMatchObject({ mode: "online", left_out: [expect.any(String)] });
      expect(String(await nexus.read("/documents/b"))).toBe(OTHER);
    } finally {
      await nexus.close();
    }
  });

  test("puts nothing where others than admins would see it", async () => {
    const dataDir = await makeStore();
    const config = join(testDir(), "nexus.yaml");
    writeFileSync(config, "namespaces:\n  - name: system\n    admin_only: false\n");
    const args = ["fsck", "--repair", "--data-dir", dataDir, "--config", config];
    const { code, stderr } = await runCommand(args);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^nexus: a repair puts what it finds again into \/system, which .*\n$/);
  });

  test("refuses what isn't a store, and what it doesn't know", async () => {
    const missing = join(testDir(), "nothing");
    expect(await runCommand(["fsck", "--data-dir", missing])).toMatchObject({
      ...{ code: 1, stdout: "" },
      stderr: `nexus: there is no store at ${missing}; name another with --data-dir\n`,
    });
    expect(existsSync(missing)).toBe(false);
    expect(await runCommand(["fsck", "--repare"])).toMatchObject({ code: 2 });
  });
});
