import { chmodSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, test } from "vitest";
import type { ContentHash } from "../../src/model/ids.js";
import type { ContentStore } from "../../src/storage/content/content-store.js";
import { casPath, layoutOf } from "../../src/storage/content/local/layout.js";
import { bytesOfLength } from "../support/bytes.js";
import { kindOfLater } from "../support/error-kind.js";
import { ANYBODY, World, type WorldOptions } from "./world.js";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const INTERVAL = 30 * DAY;
const AT_ONCE = { bytesPerSecond: 1e12, intervalMs: INTERVAL };
const DONE = "the contents of all files were read again";
const FOUND = "a content is damaged: its files can't be read; see nexus fsck";

function world(options: WorldOptions = {}): World {
  return new World({ scrubbing: AT_ONCE, ...options });
}

function rounds({ lines }: World): number {
  return lines.filter(({ msg }) => msg === DONE).length;
}

/** Lets the next round begin, and end. */
async function round(world: World, ms = 5 * MINUTE): Promise<void> {
  const before = rounds(world);
  world.clock.advance(ms);
  await world.until(() => rounds(world) > before);
}

/** More files than are read in one go; returns the hashes, in their order. */
async function writeMany(world: World): Promise<ContentHash[]> {
  const names = Array.from({ length: 300 }, (_, index) => `file ${index}`);
  for (const name of names) await world.write(name, name);
  while (names.some((name) => world.hash(name) === undefined)) await world.pass(1100);
  return names.map((name) => world.hash(name) as ContentHash).sort();
}

function blob(world: World, name: string): string {
  return casPath(layoutOf(world.dataDir), world.hash(name) as ContentHash);
}

/** Other bytes, as many as there were. */
function overwrite(path: string, text: string): void {
  chmodSync(path, 0o600);
  writeFileSync(path, text);
  chmodSync(path, 0o444);
}

function damagedFiles({ metadata, dataDir }: World): unknown[] {
  metadata.commit();
  const database = new Database(join(dataDir, "metadata.db"), { readonly: true });
  try {
    return database.prepare("SELECT virtual_path, problem FROM damaged_files").all();
  } finally {
    database.close();
  }
}

/** A content store that counts what it is asked to read again. */
function countVerified(verified: ContentHash[]): (store: ContentStore) => ContentStore {
  return (store: ContentStore) =>
    proxy(store, async (request) => {
      const result = await store.verify(request);
      for (const { hash } of request.contents.slice(0, result.count)) verified.push(hash);
      return result;
    });
}

function proxy(store: ContentStore, verify: ContentStore["verify"]): ContentStore {
  return new Proxy(store, {
    get: (target, key) => {
      if (key === "verify") return verify;
      const value = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

describe("the contents of a store that stays open", () => {
  test("are read minutes after it was opened, each once in an interval", async () => {
    const verified: ContentHash[] = [];
    const it = world({ wrapContents: countVerified(verified) });
    const hashes = await writeMany(it);
    expect(verified).toStrictEqual([]);
    await round(it);
    expect(verified).toStrictEqual(hashes);
    await it.pass(INTERVAL - 5 * MINUTE);
    expect(rounds(it)).toBe(1);
    await round(it);
    expect(verified).toStrictEqual([...hashes, ...hashes]);
    expect(it.trouble).toStrictEqual([]);
  });

  test("are never read at a rate of 0", async () => {
    const verified: ContentHash[] = [];
    const scrubbing = { ...AT_ONCE, bytesPerSecond: 0 };
    const it = world({ scrubbing, wrapContents: countVerified(verified) });
    await it.write("a", "text");
    await it.sealed("a");
    await it.pass(INTERVAL);
    expect(verified).toStrictEqual([]);
  });

  test("are read again when the last round began in the future, by a clock that was wrong", async () => {
    const it = world();
    await it.write("a", "text");
    await it.sealed("a");
    await round(it);
    await it.close();
    it.clock.setBack(400 * DAY);
    const next = world({ dataDir: it.dataDir, clock: it.clock });
    await round(next);
  });

  test("show how far it is", async () => {
    const it = world();
    expect(it.nexus.figures().scrub).toStrictEqual({
      ...{ done: undefined, beganAt: undefined, endedAt: undefined, damaged: 0 },
    });
    await it.write("a", "text");
    await it.sealed("a");
    await round(it);
    const { done, beganAt, endedAt } = it.nexus.figures().scrub;
    expect({ done, beganAt }).toStrictEqual({ done: undefined, beganAt: endedAt });
    expect(beganAt).toMatch(/^2030-01-01T00:05/);
  });
});

describe("a round that is cut short", () => {
  test("ends at once, and goes on after the next start where it was", async () => {
    const verified: ContentHash[] = [];
    let isSlow = false;
    const wrapContents = (store: ContentStore) => {
      const counting = countVerified(verified)(store);
      return proxy(counting, async (request) => {
        isSlow = verified.length > 0 && verified.length < 300;
        return await counting.verify(isSlow ? { ...request, bytesPerSecond: 1 } : request);
      });
    };
    const it = world({ wrapContents });
    const hashes = await writeMany(it);
    it.clock.advance(5 * MINUTE);
    await it.until(() => isSlow);
    const before = performance.now();
    await it.close();
    expect(performance.now() - before).toBeLessThan(5000);
    expect(verified).toStrictEqual(hashes.slice(0, 250));

    const next = world({
      dataDir: it.dataDir,
      clock: it.clock,
      wrapContents: countVerified(verified),
    });
    expect(next.nexus.figures().scrub.done).toBeCloseTo(250 / 300, 1);
    await round(next);
    expect(verified).toStrictEqual(hashes);
  });

  test("reads a large content from its beginning", async () => {
    const verified: ContentHash[] = [];
    const scrubbing = { ...AT_ONCE, bytesPerSecond: 100_000 };
    const it = world({ scrubbing, wrapContents: countVerified(verified) });
    await it.write("large", bytesOfLength(3_000_000));
    await it.sealed("large");
    it.clock.advance(5 * MINUTE);
    await it.until(() => it.nexus.figures().scrub.done === 0);
    await it.close();
    expect(verified).toStrictEqual([]);
    const wrapContents = countVerified(verified);
    const next = world({ dataDir: it.dataDir, clock: it.clock, wrapContents });
    await round(next);
    expect(verified).toStrictEqual([next.hash("large")]);
  });
});

describe("a content with other bytes than it was stored with", () => {
  async function damaged() {
    const it = world();
    await it.write("damaged", "right");
    await it.write("whole", "whole");
    await it.sealed("damaged", "whole");
    overwrite(blob(it, "damaged"), "wrong");
    expect(await it.read("damaged")).toBe("wrong");
    await round(it);
    return it;
  }

  test("is told of once, with its files, and can't be read from then on", async () => {
    const it = await damaged();
    expect(it.trouble).toMatchObject([
      { level: 50, msg: FOUND, problem: "changed", files: ["/damaged"] },
    ]);
    expect(damagedFiles(it)).toStrictEqual([{ virtual_path: "/damaged", problem: "changed" }]);
    expect(it.nexus.figures().scrub.damaged).toBe(1);
    expect(await kindOfLater(it.read("damaged"))).toBe("corrupt");
    expect(await it.read("whole")).toBe("whole");
    await round(it, INTERVAL);
    expect(it.trouble).toHaveLength(1);
  });

  test("can't be read after the next start either", async () => {
    const it = await damaged();
    const next = it.killed();
    expect(await kindOfLater(next.read("damaged"))).toBe("corrupt");
  });

  test("is replaced when the right bytes are written anywhere", async () => {
    const it = await damaged();
    await it.write("copy", "right");
    await it.sealed("copy");
    expect(await it.read("damaged")).toBe("right");
    expect(it.nexus.figures().scrub.damaged).toBe(0);
    expect(damagedFiles(it)).toStrictEqual([]);
    await round(it, INTERVAL);
    expect(it.trouble).toHaveLength(1);
  });

  test("is replaced by a large one, which is linked into its place", async () => {
    const it = world();
    const bytes = bytesOfLength(300_000);
    await it.write("damaged", bytes);
    await it.sealed("damaged");
    overwrite(blob(it, "damaged"), "x".repeat(300_000));
    await round(it);
    await it.write("copy", bytes);
    await it.sealed("copy");
    expect(await it.read("damaged")).toBe(bytes.toString());
  });

  test("counts no more when its last file is removed", async () => {
    const it = await damaged();
    await it.unlink("damaged");
    await it.pass(100);
    expect(it.nexus.figures().scrub.damaged).toBe(0);
    await it.swept();
    await it.write("again", "right");
    await it.sealed("again");
    expect(await it.read("again")).toBe("right");
  });

  test("can't be copied either", async () => {
    const it = await damaged();
    const from = await it.open("damaged", { access: "read" });
    const to = await it.create("copy");
    const span = { offset: 0, toOffset: 0, length: 5 };
    const request = { handle: from.handle, toHandle: to.handle, ...span };
    const copying = async () => it.fs.copyFileRange(ANYBODY, request);
    expect(await kindOfLater(copying())).toBe("corrupt");
    expect(it.hash("copy")).toBeUndefined();
    from.close();
    to.close();
  });

  test("can be read again minutes after the next start, when somebody has put the right bytes there", async () => {
    const it = await damaged();
    overwrite(blob(it, "damaged"), "right");
    await it.close();
    const next = world({ dataDir: it.dataDir, clock: it.clock });
    expect(await kindOfLater(next.read("damaged"))).toBe("corrupt");
    next.clock.advance(5 * MINUTE);
    await next.until(() => next.nexus.figures().scrub.damaged === 0);
    expect(await next.read("damaged")).toBe("right");
  });

  test("can be emptied, and written anew", async () => {
    const it = await damaged();
    const file = await it.open("damaged", { truncate: true });
    await file.write("new");
    file.close();
    expect(await it.read("damaged")).toBe("new");
  });
});

describe("a content that is missing", () => {
  test("is told of, and is there again when its bytes are written anywhere", async () => {
    const it = world();
    await it.write("a", "text");
    await it.sealed("a");
    rmSync(blob(it, "a"));
    await round(it);
    expect(it.trouble).toMatchObject([{ msg: FOUND, problem: "missing", files: ["/a"] }]);
    expect(damagedFiles(it)).toStrictEqual([{ virtual_path: "/a", problem: "missing" }]);
    await it.write("b", "text");
    await it.sealed("b");
    expect(await it.read("a")).toBe("text");
    expect(it.nexus.figures().scrub.damaged).toBe(0);
  });

  test("isn't damage when nothing needs it by then", async () => {
    let remove: (() => Promise<void>) | undefined;
    const it = world({
      wrapContents: (store) =>
        proxy(store, async (request) => {
          const result = await store.verify(request);
          await remove?.();
          remove = undefined;
          return result;
        }),
    });
    await it.write("a", "text");
    await it.sealed("a");
    rmSync(blob(it, "a"));
    remove = async () => {
      await it.unlink("a");
      it.clock.advance(100);
    };
    await round(it);
    expect(it.trouble).toStrictEqual([]);
  });

  test("isn't damage when all are, because the disk isn't there", async () => {
    const it = world();
    await it.write("a", "text");
    await it.sealed("a");
    const cas = join(it.dataDir, "cas");
    renameSync(cas, `${cas}.away`);
    it.clock.advance(5 * MINUTE);
    await it.until(() => it.trouble.length > 0);
    expect(it.trouble).toMatchObject([{ level: 50, msg: "contents can't be read again now" }]);
    renameSync(`${cas}.away`, cas);
    await round(it, 60 * MINUTE);
    expect(it.nexus.figures().scrub.damaged).toBe(0);
  });
});
