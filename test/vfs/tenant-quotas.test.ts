import { join } from "node:path";
import Database from "better-sqlite3";
import { expect, onTestFinished, test } from "vitest";
import type { Nexus } from "../../src/compose.js";
import type { Config } from "../../src/config/config.js";
import type { Caller } from "../../src/model/identity.js";
import type { TenantId } from "../../src/model/ids.js";
import { InProcessDriver } from "../conformance/in-process-driver.js";
import { fails } from "../conformance/posix-case.js";
import { O } from "../conformance/posix-driver.js";
import { put, randomNumbers, withFile } from "../conformance/posix-steps.js";
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
      const sql =
        "SELECT count(*) files, coalesce(sum(size_bytes), 0) bytes FROM inodes WHERE tenant_id = ?";
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
  const used = place.nexus && (await acme.statvfs("/"));
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
    () =>
      withFile(acme, { path: name(), flags: O.WRONLY | O.APPEND }, (fd) =>
        acme.write(fd, Buffer.alloc(pick(9000))),
      ),
  ];
  for (let step = 0; step < 400; step++) {
    await steps[pick(steps.length)]?.().catch(() => undefined);
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
});
