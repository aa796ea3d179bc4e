import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, test } from "vitest";
import { NexusError } from "../../../src/model/errors.js";
import { backUp, restore } from "../../support/backups.js";
import { bytesOfLength } from "../../support/bytes.js";
import { blobsOf, hashOf, problemsIn } from "../../support/data-directory.js";
import { kindOfLater } from "../../support/error-kind.js";
import { testDir } from "../../support/temp-dir.js";
import { setUmask } from "../../support/umask.js";
import { ANYBODY, World } from "../../vfs/world.js";

function blobPath(directory: string, text: string | Uint8Array): string {
  const hash = hashOf(text);
  return join(directory, "cas", hash.slice(0, 2), hash.slice(2, 4), hash);
}

/** Overwrites a blob, which is read-only to whom that concerns. */
function damage(path: string, bytes: string): void {
  chmodSync(path, 0o644);
  writeFileSync(path, bytes);
  chmodSync(path, 0o444);
}

function snapshotsIn(directory: string): string[] {
  return readdirSync(join(directory, "snapshots")).sort();
}

/** The restored store, once it was found to be in order. */
async function restored(from: string, snapshot?: string): Promise<World> {
  const { dataDir, damaged } = await restore(from, snapshot === undefined ? {} : { snapshot });
  expect(damaged).toStrictEqual([]);
  expect(problemsIn(dataDir)).toStrictEqual([]);
  return new World({ dataDir });
}

describe("a snapshot", () => {
  test("has what was closed, with its attributes and its queue, whether it was sealed or not", async () => {
    const [world, to] = [new World(), testDir()];
    await world.write("sealed", "sealed before");
    await world.sealed("sealed");
    await world.write("fresh", "closed just now");
    await world.write("large", bytesOfLength(200_000));
    await world.write("empty", "");
    const ino = world.lookup("fresh");
    const status = { ino, name: "user.status", value: Buffer.from("ready") };
    await world.fs.setxattr(ANYBODY, { ...status, mode: "any" });
    const result = await backUp(world, { to });
    expect(result).toMatchObject({ files: 4, contents: 4, damaged: [], snapshots: 1 });
    expect(result.copied).toStrictEqual({ contents: 4, bytes: result.bytes });
    const back = await restored(to);
    expect(await back.read("sealed")).toBe("sealed before");
    expect(await back.read("fresh")).toBe("closed just now");
    expect(await back.read("large")).toBe(Buffer.from(bytesOfLength(200_000)).toString());
    expect(await back.read("empty")).toBe("");
    expect(back.lookup("fresh")).toBe(ino);
    expect(back.metadata.work.countWork({ zones: "all" }).ready).toBe(1);
  });

  test("has a file that is open for writing as it is then, and none that has lost its name", async () => {
    const [world, to] = [new World(), testDir()];
    const small = await world.create("small", "half a li");
    const large = await world.create("large", bytesOfLength(100_000));
    await world.create("untouched");
    const gone = await world.create("gone", "nobody finds this");
    await world.unlink("gone");
    await backUp(world, { to });
    await small.write("ne and more", 9);
    await large.truncate(3);
    const back = await restored(to);
    expect(await back.read("small")).toBe("half a li");
    expect(await back.read("large")).toBe(Buffer.from(bytesOfLength(100_000)).toString());
    expect(await back.read("untouched")).toBe("");
    expect(() => back.lookup("gone")).toThrow();
    expect(existsSync(blobPath(to, "nobody finds this"))).toBe(false);
    gone.close();
  });

  test("is of one moment: what happens while it is made isn't in it, and takes nothing from it", async () => {
    const [world, to] = [new World(), testDir()];
    for (const name of ["kept", "replaced", "rewritten"]) await world.write(name, `${name} before`);
    await world.sealed("kept", "replaced", "rewritten");
    const open = await world.create("open", "open before");
    await backUp(world, {
      to,
      // The moment is over when staged contents may go.
      wrap: (source) => ({
        ...source,
        letStagedGo: async () => {
          await world.unlink("kept");
          await world.unlink("replaced");
          await world.write("replaced", "after");
          const file = await world.open("rewritten", { truncate: true });
          await file.write("after");
          file.close();
          await open.write("open after!");
          await source.letStagedGo();
          // Long enough for everything that nobody needs to be removed.
          for (let sweep = 0; sweep < 4; sweep++) await world.pass(1100);
        },
      }),
    });
    const back = await restored(to);
    for (const name of ["kept", "replaced", "rewritten", "open"]) {
      expect(await back.read(name)).toBe(`${name} before`);
    }
    // And then it goes, too.
    open.close();
    await world.swept();
    expect(world.blobs).not.toContain(hashOf("kept before"));
  });

  test.each([
    ["before its bytes are asked for", "small"],
    ["after its bytes were asked for", "small"],
    ["when it is let go", "small"],
    ["before its bytes are asked for", "large"],
    ["after its bytes were asked for", "large"],
    ["when it is let go", "large"],
  ])(
    "has a file that was closed before it as it was closed, though it is changed %s (%s)",
    async (moment, size) => {
      const [world, to] = [new World(), testDir()];
      const bytes = size === "small" ? bytesOfLength(1000) : bytesOfLength(200_000);
      const names = ["overwritten", "cut", "emptied", "replaced", "untouched"];
      const change = async () => {
        for (let time = 0; time < 3; time++) {
          const file = await world.open("overwritten");
          await file.write(`changed ${time}`, 10);
          file.close();
        }
        const cut = await world.open("cut");
        await cut.truncate(5);
        cut.close();
        (await world.open("emptied", { truncate: true })).close();
        await world.unlink("replaced");
        await world.write("replaced", "another");
        const empty = await world.open("empty");
        await empty.write("not any more");
        empty.close();
      };
      let stagedThen = 0;
      await backUp(world, {
        to,
        wrap: async (source) => {
          // After everything that was closed has been sealed, and before the moment.
          for (const name of names) await world.write(name, bytes);
          await world.write("empty", "");
          world.metadata.commit();
          return {
            ...source,
            stagedBytes: async (ids) => {
              if (moment.startsWith("before")) await change();
              const found = await source.stagedBytes(ids);
              if (moment.startsWith("after")) await change();
              stagedThen = world.contents.stagingIds().length;
              return found;
            },
            letStagedGo: async () => {
              await source.letStagedGo();
              if (moment.startsWith("when")) await change();
            },
          };
        },
      });
      const back = await restored(to);
      for (const name of names) {
        expect(await back.read(name)).toBe(Buffer.from(bytes).toString());
      }
      expect(await back.read("empty")).toBe("");
      // And nobody's change is lost, nor is anything copied each time.
      const changed = Buffer.from(bytes);
      changed.write("changed 2", 10);
      expect(await world.read("overwritten")).toBe(changed.toString());
      expect((await world.read("cut")).length).toBeLessThanOrEqual(5);
      expect(await world.read("emptied")).toBe("");
      expect(await world.read("empty")).toBe("not any more");
      if (moment.startsWith("after")) expect(stagedThen).toBe(names.length + 5);
    },
  );

  test("has modes of contents as a store has them, under any umask", async () => {
    setUmask(0o077);
    const [world, to] = [new World(), testDir()];
    await world.write("small", "small");
    await world.write("large", bytesOfLength(100_000));
    await world.sealed("small", "large");
    const open = await world.create("open", "open");
    await backUp(world, { to });
    open.close();
    await world.sealed("open");
    await restored(to);
    for (const { path } of [...blobsOf(world.dataDir), ...blobsOf(to)]) {
      expect(statSync(path).mode & 0o7777).toBe(0o444);
    }
  });

  test("is private, and has no staged row, no orphan, and nothing that nobody refers to", async () => {
    const [world, to] = [new World(), testDir()];
    await world.create("open", "text");
    await world.write("gone", "was sealed");
    await world.sealed("gone");
    await world.unlink("gone");
    const { snapshot } = await backUp(world, { to });
    const path = join(to, "snapshots", snapshot, "metadata.db");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(to, "snapshots", snapshot)).mode & 0o777).toBe(0o700);
    expect(readdirSync(join(path, ".."))).toStrictEqual(["backup.json", "cas", "metadata.db"]);
    const database = new Database(path, { readonly: true });
    const count = (sql: string) => database.prepare(sql).pluck().get();
    expect(count("SELECT count(*) FROM inodes WHERE staging_id IS NOT NULL OR nlink = 0")).toBe(0);
    expect(count("SELECT count(*) FROM contents")).toBe(1);
    expect(blobsOf(to).map(({ hash }) => hash)).toStrictEqual([hashOf("text")]);
    database.close();
  });
});

describe("the next snapshot", () => {
  test("copies what is new, and the one before stays as it is", async () => {
    const [world, to] = [new World(), testDir()];
    await world.write("a", "the same");
    await world.write("b", "before");
    const first = await backUp(world, { to });
    const untouched = statSync(blobPath(to, "the same")).ctimeMs;
    await world.unlink("b");
    await world.write("b", "afterwards");
    const second = await backUp(world, { to });
    expect(second.copied).toStrictEqual({ contents: 1, bytes: 10 });
    expect(statSync(blobPath(to, "the same")).ctimeMs).toBe(untouched);
    expect(await (await restored(to, first.snapshot)).read("b")).toBe("before");
    expect(await (await restored(to, second.snapshot)).read("b")).toBe("afterwards");
    expect(snapshotsIn(to)).toStrictEqual([first.snapshot, second.snapshot]);
  });

  test("comes after those that are there, also when the clock was set back", async () => {
    const [world, to] = [new World(), testDir()];
    const nowMs = () => Date.UTC(2026, 0, 2);
    const first = await backUp(world, { to, nowMs });
    const second = await backUp(world, { to, nowMs: () => Date.UTC(2026, 0, 1) });
    expect(first.snapshot).toBe("2026-01-02T00-00-00.000Z");
    expect(second.snapshot).toBe("2026-01-02T00-00-00.001Z");
    // What isn't named by us is of no time.
    for (const name of ["9999", "a copy"]) mkdirSync(join(to, "snapshots", name));
    const third = await backUp(world, { to, nowMs });
    expect(third.snapshot).toBe("2026-01-02T00-00-00.002Z");
  });

  test("with a number to keep removes the oldest, and the contents that only they name", async () => {
    const [world, to] = [new World(), testDir()];
    await world.write("kept", "in all");
    const names = ["first", "second", "third"];
    for (const name of names) {
      await world.write(name, name);
      await backUp(world, { to });
      await world.unlink(name);
    }
    writeFileSync(join(to, "cas", "note.txt"), "not a content");
    const { removed, snapshots } = await backUp(world, { to, keep: 2 });
    expect(snapshots).toBe(2);
    expect(removed).toStrictEqual({ snapshots: 2, contents: 2, bytes: "firstsecond".length });
    const left = blobsOf(to).map(({ hash }) => hash);
    expect(left.sort()).toStrictEqual([hashOf("in all"), hashOf("third"), "note.txt"].sort());
    const [third = ""] = snapshotsIn(to);
    expect(await (await restored(to, third)).read("third")).toBe("third");
  });

  test("lets go of the store when it has all, before it removes anything", async () => {
    const [world, to] = [new World(), testDir()];
    for (const name of ["first", "second"]) {
      await world.write(name, name);
      await backUp(world, { to });
    }
    let thereThen: string[] = [];
    const { removed } = await backUp(world, {
      ...{ to, keep: 1 },
      wrap: (source) => ({
        ...source,
        letGo: () => {
          thereThen = snapshotsIn(to);
          source.letGo();
        },
      }),
    });
    expect(thereThen).toHaveLength(2);
    expect(removed?.snapshots).toBe(2);
  });

  test("is made also when the owner of the store ends as soon as nothing is wanted of it", async () => {
    const [world, to] = [new World(), testDir()];
    const lost = new AbortController();
    await backUp(world, {
      to,
      wrap: (source) => ({
        ...source,
        lost: lost.signal,
        letGo: () => lost.abort(new NexusError("io-failure", "the daemon is gone")),
      }),
    });
    expect(snapshotsIn(to)).toHaveLength(1);
  });

  test("looks at no kept snapshot when there is none to remove", async () => {
    const [world, to] = [new World(), testDir()];
    const { snapshot } = await backUp(world, { to });
    writeFileSync(join(to, "snapshots", snapshot, "metadata.db"), "not as it was");
    const { removed } = await backUp(world, { to, keep: 2 });
    expect(removed).toStrictEqual({ snapshots: 0, contents: 0, bytes: 0 });
  });

  test("removes nothing when a snapshot that it is to keep isn't as it was written", async () => {
    const [world, to] = [new World(), testDir()];
    for (const name of ["first", "second"]) {
      await world.write(name, name);
      await backUp(world, { to });
    }
    const [, second = ""] = snapshotsIn(to);
    const path = join(to, "snapshots", second, "metadata.db");
    const bytes = readFileSync(path);
    bytes[bytes.length - 1] = 1 ^ (bytes.at(-1) ?? 0);
    writeFileSync(path, bytes);
    expect(await backUp(world, { to, keep: 2 })).toMatchObject({
      ...{ removed: undefined, snapshots: 3 },
      pruneFailure: { kind: "corrupt", message: expect.stringContaining(path) },
    });
    expect(snapshotsIn(to)).toHaveLength(3);
    expect(existsSync(blobPath(to, "first"))).toBe(true);
  });

  test.each(["its database", "a content"])(
    "is still the one that begins the directory when the run before it failed at %s",
    async (what) => {
      const [world, to] = [new World(), join(testDir(), "backups")];
      await world.write("file", "text");
      const failure = new NexusError("no-space", "full");
      const stopped = backUp(world, {
        to,
        ...(what === "a content"
          ? { onPlan: () => Promise.reject(failure) }
          : { wrap: (source) => ({ ...source, letStagedGo: () => Promise.reject(failure) }) }),
      });
      expect(await kindOfLater(stopped)).toBe("no-space");
      expect((await backUp(world, { to })).isNewDirectory).toBe(true);
      expect((await backUp(world, { to })).isNewDirectory).toBe(false);
    },
  );

  test("of another store is refused", async () => {
    const [world, to] = [new World(), testDir()];
    await backUp(world, { to });
    expect(await kindOfLater(backUp(new World(), { to }))).toBe("not-permitted");
    expect(snapshotsIn(to)).toHaveLength(1);
    // A restored one goes on where the one before was.
    await backUp(await restored(to), { to });
    expect(snapshotsIn(to)).toHaveLength(2);
  });

  test("isn't made in a directory that has something else, or while another one is", async () => {
    const [world, to] = [new World(), testDir()];
    writeFileSync(join(to, "photo.jpg"), "not a backup");
    expect(await kindOfLater(backUp(world, { to }))).toBe("directory-not-empty");
    const there = testDir();
    mkdirSync(join(there, "lost+found"));
    const inner = await backUp(world, {
      to: there,
      onPlan: async () => {
        expect(await kindOfLater(backUp(world, { to: there }))).toBe("in-use");
      },
    });
    expect(inner.snapshots).toBe(1);
  });
});

describe("a directory of somebody else's", () => {
  test.each([["incoming"], ["incoming", "cas"], ["incoming", "cas", "snapshots"]])(
    "keeps all that it has, also where it has names of ours: %s",
    async (...names) => {
      const [world, to] = [new World(), testDir()];
      for (const name of names) {
        mkdirSync(join(to, name));
        writeFileSync(join(to, name, "letter.txt"), "not a backup");
      }
      expect(await kindOfLater(backUp(world, { to }))).toBe("directory-not-empty");
      for (const name of names) expect(readdirSync(join(to, name))).toStrictEqual(["letter.txt"]);
    },
  );

  test("isn't taken for ours because it has a file with the name of the manifest", async () => {
    const [world, to] = [new World(), testDir()];
    mkdirSync(join(to, "incoming"));
    writeFileSync(join(to, "incoming", "letter.txt"), "not a backup");
    writeFileSync(join(to, "backup.json"), JSON.stringify({ format: 1 }));
    expect(await kindOfLater(backUp(world, { to }))).toBe("corrupt");
    expect(readdirSync(join(to, "incoming"))).toStrictEqual(["letter.txt"]);
  });

  test("is ours from before anything was put there: a first run that was cut short needs no help", async () => {
    const [world, to] = [new World(), testDir()];
    await world.write("file", "text");
    let atStart: string[] = [];
    const stopped = backUp(world, {
      to,
      wrap: (source) => {
        atStart = readdirSync(to).sort();
        return { ...source, stagedBytes: () => Promise.reject(new NexusError("interrupted", "")) };
      },
      signal: AbortSignal.abort(new NexusError("interrupted", "enough")),
    });
    expect(await kindOfLater(stopped)).toBe("interrupted");
    expect(atStart).toStrictEqual(["backup.json", "cas", "incoming", "lock", "snapshots"]);
    // As a kill leaves it, at the earliest and a little later.
    for (const name of ["cas", "snapshots"]) rmSync(join(to, name), { recursive: true });
    mkdirSync(join(to, "incoming"));
    writeFileSync(join(to, "incoming", "1"), "half");
    await backUp(world, { to });
    expect(await (await restored(to)).read("file")).toBe("text");
    const early = testDir();
    writeFileSync(join(early, ".nexus-backup.new"), '{"form');
    await backUp(world, { to: early });
    expect(readdirSync(early).sort()).toStrictEqual([
      "backup.json",
      "cas",
      "lock",
      "snapshots",
      "swept.json",
    ]);
  });
});

describe("a content that isn't in order", () => {
  test("is told of with its files, and the rest is backed up", async () => {
    const [world, to] = [new World(), testDir()];
    for (const name of ["good", "bad", "gone"]) await world.write(name, `${name} text`);
    await world.write("bad too", "bad text");
    await world.sealed("good", "bad", "gone", "bad too");
    damage(blobPath(world.dataDir, "bad text"), "bad tex7");
    rmSync(blobPath(world.dataDir, "gone text"));
    const { damaged } = await backUp(world, { to, keep: 1 });
    expect(new Set(damaged)).toStrictEqual(
      new Set([
        { problem: "damaged", hash: hashOf("bad text"), paths: ["/bad", "/bad too"] },
        { problem: "missing", hash: hashOf("gone text"), paths: ["/gone"] },
      ]),
    );
    expect(blobsOf(to).map(({ hash }) => hash)).toStrictEqual([hashOf("good text")]);
    const { dataDir, damaged: left } = await restore(to);
    expect(left.map(({ problem }) => problem)).toStrictEqual(["missing", "missing"]);
    const back = new World({ dataDir });
    expect(await back.read("good")).toBe("good text");
    expect(await kindOfLater(back.read("bad"))).toBe("corrupt");
  });

  test("takes the place of no good one, and is mended by one", async () => {
    const [world, to] = [new World(), testDir()];
    await world.write("file", "the bytes");
    await backUp(world, { to });
    const [source, copy] = [blobPath(world.dataDir, "the bytes"), blobPath(to, "the bytes")];
    damage(source, "thebytes!");
    expect((await backUp(world, { to, verify: true })).damaged).toStrictEqual([]);
    expect(readFileSync(copy, "utf8")).toBe("the bytes");
    damage(source, "the bytes");
    damage(copy, "rotten!!!");
    expect((await backUp(world, { to })).copied.contents).toBe(0);
    expect((await backUp(world, { to, verify: true })).copied.contents).toBe(1);
    expect(readFileSync(copy, "utf8")).toBe("the bytes");
    damage(copy, "short");
    expect((await backUp(world, { to })).copied.contents).toBe(1);
    expect(await (await restored(to)).read("file")).toBe("the bytes");
  });

  test("that was found in the backup counts as missing until a good one replaces it", async () => {
    const [world, to] = [new World(), testDir()];
    await world.write("file", "the bytes");
    await backUp(world, { to });
    await world.write("later", "later");
    await backUp(world, { to });
    const [source, copy] = [blobPath(world.dataDir, "the bytes"), blobPath(to, "the bytes")];
    for (const path of [source, copy]) damage(path, "rotten!!!");
    const damaged = [{ problem: "damaged", hash: hashOf("the bytes"), paths: ["/file"] }];
    expect((await backUp(world, { to, verify: true })).damaged).toStrictEqual(damaged);
    expect(await backUp(world, { to, keep: 1 })).toMatchObject({ damaged, snapshots: 4 });
    expect((await restore(to)).damaged).toMatchObject([{ problem: "missing" }]);
    const aside = join(to, "damaged", hashOf("the bytes"));
    expect(readFileSync(aside, "utf8")).toBe("rotten!!!");
    damage(source, "the bytes");
    const { copied, snapshots } = await backUp(world, { to, keep: 1 });
    expect(copied.contents).toBe(1);
    expect(snapshots).toBe(1);
    expect(existsSync(join(to, "damaged"))).toBe(false);
    expect(await (await restored(to)).read("file")).toBe("the bytes");
  });

  test("is kept as long as a snapshot names it, and goes with the last one", async () => {
    const [world, to] = [new World(), testDir()];
    await world.write("file", "the bytes");
    for (let count = 0; count < 2; count++) await backUp(world, { to });
    for (const at of [world.dataDir, to]) damage(blobPath(at, "the bytes"), "rotten!!!");
    expect((await backUp(world, { to, verify: true })).damaged).toHaveLength(1);
    await world.unlink("file");
    const kept = { snapshots: 1, contents: 0, bytes: 0 };
    expect((await backUp(world, { to, keep: 3 })).removed).toStrictEqual(kept);
    expect(existsSync(join(to, "damaged", hashOf("the bytes")))).toBe(true);
    const gone = { snapshots: 3, contents: 1, bytes: "rotten!!!".length };
    expect((await backUp(world, { to, keep: 1 })).removed).toStrictEqual(gone);
    expect(existsSync(join(to, "damaged"))).toBe(false);
  });

  test("is replaced by one that isn't sealed, too", async () => {
    const [world, to] = [new World(), testDir()];
    await world.write("file", "the bytes");
    await backUp(world, { to });
    await world.unlink("file");
    await world.swept();
    damage(blobPath(to, "the bytes"), "rotten!!!");
    const open = await world.create("open", "the bytes");
    expect((await backUp(world, { to, verify: true })).damaged).toStrictEqual([]);
    open.close();
    expect(await (await restored(to)).read("open")).toBe("the bytes");
  });

  test("has older snapshots kept, whatever was said of how many", async () => {
    const [world, to] = [new World(), testDir()];
    await world.write("file", "text");
    await backUp(world, { to });
    await world.write("bad", "bad");
    await world.sealed("bad");
    rmSync(blobPath(world.dataDir, "bad"));
    expect(await backUp(world, { to, keep: 1 })).toMatchObject({
      removed: undefined,
      snapshots: 2,
    });
  });

  test("that was staged is told of, too, and shows as damage afterwards", async () => {
    const [world, to] = [new World(), testDir()];
    await world.write("file", "was sealed");
    await world.sealed("file");
    const file = await world.open("file");
    await file.write("changed");
    const { damaged } = await backUp(world, {
      to,
      wrap: (source) => ({
        ...source,
        stagedBytes: async (ids) => ids.map((id) => ({ id, kind: "none" as const })),
      }),
    });
    expect(damaged).toStrictEqual([{ problem: "missing", hash: undefined, paths: ["/file"] }]);
    const { dataDir, damaged: left } = await restore(to);
    expect(left).toStrictEqual(damaged);
    expect(problemsIn(dataDir)).toStrictEqual([]);
    expect(await kindOfLater(new World({ dataDir }).read("file"))).toBe("corrupt");
  });
});

describe("a backup that doesn't come to its end", () => {
  test.each(["before the contents", "among the contents", "after them"])(
    "%s leaves the last snapshot, and the next run goes on",
    async (moment) => {
      const [world, to] = [new World(), testDir()];
      await world.write("file", "text");
      const first = await backUp(world, { to });
      for (let count = 0; count < 20; count++)
        await world.write(`new${count}`, bytesOfLength(1000 + count));
      const controller = new AbortController();
      const reason = new NexusError("interrupted", "enough");
      let done = 0;
      const stopped = backUp(world, {
        ...{ to, signal: controller.signal },
        onPlan: () => (moment === "before the contents" ? controller.abort(reason) : undefined),
        onProgress: ({ contents }) => {
          done = contents;
          const last = moment === "among the contents" ? 9 : 19;
          if (contents === last) controller.abort(reason);
        },
      });
      await expect(stopped).rejects.toBe(reason);
      expect(done).toBeLessThan(20);
      expect(snapshotsIn(to)).toStrictEqual([first.snapshot]);
      expect(existsSync(join(to, "incoming"))).toBe(false);
      expect(await (await restored(to)).read("file")).toBe("text");
      const { copied } = await backUp(world, { to });
      expect(copied.contents).toBeLessThanOrEqual(20);
      expect(problemsIn((await restore(to)).dataDir)).toStrictEqual([]);
    },
  );

  test("fails when nobody keeps the store any more, with why", async () => {
    const [world, to] = [new World(), testDir()];
    await world.write("file", "text");
    const lost = new AbortController();
    const reason = new NexusError("io-failure", "the daemon is gone");
    const failed = backUp(world, {
      to,
      wrap: (source) => ({ ...source, lost: lost.signal }),
      onProgress: () => lost.abort(reason),
    });
    await expect(failed).rejects.toBe(reason);
    expect(snapshotsIn(to)).toStrictEqual([]);
    // A first run that was cut short has noted whose it is, or nothing: either is a start.
    await backUp(world, { to });
  });
});
