import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ROOT_INO } from "../../src/model/ids.js";
import { bytesOfLength } from "../support/bytes.js";
import { kindOfLater } from "../support/error-kind.js";
import { ANYBODY, caller, World } from "./world.js";

const NAMES = [
  "etag",
  "path_id",
  "version",
  "ref_count",
  "mime_type",
  "tenant",
  "agent",
  "created_at",
];

describe("a computed attribute", () => {
  test("tells of a file what nobody had to set", async () => {
    const world = new World();
    const ino = await world.write("page.html", "text");
    world.lookup("page.html");
    const values = await Promise.all(NAMES.map((name) => world.attribute(ino, name)));
    const found = Object.fromEntries(NAMES.map((name, index) => [name, values[index]]));
    expect(found).toStrictEqual({
      etag: createHash("sha256").update("text").digest("hex"),
      path_id: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
      version: "1",
      ref_count: "1",
      mime_type: "text/html",
      tenant: undefined,
      agent: undefined,
      created_at: "2030-01-01T00:00:00.000000",
    });
  });

  test("knows whose a file is", async () => {
    const world = new World();
    const alice = caller("acme", "alice");
    world.nexus.welcome(alice.identity);
    const workspace = await lookup(world, ROOT_INO, "workspace");
    const acme = await lookup(world, workspace, "acme");
    const home = await lookup(world, acme, "alice");
    const { ino } = await world.fs.mkdir(alice, { parent: home, name: "mine", mode: 0o755 });
    expect(await world.attribute(ino, "tenant")).toBe("acme");
    expect(await world.attribute(ino, "agent")).toBe("alice");
  });

  test("that counts references isn't refused for another file's damage", async () => {
    const world = new World();
    await world.write("bad", bytesOfLength(100_000));
    const staging = join(world.dataDir, "staging");
    const [bad = ""] = readdirSync(staging).filter((name) => /^\d+$/.test(name));
    rmSync(join(staging, bad));
    mkdirSync(join(staging, bad));
    await world.write("good", "text");
    expect(await world.attribute(world.lookup("good"), "ref_count")).toBe("1");
    const refusal = kindOfLater(world.attribute(world.lookup("bad"), "ref_count"));
    expect(await refusal).toBe("is-a-directory");
  });

  test("isn't listed, and can't be set or removed", async () => {
    const world = new World();
    const ino = await world.write("file", "text");
    world.lookup("file");
    expect(await world.fs.listxattr(ANYBODY, { ino })).toStrictEqual([]);
    for (const key of [...NAMES, "unknown"]) {
      const name = `user.nexus.${key}`;
      const setting = async () =>
        world.fs.setxattr(ANYBODY, { ino, name, value: Buffer.from("x"), mode: "any" });
      expect(await kindOfLater(setting())).toBe("not-permitted");
      const removing = async () => world.fs.removexattr(ANYBODY, { ino, name });
      expect(await kindOfLater(removing())).toBe("not-permitted");
    }
    expect(await world.attribute(ino, "unknown")).toBeUndefined();
  });

  test("that depends on the content has no value while somebody writes", async () => {
    const world = new World();
    const file = await world.create("file", "text");
    for (const name of ["etag", "version"]) {
      expect(await world.attribute(file.ino, name)).toBeUndefined();
    }
    expect(await world.attribute(file.ino, "path_id")).toBeDefined();
    file.release();
    expect(await world.attribute(file.ino, "version")).toBe("1");
  });

  test("that depends on the content has no value for a directory", async () => {
    const world = new World();
    for (const name of ["etag", "version", "ref_count", "mime_type"]) {
      expect(await world.attribute(ROOT_INO, name)).toBeUndefined();
    }
    expect(await world.attribute(ROOT_INO, "path_id")).toBeDefined();
  });

  test("is of the content as it is now, sealed at once if it must be", async () => {
    const world = new World();
    const ino = await world.write("file", "one");
    world.lookup("file");
    for (const text of ["two", "three"]) {
      const file = await world.open("file", { truncate: true });
      await file.write(text);
      file.close();
      const etag = createHash("sha256").update(text).digest("hex");
      expect(await world.attribute(ino, "etag")).toBe(etag);
    }
    expect(await world.attribute(ino, "version")).toBe("2");
  });

  test("path_id stays, across rename and restart", async () => {
    const world = new World();
    const ino = await world.write("file", "text");
    world.lookup("file");
    const before = await world.attribute(ino, "path_id");
    const names = { parent: ROOT_INO, name: "file", newParent: ROOT_INO, newName: "moved" };
    await world.fs.rename(ANYBODY, { ...names, mode: "replace", whiteout: false });
    expect(await world.attribute(ino, "path_id")).toBe(before);
    const after = world.killed();
    expect(await after.attribute(after.lookup("moved"), "path_id")).toBe(before);
  });
});

async function lookup(world: World, parent: typeof ROOT_INO, name: string) {
  const entry = await world.fs.lookup(ANYBODY, { parent, name });
  if (entry === undefined) throw new Error(`${name} isn't there`);
  return entry.ino;
}
