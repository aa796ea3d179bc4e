import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable, Writable } from "node:stream";
import { describe, expect, test } from "vitest";
import type { Caller } from "../../../src/model/identity.js";
import { brokenInvariants } from "../../storage/metadata/invariants.js";
import { kindOfLater } from "../../support/error-kind.js";
import { testDir } from "../../support/temp-dir.js";
import { caller, flags } from "../../vfs/world.js";
import { ADMIN, lineOf, sha256, TransferWorld } from "./transfer-world.js";

async function failure(promise: Promise<unknown>): Promise<{ kind?: string; message: string }> {
  return await promise.then(
    () => ({ message: "nothing failed" }),
    (error: { kind?: string; message: string }) => error,
  );
}

function from(...lines: string[]): Readable {
  return Readable.from([Buffer.from(lines.join(""))]);
}

async function filled(): Promise<TransferWorld> {
  const world = new TransferWorld();
  await world.put("/docs/b.txt", "beta", { project: "x", note: "über" });
  await world.put("/docs/a.txt", "alpha");
  await world.put("/docs/same.txt", "alpha");
  await world.put("/docs/empty", "");
  const ino = await world.put("/docs/bytes", "bytes");
  const value = Buffer.from([0xff, 0, 1]);
  await world.fs.setxattr(ADMIN, { ino, name: "user.raw", value, mode: "any" });
  return world;
}

function linesOf(path: string): Record<string, unknown>[] {
  const text = readFileSync(path, "utf8");
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

describe("export", () => {
  test("writes one object a file, sorted by path, its keys in the order of the format", async () => {
    const world = await filled();
    const out = join(testDir(), "out.jsonl");
    expect(await world.transfer().exportMetadata(out)).toStrictEqual({ files: 5, bytes: 0 });
    const lines = linesOf(out);
    expect(lines.map(({ path }) => path)).toStrictEqual([
      "/docs/a.txt",
      "/docs/b.txt",
      "/docs/bytes",
      "/docs/empty",
      "/docs/same.txt",
    ]);
    expect(Object.keys(lines[1] ?? {})).toStrictEqual([
      "path",
      "path_id",
      "backend_name",
      "physical_path",
      "size",
      "etag",
      "mime_type",
      "created_at",
      "modified_at",
      "version",
      "custom_metadata",
    ]);
    expect(lines[1]).toMatchObject({
      backend_name: "local",
      physical_path: sha256("beta"),
      etag: sha256("beta"),
      size: 4,
      mime_type: "text/plain",
      modified_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/),
      version: 1,
      custom_metadata: { project: "x", note: "über" },
    });
    expect(lines[0]).not.toHaveProperty("custom_metadata");
    expect(lines[2]).toMatchObject({
      custom_metadata: { raw: { base64: "/wAB" } },
      mime_type: null,
    });
  });

  test("takes what lies below a prefix, what was modified after a time, and what a tenant has", async () => {
    const world = await filled();
    await world.put("/shared/acme/file", "theirs");
    const directory = testDir();
    const paths = async (options: object) => {
      const out = join(directory, "out.jsonl");
      await world.transfer().exportMetadata(out, options);
      return linesOf(out).map(({ path }) => path);
    };
    expect(await paths({ prefix: "/docs/a.txt" })).toStrictEqual(["/docs/a.txt"]);
    expect(await paths({ tenantId: "acme" })).toStrictEqual(["/shared/acme/file"]);
    world.clock.advance(5000);
    const after = (await world.statOf("/docs/a.txt")).modifiedAt;
    expect(await paths({ after })).toStrictEqual([]);
    await world.put("/later", "later");
    expect(await paths({ after })).toStrictEqual(["/later"]);
  });

  test("has only what the identity may read", async () => {
    const world = new TransferWorld();
    await world.put("/workspace/acme/alice/mine", "mine");
    await world.put("/workspace/acme/bob/his", "his");
    await world.put("/shared/other/theirs", "theirs");
    const out = join(testDir(), "out.jsonl");
    await world.transfer(caller("acme", "alice")).exportMetadata(out);
    expect(linesOf(out).map(({ path }) => path)).toStrictEqual(["/workspace/acme/alice/mine"]);
  });

  test("that fails or is aborted leaves nothing, and an older file whole", async () => {
    const world = await filled();
    const directory = testDir();
    const out = join(directory, "out.jsonl");
    writeFileSync(out, "older");
    const ino = (await world.statOf("/docs/b.txt")).ino;
    const { handle } = await world.fs.open(ADMIN, { ino, flags: flags({ access: "write" }) });
    const data = Buffer.from("x");
    await world.fs.write(ADMIN, { handle, offset: 0, data, killSetId: false });
    for (const withContent of [false, true]) {
      const failing = world.transfer().exportMetadata(out, { withContent });
      expect(await failure(failing)).toMatchObject({ kind: "busy", path: "/docs/b.txt" });
      const abort = new AbortController();
      const onProgress = () => abort.abort(new Error("enough"));
      const options = { withContent, signal: abort.signal, onProgress, prefix: "/docs/a.txt" };
      await expect(world.transfer().exportMetadata(out, options)).rejects.toThrow();
    }
    world.fs.release({ handle });
    expect(readdirSync(directory)).toStrictEqual(["out.jsonl"]);
    expect(readFileSync(out, "utf8")).toBe("older");
  });

  test("says what is wrong with the file that was named", async () => {
    const world = await filled();
    const directory = testDir();
    const place = (name: string) => join(directory, name);
    writeFileSync(place("file"), "");
    execFileSync("mkfifo", [place("pipe")]);
    const long = place("n".repeat(256));
    const pipe = "it is no regular file, and one would take its place";
    for (const [path, kind, reason] of [
      [directory, "is-a-directory", "it is a directory"],
      [place("none/out"), "not-found", `there is no directory ${place("none")}`],
      [place("file/out"), "not-a-directory", "a part of its path is no directory"],
      [place("pipe"), "invalid-argument", pipe],
      [long, "name-too-long", "name too long"],
    ]) {
      const message = `${path} can't be written: ${reason}`;
      const failing = world.transfer().exportMetadata(path ?? "");
      expect(await failure(failing)).toMatchObject({ kind, message, path });
    }
    for (const [path, kind, reason] of [
      [directory, "is-a-directory", "it is a directory"],
      [place("none"), "not-found", "there is no such file"],
    ]) {
      const message = `${path} can't be read: ${reason}`;
      const failing = world.transfer().importMetadata(path ?? "");
      expect(await failure(failing)).toMatchObject({ kind, message, path });
    }
    expect(readdirSync(directory).sort()).toStrictEqual(["file", "pipe"]);
    expect(statSync(place("pipe")).isFIFO()).toBe(true);
  });

  test("takes a name as long as names can be", async () => {
    const world = await filled();
    const out = join(testDir(), "n".repeat(255));
    expect(await world.transfer().exportMetadata(out)).toMatchObject({ files: 5 });
    expect(linesOf(out)).toHaveLength(5);
  });

  test("with content is an archive that tar opens, with each content once", async () => {
    const world = await filled();
    const directory = testDir();
    const out = join(directory, "out.tar");
    const result = await world.transfer().exportMetadata(out, { withContent: true });
    expect(result).toStrictEqual({ files: 5, bytes: 14 });
    const names = execFileSync("tar", ["tf", out], { encoding: "utf8" }).trim().split("\n");
    expect(names[0]).toBe("metadata.jsonl");
    const contents = ["alpha", "beta", "bytes", ""].map((text) => `blobs/${sha256(text)}`);
    expect(names.slice(1).sort()).toStrictEqual(contents.sort());
    execFileSync("tar", ["xf", out, "-C", directory]);
    expect(readFileSync(join(directory, `blobs/${sha256("beta")}`), "utf8")).toBe("beta");
    expect(statSync(out).mode & 0o777).toBe(0o600);
  });

  test("goes as fast as the stream that it is written to", async () => {
    const world = await filled();
    await world.put("/large", "x".repeat(3_000_000));
    const taken: Buffer[] = [];
    let under = 0;
    const slow = new Writable({
      highWaterMark: 1000,
      write(chunk, _encoding, done) {
        under += 1;
        expect(under).toBe(1);
        taken.push(chunk);
        setImmediate(() => {
          under -= 1;
          done();
        });
      },
    });
    await world.transfer().exportMetadata(slow, { withContent: true });
    const copy = new TransferWorld();
    const result = await copy.transfer().importMetadata(Readable.from(taken));
    expect(result).toMatchObject({ created: 6 });
    expect((await copy.text("/large")).length).toBe(3_000_000);
  });
});

describe("import", () => {
  test("of an archive into an empty store, and an export of that, is the same again", async () => {
    const world = await filled();
    await world.put("/jobs/first", "1", { status: "completed" });
    const first = (await world.statOf("/jobs/first")).pathId;
    await world.put("/jobs/b", "2", { status: "pending" });
    const second = (await world.statOf("/jobs/b")).pathId;
    await world.put("/jobs/a", "3", {
      status: "blocked",
      depends_on: JSON.stringify([second, first]),
    });
    await world.put("/docs/b.txt", "beta two");
    const directory = testDir();
    const [one, two] = [join(directory, "one.tar"), join(directory, "two.tar")];
    await world.transfer().exportMetadata(one, { withContent: true });

    const copy = new TransferWorld();
    copy.clock.advance(1_000_000);
    expect(await copy.transfer().importMetadata(one)).toStrictEqual({
      created: 8,
      updated: 0,
      skipped: 0,
      remapped: 0,
      collisions: [],
    });
    await copy.transfer().exportMetadata(two, { withContent: true });
    expect(readFileSync(two).equals(readFileSync(one))).toBe(true);
    expect(await copy.text("/docs/b.txt")).toBe("beta two");
    const { ino } = await copy.statOf("/jobs/a");
    const states = copy.metadata.work.dependenciesOf(ino).map(({ state }) => state);
    expect(states).toStrictEqual(["waiting", "completed"]);
    await copy.close();
    expect(brokenInvariants(copy.dataDir)).toStrictEqual({});
  });

  test("keeps times to the microsecond, so an export of it is the same again", async () => {
    const world = new TransferWorld();
    const times = {
      created_at: "2020-01-02T03:04:05.000006",
      modified_at: "2021-01-02T03:04:05.123457",
    };
    await world.transfer().importMetadata(from(lineOf("/empty", "", times)));
    const directory = testDir();
    const [one, two] = [join(directory, "one.jsonl"), join(directory, "two.jsonl")];
    await world.transfer().exportMetadata(one);
    expect(JSON.parse(readFileSync(one, "utf8"))).toMatchObject(times);

    const copy = new TransferWorld();
    await copy.transfer().importMetadata(one);
    await copy.transfer().exportMetadata(two);
    expect(readFileSync(two, "utf8")).toBe(readFileSync(one, "utf8"));
  });

  test("counts references: deleting the originals breaks nothing", async () => {
    const world = await filled();
    const lines = from(lineOf("/copy/of/a", "alpha"), "\n", lineOf("/copy/none", ""));
    expect(await world.transfer().importMetadata(lines)).toMatchObject({ created: 2 });
    await world.remove("/docs/a.txt");
    await world.remove("/docs/same.txt");
    await world.pass(60);
    await world.pass(2000);
    await world.settle();
    expect(await world.text("/copy/of/a")).toBe("alpha");
    expect(await world.text("/copy/none")).toBe("");
    await world.remove("/copy/of/a");
    await world.close();
    expect(brokenInvariants(world.dataDir)).toStrictEqual({});
  });

  test("keeps path_id, times, version and mime type; a path_id that is in use stays where it is", async () => {
    const world = await filled();
    const used = (await world.statOf("/docs/a.txt")).pathId;
    const free = "01234567-89ab-7def-8123-456789abcdef";
    const more = {
      created_at: "2020-01-02T03:04:05.000006",
      modified_at: "2021-01-02T03:04:05.123456",
      version: 7,
      mime_type: "text/x-odd",
      unknown: true,
    };
    await world
      .transfer()
      .importMetadata(
        from(
          lineOf("/new/one", "alpha", { path_id: free, ...more }),
          lineOf("/new/two", "alpha", { path_id: used }),
        ),
      );
    expect(await world.statOf("/new/one")).toMatchObject({
      pathId: free,
      version: 7,
      mimeType: "text/x-odd",
      size: 5,
      createdAt: new Date("2020-01-02T03:04:05.000Z"),
      modifiedAt: new Date("2021-01-02T03:04:05.123Z"),
    });
    const { attributes } = (await world.fs.lookup(ADMIN, {
      parent: world.lookup("new"),
      name: "one",
    })) ?? { attributes: undefined };
    expect(attributes?.mtime.nsec).toBe(123_456_000);
    expect((await world.statOf("/new/two")).pathId).not.toBe(used);
    expect((await world.statOf("/docs/a.txt")).pathId).toBe(used);
  });

  test("a broken line is named by its number, and nothing is changed", async () => {
    const good = lineOf("/new/good", "alpha");
    const without = (key: string) =>
      lineOf("/new/x", "alpha").replace(new RegExp(`"${key}":("[^"]*"|\\d+),?`), "");
    const cases: [string, string, RegExp][] = [
      ["{broken\n", "invalid-argument", /^Invalid JSON at line 3$/],
      ["[]\n", "invalid-argument", /line 3/],
      [without("path"), "invalid-argument", /^Missing required field: path at line 3$/],
      [without("backend_name"), "invalid-argument", /^Missing required field: backend_name at/],
      [without("physical_path"), "invalid-argument", /^Missing required field: physical_path at/],
      [without("size"), "invalid-argument", /^Missing required field: size at line 3$/],
      [lineOf("/new/x", "alpha", { size: "5" }), "invalid-argument", /line 3: size/],
      [lineOf("/new/x", "alpha", { size: 6 }), "invalid-argument", /line 3: .* 6 bytes/],
      [lineOf("/new/x", "alpha", { physical_path: "ab" }), "invalid-argument", /line 3: physical/],
      [lineOf("/new/x", "alpha", { etag: "ab" }), "invalid-argument", /line 3: etag/],
      [lineOf("/new/x", "alpha", { modified_at: "soon" }), "invalid-argument", /line 3: modified/],
      [lineOf("/new/x", "alpha", { version: 1.5 }), "invalid-argument", /line 3: version/],
      [lineOf("/new/x", "alpha", { path_id: "x" }), "invalid-argument", /line 3: path_id/],
      [lineOf("/new/x", "alpha", { custom_metadata: [] }), "invalid-argument", /line 3: custom/],
      [
        lineOf("/new/x", "alpha", { custom_metadata: { status: "odd" } }),
        "invalid-argument",
        /line 3: .*status/,
      ],
      [
        lineOf("/new/x", "alpha", { custom_metadata: { "nexus.etag": "x" } }),
        "not-permitted",
        /line 3: .*computed/,
      ],
      [lineOf("/new/\u0001", "alpha"), "invalid-path", /line 3/],
      [lineOf("/../x", "alpha"), "invalid-path", /line 3/],
      [lineOf("/new/good", "alpha"), "invalid-argument", /line 3 and at line 1/],
      [lineOf("/new/x", "what nobody has"), "not-found", /line 3: .*not in the store/],
      [lineOf("/docs", "alpha"), "is-a-directory", /line 3/],
      [lineOf("/docs/a.txt/x", "alpha"), "not-a-directory", /line 3/],
      [lineOf("/archives/t/x", "alpha"), "read-only", /line 3/],
      [lineOf("/workspace", "alpha"), "not-permitted", /line 3/],
    ];
    const world = await filled();
    for (const [line, kind, message] of cases) {
      const importing = world.transfer().importMetadata(from(good, "\n", line));
      const failed = await failure(importing);
      expect([failed.kind, failed.message]).toStrictEqual([kind, expect.stringMatching(message)]);
    }
    expect(await world.exists("/new")).toBe(false);
  });

  test("a file where tenants' directories are is imported by whom no tenant binds", async () => {
    const world = await filled();
    const importing = (who: Caller) =>
      world.transfer(who).importMetadata(from(lineOf("/workspace/file", "alpha")));
    expect((await failure(importing(caller("file")))).kind).toBe("not-permitted");
    expect(await importing(caller())).toMatchObject({ created: 1 });
    expect(await world.exists("/workspace/file")).toBe(true);
  });

  test("custom metadata is replaced by what is imported; what isn't text is its JSON text", async () => {
    const world = await filled();
    const custom_metadata = { list: [1, "a"], raw: { base64: "/wAB" }, ["__proto__"]: "odd" };
    const line = lineOf("/docs/b.txt", "beta", { custom_metadata });
    expect(await world.transfer().importMetadata(from(line))).toMatchObject({ updated: 1 });
    const { ino } = await world.statOf("/docs/b.txt");
    expect(await world.fs.listxattr(ADMIN, { ino })).toStrictEqual([
      "user.__proto__",
      "user.list",
      "user.raw",
    ]);
    const raw = await world.fs.getxattr(ADMIN, { ino, name: "user.raw" });
    expect([...(raw ?? [])]).toStrictEqual([0xff, 0, 1]);
    expect(await world.attributes("/docs/b.txt")).toMatchObject({ list: '[1,"a"]' });
  });

  test("an abort changes nothing", async () => {
    const world = await filled();
    const abort = new AbortController();
    abort.abort();
    const importing = world
      .transfer()
      .importMetadata(from(lineOf("/new", "alpha")), { signal: abort.signal });
    await expect(importing).rejects.toThrow(/abort/i);
    expect(await world.exists("/new")).toBe(false);
  });
});

describe("conflicts", () => {
  const older = { modified_at: "1970-01-01T00:00:00.000000" };
  const newer = { modified_at: "2200-01-01T00:00:00.000000" };

  async function run(mode: "skip" | "overwrite" | "remap" | "auto" | undefined, more: object) {
    const world = await filled();
    await world.put("/docs/a_imported1.txt", "in the way");
    const before = await world.statOf("/docs/a.txt");
    const lines = () =>
      from(
        lineOf("/docs/a.txt", "beta", { version: 1, ...more }),
        lineOf("/docs/b.txt", "beta", { custom_metadata: { new: "1" } }),
        lineOf("/made", "beta"),
      );
    const options = mode === undefined ? {} : { conflictMode: mode };
    const tried = await world.transfer().importMetadata(lines(), { ...options, dryRun: true });
    expect(await world.exists("/made")).toBe(false);
    expect(await world.attributes("/docs/b.txt")).toStrictEqual({ project: "x", note: "über" });
    const result = await world.transfer().importMetadata(lines(), options);
    expect(tried).toStrictEqual(result);
    expect(await world.attributes("/docs/b.txt")).toStrictEqual({ new: "1" });
    return { world, result, before, text: await world.text("/docs/a.txt") };
  }

  test("skip is the default: the file that is there stays", async () => {
    const { result, text } = await run(undefined, newer);
    expect(text).toBe("alpha");
    expect(result).toMatchObject({ created: 1, updated: 1, skipped: 1, remapped: 0 });
    expect(result.collisions).toStrictEqual([
      {
        path: "/docs/a.txt",
        existingEtag: sha256("alpha"),
        importedEtag: sha256("beta"),
        resolution: "skip",
        message: expect.stringContaining("/docs/a.txt"),
      },
    ]);
  });

  test("overwrite gives the file the other content; it stays the same file, one version on", async () => {
    const { world, result, text, before } = await run("overwrite", older);
    expect(text).toBe("beta");
    expect(result).toMatchObject({ created: 1, updated: 2, skipped: 0 });
    const { pathId, ino, version } = await world.statOf("/docs/a.txt");
    expect([pathId, ino, version]).toStrictEqual([before.pathId, before.ino, 2]);
  });

  test("remap gives the imported one the next free name", async () => {
    const { world, result, text } = await run("remap", newer);
    expect(text).toBe("alpha");
    expect(await world.text("/docs/a_imported2.txt")).toBe("beta");
    expect(result).toMatchObject({ created: 1, updated: 1, remapped: 1 });
    expect(result.collisions[0]).toMatchObject({ resolution: "remap" });
  });

  test("auto: the newer one wins, and a tie skips", async () => {
    expect(await run("auto", newer)).toMatchObject({ text: "beta", result: { updated: 2 } });
    expect(await run("auto", older)).toMatchObject({ text: "alpha", result: { skipped: 1 } });
    const world = await filled();
    const modified_at = (await world.statOf("/docs/a.txt")).modifiedAt.toISOString();
    const lines = from(lineOf("/docs/a.txt", "beta", { modified_at }));
    const result = await world.transfer().importMetadata(lines, { conflictMode: "auto" });
    expect(result).toMatchObject({ skipped: 1, updated: 0 });
  });

  test("a file that is being written gets the content, and its writer goes on from there", async () => {
    const world = await filled();
    const { ino } = await world.statOf("/docs/a.txt");
    const { handle } = await world.fs.open(ADMIN, { ino, flags: flags() });
    const write = (text: string, offset: number) =>
      world.fs.write(ADMIN, { handle, offset, data: Buffer.from(text), killSetId: false });
    await write("ALPHA", 0);
    const lines = from(lineOf("/docs/a.txt", "beta"));
    await world.transfer().importMetadata(lines, { conflictMode: "overwrite" });
    expect(await world.text("/docs/a.txt")).toBe("beta");
    await write("!", 4);
    world.fs.release({ handle });
    expect(await world.text("/docs/a.txt")).toBe("beta!");
  });
});

describe("isolation of an import", () => {
  const ALICE = caller("acme", "alice");

  test("a hash gives nobody a content that they can't read, nor tells that it exists", async () => {
    const world = new TransferWorld();
    await world.put("/shared/other/secret", "secret");
    await world.pass(1100);
    const path = "/workspace/acme/alice/stolen";
    const tell = async (text: string) => {
      const { kind, message } = await failure(
        world.transfer(ALICE).importMetadata(from(lineOf(path, text))),
      );
      return [kind, message.replace(sha256(text), "HASH")];
    };
    expect(await tell("secret")).toStrictEqual(await tell("nothing"));
    expect((await tell("secret"))[0]).toBe("not-found");
    await world.put("/workspace/acme/alice/own", "secret");
    expect(await world.transfer(ALICE).importMetadata(from(lineOf(path, "secret")))).toMatchObject({
      created: 1,
    });
  });

  test("a path that may not be written is refused alike, whatever is there", async () => {
    const world = new TransferWorld();
    await world.put("/workspace/acme/bob/file", "his");
    await world.put("/workspace/acme/alice/own", "mine");
    for (const name of ["file", "nothing", "file/below"]) {
      for (const dryRun of [true, false]) {
        const lines = from(lineOf(`/workspace/acme/bob/${name}`, "mine"));
        const failed = await failure(world.transfer(ALICE).importMetadata(lines, { dryRun }));
        expect(failed).toMatchObject({ kind: "access-denied", message: /^line 1: / });
      }
    }
  });
});

describe("an archive that is damaged", () => {
  async function archive(): Promise<Buffer> {
    const world = new TransferWorld();
    await world.put("/a", "alpha".repeat(1000));
    await world.put("/b", "beta");
    const out = join(testDir(), "out.tar");
    await world.transfer().exportMetadata(out, { withContent: true });
    return readFileSync(out);
  }

  test("a content that isn't what it is called leaves nothing behind", async () => {
    const bytes = await archive();
    bytes.write("Beta", bytes.lastIndexOf("beta"));
    const world = new TransferWorld();
    const importing = world.transfer().importMetadata(Readable.from([bytes]));
    expect(await failure(importing)).toMatchObject({
      kind: "invalid-argument",
      message: /damaged/,
    });
    expect(await world.exists("/a")).toBe(false);
    await world.swept();
    await world.until(() => world.blobs.length === 0);
  });

  test("one that ends too early is refused", async () => {
    const bytes = await archive();
    const world = new TransferWorld();
    for (const end of [300, 900, 2500]) {
      const importing = world.transfer().importMetadata(Readable.from([bytes.subarray(0, end)]));
      expect(await kindOfLater(importing)).toBe("invalid-argument");
    }
    expect(await world.exists("/a")).toBe(false);
  });
});

test("what a signal ends is interrupted, whatever stream it was about", async () => {
  const world = new TransferWorld();
  await world.put("/a", "text");
  const controller = new AbortController();
  const options = { signal: controller.signal };
  const silent = new Readable({ read: () => undefined });
  const importing = world.transfer().importMetadata(silent, options);
  const full = new Writable({ highWaterMark: 1, write: () => undefined });
  const exporting = world.transfer().exportMetadata(full, { ...options, withContent: true });
  const kinds = Promise.all([importing, exporting].map(kindOfLater));
  controller.abort();
  expect(await kinds).toEqual(["interrupted", "interrupted"]);
  const late = [
    world.transfer().importMetadata(silent, options),
    world.transfer().exportMetadata(full, options),
  ];
  expect(await Promise.all(late.map(kindOfLater))).toEqual(["interrupted", "interrupted"]);
});
