import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import Database from "better-sqlite3";
import { expect, onTestFinished, test } from "vitest";
import type { Nexus } from "../../src/compose.js";
import type { Config } from "../../src/config/config.js";
import type { Caller } from "../../src/model/identity.js";
import type { TenantId } from "../../src/model/ids.js";
import { InProcessDriver } from "../conformance/in-process-driver.js";
import { fails, outcomeOf } from "../conformance/posix-case.js";
import { FALLOC, O, RENAME } from "../conformance/posix-driver.js";
import { put, randomNumbers, settle, withFile } from "../conformance/posix-steps.js";
import { kindOfLater } from "../support/error-kind.js";
import { openNexus } from "../support/stores.js";
import { testDir } from "../support/temp-dir.js";

const ACME = "acme" as TenantId;
const MADE = O.RDWR | O.CREAT;
const KIB = 1024;

/** A namespace with limits, and drivers for who acts in it. */
class Place {
  readonly dataDir = testDir();
  readonly nexus: Nexus;

  constructor(config: Partial<Config>) {
    this.nexus = openNexus(this.dataDir, { config });
    onTestFinished(() => this.nexus.close({ drainMs: 0 }));
  }

  as(tenantId?: TenantId): InProcessDriver {
    const identity = { isAdmin: false, ...(tenantId === undefined ? {} : { tenantId }) };
    const caller: Caller = { uid: 0, gid: 0, pid: 1, identity };
    if (tenantId !== undefined) this.nexus.welcome(identity);
    return new InProcessDriver({ fs: this.nexus.fileSystem, caller });
  }

  /** What the rows say that a tenant has, looked at from outside. */
  rows(tenantId: TenantId): { files: number; bytes: number } {
    const database = new Database(join(this.dataDir, "metadata.db"), { readonly: true });
    try {
      const attributes = (table: string) =>
        `(SELECT coalesce(sum(length(CAST(key AS BLOB)) + length(CAST(value AS BLOB))), 0) FROM ${table} a WHERE a.ino = i.ino)`;
      const bytes = `i.size_bytes + ${attributes("file_metadata")} + ${attributes("system_attributes")}`;
      const sql = `SELECT count(*) files, coalesce(sum(${bytes}), 0) bytes FROM inodes i WHERE tenant_id = ?`;
      return database
        .prepare<[string], { files: number; bytes: number }>(sql)
        .get(tenantId) as never;
    } finally {
      database.close();
    }
  }
}

test("a tenant's files take no more bytes than its limit, to the last one, and df tells", async () => {
  const place = new Place({ quotas: [{ tenantId: ACME, bytes: 100 * KIB }] });
  const acme = place.as(ACME);
  const before = await acme.statvfs("/");
  expect(before).toMatchObject({ blocks: 25, bsize: 4096 });
  const free = before.bavail * 4096;
  await withFile(acme, { path: "file", flags: MADE, mode: 0o644 }, async (fd) => {
    await acme.write(fd, Buffer.alloc(free - 1));
    await fails(acme.write(fd, Buffer.alloc(2)), "EDQUOT");
    await acme.write(fd, Buffer.alloc(1));
    expect((await acme.fstat(fd)).size).toBe(free);
    await fails(acme.write(fd, Buffer.alloc(1)), "EDQUOT");
    // In place it takes nothing.
    await acme.pwrite(fd, { offset: 0, data: Buffer.from("in place") });
  });
  expect(await acme.statvfs("/")).toMatchObject({ blocks: 25, bfree: 0, bavail: 0 });
  await fails(put(acme, { path: "other", data: "x" }), "EDQUOT");
  await acme.truncate("file", free - 4096);
  await put(acme, { path: "other", data: "x" });
});

test("every way for a file to grow is refused, and none has changed anything", async () => {
  const place = new Place({ quotaBytes: 64 * KIB });
  const acme = place.as(ACME);
  await put(acme, { path: "small", data: "small" });
  await put(acme, { path: "large", data: Buffer.alloc(30 * KIB, "x") });
  await withFile(acme, { path: "small", flags: O.RDWR }, async (fd) => {
    await fails(acme.truncate("small", 64 * KIB), "EDQUOT");
    await fails(acme.ftruncate(fd, 64 * KIB), "EDQUOT");
    await fails(acme.pwrite(fd, { offset: 60 * KIB, data: Buffer.from("far") }), "EDQUOT");
    await fails(acme.fallocate(fd, { mode: 0, offset: 0, length: 64 * KIB }), "EDQUOT");
    await withFile(acme, { path: "large", flags: O.RDONLY }, async (from) => {
      const copy = { offset: 0, to: fd, toOffset: 10 * KIB, length: 30 * KIB };
      await fails(acme.copyFileRange(from, copy), "EDQUOT");
    });
    await withFile(acme, { path: "empty", flags: MADE, mode: 0o600 }, async (to) => {
      // By reference it would take as much.
      await withFile(acme, { path: "large", flags: O.RDONLY }, async (from) => {
        await fails(acme.copyFileRange(from, { to, length: 30 * KIB }), "EDQUOT");
      });
      expect((await acme.fstat(to)).size).toBe(0);
    });
    expect(await acme.pread(fd, { offset: 0, length: 100 })).toEqual(Buffer.from("small"));
  });
});

test("a tenant makes no more files than its limit, whatever they are; a taken name is EEXIST all the same", async () => {
  const place = new Place({ quotaFiles: 10 });
  const acme = place.as(ACME);
  const used = await acme.statvfs("/");
  expect(used).toMatchObject({ files: 10 });
  for (let made = 0; made < used.ffree; made++) await put(acme, { path: `file ${made}` });
  await fails(put(acme, { path: "one more" }), "EDQUOT");
  await fails(acme.mkdir("d"), "EDQUOT");
  await fails(acme.symlink("target", "l"), "EDQUOT");
  await fails(acme.mknod("p", { mode: 0o010644 }), "EDQUOT");
  await fails(acme.open(".", { flags: O.TMPFILE | O.RDWR, mode: 0o600 }), "EDQUOT");
  await fails(acme.mkdir("file 0"), "EEXIST");
  // Another name, or the same one again, is no other file.
  await acme.link("file 0", "link");
  await put(acme, { path: "file 1", data: "again" });
  await acme.unlink("file 2");
  await put(acme, { path: "one more" });
});

test("what is open without a name counts until it is closed", async () => {
  const place = new Place({ quotaBytes: 64 * KIB });
  const acme = place.as(ACME);
  await withFile(acme, { path: "file", flags: MADE, mode: 0o600 }, async (fd) => {
    await acme.write(fd, Buffer.alloc(40 * KIB));
    await acme.unlink("file");
    await fails(put(acme, { path: "other", data: Buffer.alloc(40 * KIB) }), "EDQUOT");
  });
  await put(acme, { path: "other", data: Buffer.alloc(40 * KIB) });
});

test("what counts is whose place it is, and in the open one who has made it", async () => {
  const place = new Place({ quotas: [{ tenantId: ACME, bytes: 64 * KIB }] });
  const [acme, other, nobody] = [place.as(ACME), place.as("other" as TenantId), place.as()];
  await put(nobody, { path: "workspace/acme/file", data: Buffer.alloc(30 * KIB) });
  await put(acme, { path: "documents", data: Buffer.alloc(20 * KIB) });
  await fails(put(nobody, { path: "workspace/acme/more", data: Buffer.alloc(30 * KIB) }), "EDQUOT");
  // It stays who made it that it is charged to.
  await withFile(nobody, { path: "documents", flags: O.WRONLY | O.APPEND }, async (fd) => {
    await fails(nobody.write(fd, Buffer.alloc(30 * KIB)), "EDQUOT");
  });
  await put(other, { path: "elsewhere", data: Buffer.alloc(500 * KIB) });
  expect((await nobody.statvfs("workspace/acme")).blocks).toBe(16);
  expect((await nobody.statvfs("/")).blocks).toBeGreaterThan(16);
});

test("at the next start everything counts that is there, and no limit takes anything away", async () => {
  const place = new Place({ quotaBytes: 64 * KIB });
  await put(place.as(ACME), { path: "file", data: Buffer.alloc(40 * KIB) });
  await place.nexus.close({ drainMs: 10_000 });
  const again = openNexus(place.dataDir, { config: { quotaBytes: 32 * KIB, quotaFiles: 1 } });
  try {
    const identity = { isAdmin: false, tenantId: ACME };
    again.welcome({ ...identity, tenantId: ACME });
    const driver = new InProcessDriver({
      fs: again.fileSystem,
      caller: { uid: 0, gid: 0, pid: 1, identity },
    });
    expect(await driver.statvfs("/")).toMatchObject({ blocks: 8, bfree: 0, files: 1, ffree: 0 });
    await fails(put(driver, { path: "other" }), "EDQUOT");
    await driver.truncate("file", 10 * KIB);
    await driver.rename("file", "renamed");
    await driver.unlink("renamed");
  } finally {
    await again.close({ drainMs: 0 });
  }
});

test("blocks past the end of a file, which count for nobody, aren't to be had", async () => {
  const place = new Place({ quotaBytes: 64 * KIB });
  const acme = place.as(ACME);
  await withFile(acme, { path: "file", flags: MADE, mode: 0o600 }, async (fd) => {
    await acme.write(fd, Buffer.alloc(8 * KIB));
    const past = { offset: 0, length: 8 * KIB + 1, mode: FALLOC.KEEP_SIZE };
    await fails(acme.fallocate(fd, past), "EOPNOTSUPP");
    await acme.fallocate(fd, { ...past, length: 8 * KIB });
  });
});

test("attributes count with their names and values", async () => {
  const place = new Place({ quotaBytes: 64 * KIB });
  const acme = place.as(ACME);
  await put(acme, { path: "file", data: "x" });
  const set = (name: string, bytes: number) =>
    acme.setxattr("file", { name, value: Buffer.alloc(bytes, "v") });
  await set("user.a", 40 * KIB);
  await fails(set("user.b", 30 * KIB), "EDQUOT");
  await fails(set("user.a", 60 * KIB), "EDQUOT");
  await fails(set("trusted.b", 30 * KIB), "EDQUOT");
  await set("user.a", 10);
  await set("trusted.b", 30 * KIB);
  await acme.removexattr("file", "trusted.b");
  await set("user.b", 30 * KIB);
  await acme.unlink("file");
  await put(acme, { path: "other", data: Buffer.alloc(40 * KIB) });
});

test("a whiteout is its tenant's", async () => {
  const place = new Place({ quotaFiles: 8 });
  const acme = place.as(ACME);
  await acme.mkdir("workspace/acme/d");
  let made = 0;
  for (; made < 20; made++) {
    await acme.mkdir(`workspace/acme/d${made}`).catch(() => undefined);
    const to = `workspace/acme/to${made}`;
    const outcome = await outcomeOf(
      acme.renameat2(`workspace/acme/d${made}`, { to, flags: RENAME.WHITEOUT }),
    );
    if (outcome !== "success") break;
  }
  expect(made).toBeLessThan(8);
  expect(place.rows(ACME).files).toBeLessThanOrEqual(8);
});

test("files that are lengthened at the same time don't get past the limit together", async () => {
  const place = new Place({ quotaBytes: 20 * 1024 * KIB });
  const acme = place.as(ACME);
  const names = ["a", "b", "c"];
  for (const path of names) {
    await put(acme, { path, data: Buffer.alloc(5 * 1024 * KIB, path) });
    await settle(acme, path);
  }
  const ends = await Promise.all(
    names.map((path) => outcomeOf(acme.truncate(path, 9 * 1024 * KIB))),
  );
  expect(ends.toSorted()).toEqual(["EDQUOT", "EDQUOT", "success"]);
  // The copies that were made for those that failed aren't left open, nor unsealed.
  await expect.poll(() => place.nexus.figures().stagedFiles, { timeout: 10_000 }).toBe(0);
});

test("the library replaces a file by another as large, also at the limit", async () => {
  const place = new Place({ quotaBytes: 100 * KIB, quotaFiles: 4 });
  const identity = { isAdmin: false, tenantId: ACME };
  place.nexus.welcome(identity);
  const { files } = place.nexus.featuresFor(identity);
  const write = (path: string, bytes: number, fill: string) =>
    files.write(path, Buffer.alloc(bytes, fill));
  const rest = (await place.as(ACME).statvfs("/")).ffree;
  expect(rest).toBeGreaterThan(0);
  await write("/f", 60 * KIB, "a");
  for (let made = 1; made < rest; made++) await write(`/f${made}`, 1, "x");
  await write("/f", 60 * KIB, "b");
  expect(await kindOfLater(write("/other", 1, "x"))).toBe("quota-exceeded");
  expect(await kindOfLater(write("/f", 120 * KIB, "c"))).toBe("quota-exceeded");
  expect(
    Buffer.from(await files.read("/f"))
      .subarray(0, 3)
      .toString(),
  ).toBe("bbb");
});

test("who replaces another tenant's file takes of that one's limit, and not past it", async () => {
  const place = new Place({ quotaBytes: 100 * KIB });
  const beta = place.nexus.featuresFor({ isAdmin: false, tenantId: "beta" as TenantId }).files;
  const acme = place.as(ACME);
  await put(acme, { path: "open", data: Buffer.alloc(30 * KIB) });
  await put(acme, { path: "rest", data: Buffer.alloc(40 * KIB) });
  expect(await kindOfLater(beta.write("/open", Buffer.alloc(90 * KIB)))).toBe("quota-exceeded");
  expect((await acme.stat("open")).size).toBe(30 * KIB);
  await beta.write("/open", Buffer.alloc(10 * KIB));
});

test("where the disk is smaller than the limit, df tells of the disk", async () => {
  const place = new Place({ quotaBytes: 2 ** 50 });
  const { blocks, bavail } = await place.as(ACME).statvfs("/");
  expect(blocks * 4096).toBeLessThan(2 ** 50);
  expect(blocks - bavail).toBeLessThan(100);
});

test("an import that doesn't fit changes nothing", async () => {
  const place = new Place({ quotas: [{ tenantId: ACME, bytes: 100 * KIB }] });
  const all = place.nexus.featuresFor({ isAdmin: true });
  await all.files.write("/from/a", Buffer.alloc(60 * KIB, "a"));
  await all.files.write("/from/b", Buffer.alloc(60 * KIB, "b"));
  const target = join(testDir(), "export.jsonl");
  await all.transfer.exportMetadata(target);
  const lines = readFileSync(target, "utf8").replaceAll("/from/", "/workspace/acme/x/");
  const source = Readable.from([lines]);
  expect(await kindOfLater(all.transfer.importMetadata(source))).toBe("quota-exceeded");
  expect(await all.files.exists("/workspace/acme/x")).toBe(false);
});

test("the count is what the rows say, through whatever happens to files", async () => {
  const place = new Place({ quotaBytes: 1024 * KIB, quotaFiles: 60 });
  const acme = place.as(ACME);
  const next = randomNumbers(7);
  const pick = (count: number) => next() % count;
  const name = () => `f${pick(12)}`;
  const steps: (() => Promise<unknown>)[] = [
    () => put(acme, { path: name(), data: Buffer.alloc(pick(20 * KIB)) }),
    () => acme.truncate(name(), pick(90 * KIB)),
    () => acme.unlink(name()),
    () => acme.rename(name(), name()),
    () => acme.link(name(), name()),
    () => acme.mkdir(`d${pick(4)}`),
    () => acme.rmdir(`d${pick(4)}`),
    () => acme.symlink("x".repeat(1 + pick(50)), name()),
    () => acme.setxattr(name(), { name: `user.${pick(3)}`, value: Buffer.alloc(pick(500)) }),
    () => acme.removexattr(name(), `user.${pick(3)}`),
    () =>
      acme.renameat2(name(), {
        to: name(),
        flags: pick(2) === 0 ? RENAME.WHITEOUT : RENAME.EXCHANGE,
      }),
    () =>
      withFile(acme, { path: ".", flags: O.TMPFILE | O.RDWR, mode: 0o600 }, async (fd) => {
        await acme.write(fd, Buffer.alloc(pick(9000)));
        if (pick(2) === 0) await acme.flink(fd, name());
      }),
    () =>
      withFile(acme, { path: name(), flags: O.RDONLY }, (from) =>
        withFile(acme, { path: name(), flags: O.RDWR }, (to) =>
          acme.copyFileRange(from, { to, length: 30 * KIB }),
        ),
      ),
    () =>
      withFile(acme, { path: name(), flags: O.WRONLY | O.APPEND }, (fd) =>
        acme.write(fd, Buffer.alloc(pick(9000))),
      ),
  ];
  let done = 0;
  for (let step = 0; step < 400; step++) {
    const outcome = await outcomeOf(Promise.resolve(steps[pick(steps.length)]?.()));
    if (outcome === "success") done += 1;
    if (step % 40 !== 0) continue;
    // What was removed is counted until it is reaped; others see it once it is committed.
    const both = async () => {
      const { files, ffree, blocks, bfree } = await acme.statvfs("/");
      const rows = place.rows(ACME);
      const counted = [files - ffree, blocks - bfree];
      return [counted, [rows.files, Math.ceil(rows.bytes / 4096)]].map(String);
    };
    await expect.poll(async () => new Set(await both()).size, { timeout: 5000 }).toBe(1);
  }
  expect(done).toBeGreaterThan(150);
});
