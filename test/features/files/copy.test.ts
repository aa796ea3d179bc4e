import { describe, expect, test } from "vitest";
import { ROOT_INO } from "../../../src/model/ids.js";
import { brokenInvariants } from "../../storage/metadata/invariants.js";
import { kindOfLater } from "../../support/error-kind.js";
import { ANYBODY, caller } from "../../vfs/world.js";
import { FilesWorld } from "./files-world.js";

describe("copy", () => {
  test("refers to the same content, and takes metadata along that isn't the queue's", async () => {
    const world = new FilesWorld();
    await world.files.write("/a", "content");
    await world.metadataOf.set("/a", "project", "apollo");
    await world.metadataOf.set("/a", "status", "ready");
    await world.sealed("a");
    await world.files.copy("/a", "/deep/b");
    const [a, b] = [await world.files.stat("/a"), await world.files.stat("/deep/b")];
    expect(b.etag).toBe(a.etag);
    expect(b.ino).not.toBe(a.ino);
    expect([...(await world.metadataOf.list("/deep/b"))]).toStrictEqual([["project", "apollo"]]);
    expect(world.blobs).toHaveLength(1);
    world.expectNothingHeld();
  });

  test.each([100, 200_000])(
    "of a sealed content copies no bytes, and leaves rows that agree: %d bytes",
    async (sizeBytes) => {
      const world = new FilesWorld();
      await world.files.write("/a", "x".repeat(sizeBytes));
      await world.files.write("/b", "old");
      await world.sealed("a", "b");
      await world.swept();
      for (const to of ["/new", "/b"]) {
        await world.files.copy("/a", to);
        world.metadata.commit();
        expect(world.contents.stagingIds()).toStrictEqual([]);
        expect(brokenInvariants(world.dataDir)).toStrictEqual({});
      }
      expect(world.hash("new")).toBe(world.hash("a"));
      expect(world.hash("b")).toBe(world.hash("a"));
    },
  );

  test("over a file keeps that one's path_id, unless it may not replace it", async () => {
    const world = new FilesWorld();
    await world.files.write("/a", "new");
    const { pathId } = await world.files.write("/b", "old");
    await world.files.copy("/a", "/b");
    expect(await world.text("/b")).toBe("new");
    expect((await world.files.stat("/b")).pathId).toBe(pathId);
    const copying = world.files.copy("/a", "/b", { overwrite: false });
    expect(await kindOfLater(copying)).toBe("already-exists");
    expect(await kindOfLater(world.files.copy("/a", "/a"))).toBe("invalid-argument");
    world.expectNothingHeld();
  });

  test("of a tree takes 'recursive', all that is in it, and never goes into itself", async () => {
    const world = new FilesWorld();
    await world.files.writeMany([
      { path: "/t/a", content: "1" },
      { path: "/t/d/e/b", content: "2" },
    ]);
    const { ino } = await world.files.stat("/t");
    await world.fs.lookup(ANYBODY, { parent: ROOT_INO, name: "t" });
    await world.fs.symlink(ANYBODY, { parent: ino, name: "link", target: Buffer.from("d/e/b") });
    expect(await kindOfLater(world.files.copy("/t", "/u"))).toBe("is-a-directory");
    await world.files.copy("/t", "/u", { recursive: true });
    expect(await world.text("/u/d/e/b")).toBe("2");
    expect(await world.text("/u/link")).toBe("2");
    const inward = world.files.copy("/t", "/t/d/t", { recursive: true });
    expect(await kindOfLater(inward)).toBe("invalid-argument");
    world.expectNothingHeld();
  });
});

describe("move", () => {
  test("renames within a zone and keeps the inode", async () => {
    const world = new FilesWorld();
    const { ino } = await world.files.write("/a", "x");
    await world.files.move("/a", "/b");
    expect((await world.files.stat("/b")).ino).toBe(ino);
    expect(await world.files.exists("/a")).toBe(false);
    world.expectNothingHeld();
  });

  test("between zones takes along what the queue knows of a file", async () => {
    const world = new FilesWorld();
    await world.files.write("/job", "x");
    await world.metadataOf.set("/job", "priority", 3);
    await world.metadataOf.set("/job", "status", "ready");
    await world.files.mkdir("/shared/acme", { parents: true });
    await world.files.move("/job", "/shared/acme/job");
    const metadata = Object.fromEntries(await world.metadataOf.list("/shared/acme/job"));
    expect(metadata).toStrictEqual({ priority: "3", status: "ready" });
    const listed = world.metadata.work.listWork({ state: "ready", zones: "all", limit: 10 });
    expect(listed.map(({ path, zone }) => [path, zone])).toStrictEqual([
      ["/shared/acme/job", "/shared/acme"],
    ]);
    world.expectNothingHeld();
  });

  test("between zones copies a tree, then removes it; rename says 'cross-zone'", async () => {
    const world = new FilesWorld();
    await world.files.write("/plans/a/b", "x");
    await world.metadataOf.set("/plans/a/b", "project", "apollo");
    await world.files.mkdir("/shared/acme", { parents: true });
    expect(await kindOfLater(world.files.rename("/plans", "/shared/acme/plans"))).toBe(
      "cross-zone",
    );
    await world.files.move("/plans", "/shared/acme/plans");
    expect(await world.text("/shared/acme/plans/a/b")).toBe("x");
    expect(await world.metadataOf.get("/shared/acme/plans/a/b", "project")).toBe("apollo");
    expect(await world.files.exists("/plans")).toBe(false);
    world.expectNothingHeld();
  });
});

describe("removing", () => {
  test("takes files with delete and directories with rmdir, whole trees when told", async () => {
    const world = new FilesWorld();
    await world.files.write("/d/e/f", "x");
    expect(await kindOfLater(world.files.delete("/d"))).toBe("is-a-directory");
    expect(await kindOfLater(world.files.rmdir("/d"))).toBe("directory-not-empty");
    expect(await kindOfLater(world.files.rmdir("/d/e/f"))).toBe("not-a-directory");
    await world.files.rmdir("/d", { recursive: true });
    expect(await world.files.exists("/d")).toBe(false);
    expect(await kindOfLater(world.files.delete("/d"))).toBe("not-found");
    await world.files.delete("/d", { missingOk: true });
    expect(await kindOfLater(world.files.rmdir("/workspace"))).toBe("busy");
    expect(await kindOfLater(world.files.rmdir("/"))).toBe("busy");
    world.expectNothingHeld();
  });
});

describe("reading", () => {
  test("gives a span, and a stream gives the same in chunks", async () => {
    const world = new FilesWorld();
    const bytes = Buffer.from(Array.from({ length: 600 * 1024 }, (_, index) => index % 251));
    await world.files.write("/f", bytes);
    const span = { start: 1000, end: 500_000 };
    expect((await world.files.read("/f", span)).equals(bytes.subarray(1000, 500_000))).toBe(true);
    const chunks: Buffer[] = [];
    for await (const chunk of world.files.createReadStream("/f", span))
      chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).equals(bytes.subarray(1000, 500_000))).toBe(true);
    expect(Math.max(...chunks.map(({ length }) => length))).toBeLessThanOrEqual(256 * 1024);
    expect(await kindOfLater(world.files.read("/f", { start: 5, end: 2 }))).toBe(
      "invalid-argument",
    );
    world.expectNothingHeld();
  });

  test("a stream that is given up, aborted or of nothing holds nothing", async () => {
    const world = new FilesWorld();
    await world.files.write("/f", Buffer.alloc(1024 * 1024));
    for await (const _ of world.files.createReadStream("/f")) break;
    const controller = new AbortController();
    const reading = (async () => {
      const stream = world.files.createReadStream("/f", { signal: controller.signal });
      for await (const _ of stream) controller.abort();
    })();
    expect(await kindOfLater(reading)).toBe("interrupted");
    const none = (async () => {
      for await (const _ of world.files.createReadStream("/none")) expect.unreachable();
    })();
    expect(await kindOfLater(none)).toBe("not-found");
    await world.settle();
    world.expectNothingHeld();
  });

  test("append adds at the end, and makes the file", async () => {
    const world = new FilesWorld();
    await world.files.append("/log/a", "one\n");
    await Promise.all(["two\n", "six\n"].map((line) => world.files.append("/log/a", line)));
    expect((await world.text("/log/a")).split("\n").sort()).toStrictEqual([
      "",
      "one",
      "six",
      "two",
    ]);
    world.expectNothingHeld();
  });

  test("symlinks that lead in a circle are told as such", async () => {
    const world = new FilesWorld();
    const link = (name: string, target: string) =>
      world.fs.symlink(ANYBODY, { parent: ROOT_INO, name, target: Buffer.from(target) });
    await link("a", "/b");
    await link("b", "../a");
    expect(await kindOfLater(world.files.read("/a"))).toBe("symlink-loop");
    expect(await world.files.exists("/a")).toBe(false);
    world.expectNothingHeld();
  });
});

describe("isolation by path", () => {
  const CALLS: [string, (world: FilesWorld, path: string) => Promise<unknown>][] = [
    ["read", (world, path) => world.as(ALICE).read(path)],
    ["stat", (world, path) => world.as(ALICE).stat(path)],
    ["write", (world, path) => world.as(ALICE).write(path, "x")],
    ["writeMany", (world, path) => world.as(ALICE).writeMany([{ path, content: "x" }])],
    ["append", (world, path) => world.as(ALICE).append(path, "x")],
    ["delete", (world, path) => world.as(ALICE).delete(path, { missingOk: true })],
    ["mkdir", (world, path) => world.as(ALICE).mkdir(path, { parents: true, existOk: true })],
    ["rmdir", (world, path) => world.as(ALICE).rmdir(path, { missingOk: true })],
    ["rename from", (world, path) => world.as(ALICE).rename(path, "/mine")],
    ["rename to", (world, path) => world.as(ALICE).rename("/open", path)],
    ["move from", (world, path) => world.as(ALICE).move(path, "/mine")],
    ["move to", (world, path) => world.as(ALICE).move("/open", path)],
    ["copy from", (world, path) => world.as(ALICE).copy(path, "/mine")],
    ["copy to", (world, path) => world.as(ALICE).copy("/open", path)],
    ["list", (world, path) => world.as(ALICE).list({ prefix: path })],
    ["metadata.get", (world, path) => world.metadataAs(ALICE).get(path, "k")],
    ["metadata.set", (world, path) => world.metadataAs(ALICE).set(path, "k", "v")],
    [
      "metadata.setMany",
      (world, path) => world.metadataAs(ALICE).setMany([{ path, key: "k", value: 1 }]),
    ],
    ["metadata.remove", (world, path) => world.metadataAs(ALICE).remove(path, "k")],
    ["metadata.list", (world, path) => world.metadataAs(ALICE).list(path)],
  ];
  const ALICE = caller("acme", "alice");

  test.each(CALLS)("%s is denied the same way whether or not there is a file", async (_, call) => {
    const world = new FilesWorld();
    await world.files.write("/open", "x");
    await world.files.write("/workspace/beta/bob/f", "secret");
    for (const path of [
      "/workspace/beta/bob/f",
      "/workspace/beta/bob/none",
      "/workspace/gone/x/y",
    ]) {
      expect(await kindOfLater(call(world, path))).toBe("access-denied");
    }
    expect(await world.as(ALICE).exists("/workspace/beta/bob/f")).toBe(false);
    expect(await world.as(ALICE).isDirectory("/workspace/beta/bob")).toBe(false);
    expect(await world.text("/workspace/beta/bob/f")).toBe("secret");
    world.expectNothingHeld();
  });
});
