import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { isKind } from "../../../src/model/errors.js";
import { ROOT_INO } from "../../../src/model/ids.js";
import { ANYBODY, World } from "../../vfs/world.js";
import { featuresOf, Observer, observe } from "./watch-world.js";

const worker = "w1";

async function watched(options = {}) {
  const world = new World();
  const features = featuresOf(world);
  await features.files.mkdir("/jobs");
  const observer = await observe(features, options);
  return { world, features, observer, ...features };
}

describe("who watches hears of", () => {
  test("files that are made, changed and removed through the library", async () => {
    const { files, observer } = await watched();
    await files.write("/jobs/deep/a", "one");
    await files.write("/jobs/deep/a", "two");
    await files.append("/jobs/deep/a", "three");
    expect(await observer.told()).toStrictEqual([
      "created /jobs/deep",
      "created /jobs/deep/a",
      "modified /jobs/deep/a",
      "modified /jobs/deep/a",
    ]);
    await files.copy("/jobs/deep/a", "/jobs/b");
    await files.rename("/jobs/b", "/jobs/c");
    await files.delete("/jobs/c");
    await files.rmdir("/jobs/deep", { recursive: true });
    expect((await observer.told()).filter((line) => !line.startsWith("modified"))).toStrictEqual([
      "created /jobs/b",
      "renamed /jobs/b /jobs/c",
      "removed /jobs/c",
      "removed /jobs/deep/a",
      "removed /jobs/deep",
    ]);
  });

  test("what programs do on a mount", async () => {
    const { world, observer } = await watched();
    const { fs } = world;
    const file = await world.create("file");
    expect(await observer.told()).toStrictEqual(["created /file"]);
    await file.write("some");
    await file.write(" bytes");
    expect(await observer.told()).toStrictEqual([]);
    world.clock.advance(30);
    expect(await observer.told()).toStrictEqual(["modified /file"]);
    await file.write(" more");
    file.close();
    world.clock.advance(30);
    expect(await observer.told()).toStrictEqual(["modified /file"]);
    const ino = world.lookup("file");
    await fs.setattr(ANYBODY, { ino, permissions: 0o600 });
    await fs.setattr(ANYBODY, { ino, sizeBytes: 0 });
    world.clock.advance(30);
    const entry = { parent: ROOT_INO, name: "link" };
    await fs.symlink(ANYBODY, { ...entry, target: Buffer.from("file") });
    await fs.link(ANYBODY, { ino, newParent: ROOT_INO, newName: "two" });
    const value = Buffer.from("v");
    await fs.setxattr(ANYBODY, { ino, name: "user.k", value, mode: "any" });
    await fs.removexattr(ANYBODY, { ino, name: "user.k" });
    expect(await observer.told()).toStrictEqual([
      "attributes /file",
      "modified /file",
      "created /link",
      "appeared /two",
      "metadata /file k",
      "metadata /two k",
      "metadata /file k",
      "metadata /two k",
    ]);
    // Sealing changes no byte.
    await world.pass(5000);
    expect(await observer.told()).toStrictEqual([]);
  });

  test("an open file that is written and stays open", async () => {
    const { world, observer } = await watched();
    const file = await world.create("log");
    world.clock.advance(100);
    await observer.told();
    for (let line = 0; line < 3; line += 1) {
      await file.write("line\n");
      world.clock.advance(25);
      expect(await observer.told()).toStrictEqual(["modified /log"]);
    }
    file.close();
  });

  test("custom metadata and the queue, also what happens by itself", async () => {
    const { world, files, queue, metadata, observer } = await watched();
    await files.write("/jobs/a", "");
    await files.write("/jobs/b", "");
    await observer.told();
    await metadata.set("/jobs/a", "colour", "blue");
    await queue.submit("/jobs/a", { priority: 1 });
    await queue.submit("/jobs/b", { dependsOn: "/jobs/a" });
    expect(await observer.told()).toStrictEqual([
      "metadata /jobs/a colour",
      "work /jobs/a none>ready",
      "metadata /jobs/a priority,status",
      "work /jobs/b none>blocked",
      "metadata /jobs/b depends_on,status",
    ]);
    await queue.claim({ worker, leaseMs: 1000 });
    expect(await observer.told()).toStrictEqual(["work /jobs/a ready>in_progress"]);
    world.clock.advance(1001);
    expect(await observer.told()).toStrictEqual(["work /jobs/a in_progress>ready"]);
    await queue.claim({ worker });
    await queue.complete("/jobs/a", { worker });
    expect(await observer.told()).toStrictEqual([
      "work /jobs/a ready>in_progress",
      "work /jobs/a in_progress>completed",
      "work /jobs/b blocked>ready",
    ]);
  });

  test("what is imported", async () => {
    const { files, transfer, observer } = await watched();
    await files.write("/jobs/a", "text");
    const { etag = "" } = await files.stat("/jobs/a");
    const line = { path: "/new/b", backend_name: "local", physical_path: etag, size: 4, etag };
    await observer.told();
    await transfer.importMetadata(Readable.from([Buffer.from(`${JSON.stringify(line)}\n`)]));
    expect(await observer.told()).toStrictEqual(["created /new", "created /new/b"]);
  });

  test("the inode, its type and the time, with each", async () => {
    const { world, files, observer } = await watched();
    await files.write("/jobs/a", "text");
    const { ino } = await files.stat("/jobs/a");
    const time = new Date(world.clock.monotonicMs() + Date.UTC(2030, 0, 1));
    const [event] = await observer.events();
    expect(event).toMatchObject({ kind: "created", path: "/jobs/a", ino, type: "file", time });
  });
});

describe("a part of the namespace", () => {
  test("is a directory with all that is below it", async () => {
    const { files, observer } = await watched({ path: "/jobs" });
    await files.write("/jobs/deep/a", "");
    await files.write("/jobs2", "");
    await files.write("/other/a", "");
    expect(await observer.told()).toStrictEqual(["created /jobs/deep", "created /jobs/deep/a"]);
  });

  test("is what is in a directory alone, if that is asked for", async () => {
    const { files, observer } = await watched({ path: "/jobs", recursive: false });
    await files.write("/jobs/a", "");
    await files.write("/jobs/deep/b", "");
    await files.rename("/jobs/a", "/jobs/deep/a");
    await files.rename("/jobs/deep/b", "/jobs/b");
    expect(await observer.told()).toStrictEqual([
      "created /jobs/a",
      "created /jobs/deep",
      "removed /jobs/a",
      "appeared /jobs/b",
    ]);
  });

  test("is a file", async () => {
    const { world, files } = await watched();
    await files.write("/jobs/a", "");
    const observer = await observe(featuresOf(world), { path: "/jobs/a" });
    await files.write("/jobs/a", "text");
    await files.write("/jobs/b", "text");
    await files.delete("/jobs/a");
    await files.write("/jobs/a", "another");
    expect(await observer.told()).toStrictEqual([
      "modified /jobs/a",
      "removed /jobs/a",
      "created /jobs/a",
    ]);
  });

  test("gains and loses what is renamed over its edge", async () => {
    const { files, observer } = await watched({ path: "/jobs" });
    await files.write("/jobs/a", "");
    await files.mkdir("/dir");
    await observer.told();
    await files.rename("/jobs/a", "/a");
    await files.rename("/dir", "/jobs/dir");
    const events = await observer.events();
    expect(events).toMatchObject([
      { kind: "removed", path: "/jobs/a", type: "file" },
      { kind: "created", path: "/jobs/dir", type: "directory", isNew: false },
    ]);
  });

  test.each([
    ["renamed away", "/jobs", "/elsewhere"],
    ["put in its place", "/other", "/jobs"],
  ])("ends when a directory above it is %s", async (_, from, to) => {
    const { files, world } = await watched();
    await files.mkdir("/jobs/deep/root", { parents: true });
    await files.mkdir("/other");
    const observer = await observe(featuresOf(world), { path: "/jobs/deep/root" });
    if (to === "/jobs") await files.rmdir("/jobs", { recursive: true });
    await files.rename(from, to);
    const error = await observer.ended();
    expect(isKind(error, "stale") && error.message).toContain("a directory above /jobs/deep/root");
  });

  test("is what a symlink leads to", async () => {
    const { world, files } = await watched();
    const target = Buffer.from("jobs");
    await world.fs.symlink(ANYBODY, { parent: ROOT_INO, name: "link", target });
    const observer = await observe(featuresOf(world), { path: "/link" });
    await files.write("/link/a", "");
    expect(await observer.told()).toStrictEqual(["created /jobs/a"]);
  });

  test("has only the kinds that are asked for", async () => {
    const { files, observer } = await watched({ kinds: ["removed", "renamed"] });
    await files.write("/a", "");
    await files.rename("/a", "/b");
    await files.delete("/b");
    expect(await observer.told()).toStrictEqual(["renamed /a /b", "removed /b"]);
  });
});

describe("a watch is refused", () => {
  test.each([
    ["of what isn't there", { path: "/missing" }, "not-found"],
    ["of what is computed", { path: "/.nexus" }, "not-supported"],
    ["with what is no cursor", { cursor: "x" }, "invalid-argument"],
    ["for kinds that there aren't", { kinds: ["opened" as "created"] }, "invalid-argument"],
  ])("%s", async (_, options, kind) => {
    const observer = new Observer(featuresOf(new World()), options);
    expect(await observer.ended()).toMatchObject({ kind });
  });
});

describe("a watch ends", () => {
  test("when its signal aborts, whether it waits or was about to", async () => {
    const { features } = await watched();
    const waiting = await observe(features);
    await waiting.leave();
    expect(await waiting.ended()).toMatchObject({ kind: "interrupted" });
    const events = features.watching.watch({ signal: AbortSignal.abort() });
    await expect(events[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      kind: "interrupted",
    });
  });

  test("when its consumer leaves while it waits", async () => {
    const { features } = await watched();
    const events = features.watching.watch()[Symbol.asyncIterator]();
    const next = expect(events.next()).rejects.toMatchObject({ kind: "interrupted" });
    await new Promise(setImmediate);
    expect(await events.return?.()).toStrictEqual({ done: true, value: undefined });
    await next;
  });

  test("with its client", async () => {
    const { features, observer } = await watched();
    features.close();
    expect(await observer.ended()).toMatchObject({ kind: "closed" });
  });

  test("when nobody wants more, and leaves nothing behind", async () => {
    const world = new World();
    const features = featuresOf(world);
    const cursor = await features.watching.watchCursor();
    await features.files.write("/a", "");
    for await (const { path } of features.watching.watch({ cursor })) {
      expect(path).toBe("/a");
      break;
    }
    await world.pass(3_600_000);
    await features.files.write("/unheard", "");
    expect(() => world.metadata.changes.newestChange()).toThrow("nobody was watching");
  });
});
