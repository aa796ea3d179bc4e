import { describe, expect, test } from "vitest";
import type { Ino } from "../../src/model/ids.js";
import type { ContentStore } from "../../src/storage/content/content-store.js";
import { bytesOfLength } from "../support/bytes.js";
import { ANYBODY, World } from "./world.js";

describe("a content is sealed", () => {
  test("a second after its last writer has gone, and not before", async () => {
    const world = new World();
    const file = await world.create("file", "text");
    await world.pass(60_000);
    expect(world.hash("file")).toBeUndefined();
    file.close();
    await world.pass(999);
    expect(world.hash("file")).toBeUndefined();
    world.clock.advance(1);
    await world.until(() => world.hash("file") !== undefined);
    expect(world.blobs).toHaveLength(1);
    expect(await world.read("file")).toBe("text");
  });

  test("only once, when a log is opened, appended to and closed many times", async () => {
    const world = new World();
    let seals = 0;
    const counted = new World({
      wrapContents: (store) => counting(store, () => seals++),
    });
    await counted.write("log", "0\n");
    for (let line = 1; line < 200; line++) {
      const file = await counted.open("log", { access: "write" });
      await file.write(`${line}\n`, "end");
      file.close();
      await counted.pass(500);
    }
    expect(seals).toBe(0);
    await counted.sealed("log");
    expect(seals).toBe(1);
    expect((await counted.read("log")).split("\n")).toHaveLength(201);
    expect(world.blobs).toStrictEqual([]);
  });

  test("not while another writer has it open", async () => {
    const world = new World();
    const first = await world.create("file", "text");
    const second = await world.open("file");
    first.close();
    await world.pass(5000);
    expect(world.hash("file")).toBeUndefined();
    second.close();
    await world.sealed("file");
  });

  test("while readers have it open, and they read on", async () => {
    const world = new World();
    await world.write("file", "text");
    const reader = await world.open("file", { access: "read" });
    expect(await reader.read()).toBe("text");
    await world.sealed("file");
    expect(await reader.read()).toBe("text");
    reader.close();
  });

  test("later, the more had to be copied to change it", async () => {
    const world = new World();
    await world.write("file", bytesOfLength(32 * 1024 * 1024));
    await world.sealed("file");
    const before = world.hash("file");
    const file = await world.open("file");
    await file.write("changed");
    file.close();
    await world.pass(2900);
    expect(world.hash("file")).toBe(before);
    world.clock.advance(200);
    await world.until(() => world.hash("file") !== before);
  });

  test("at once, when too much waits", async () => {
    const hashed: number[] = [];
    const note = (store: ContentStore) =>
      Object.assign(store, {
        hash: async (ids: readonly number[]) => {
          hashed.push(...ids);
          return new Map();
        },
      });
    const world = new World({ wrapContents: note });
    await world.write("small", "x");
    const last = await world.create("last");
    await last.truncate(256 * 1024 ** 2);
    for (const name of ["a", "b", "c"]) {
      const file = await world.create(name);
      await file.truncate(256 * 1024 ** 2);
      file.close();
    }
    await world.pass(0);
    expect(hashed).toStrictEqual([]);
    last.close();
    await world.pass(0);
    expect(hashed).toHaveLength(1);
  });

  test("also when it is empty, and when it became so", async () => {
    const world = new World();
    (await world.create("made")).close();
    await world.write("cut", "text");
    await world.sealed("made", "cut");
    const ino = world.lookup("cut");
    await world.fs.setattr(ANYBODY, { ino, sizeBytes: 0 });
    await world.pass(1000);
    expect(world.hash("cut")).toBe(world.hash("made"));
    expect(await world.read("cut")).toBe("");
  });
});

describe("sealing", () => {
  test("leaves mtime, ctime and size as they are, and counts a version", async () => {
    const world = new World();
    const ino = await world.write("file", "text");
    world.lookup("file");
    const before = await world.fs.getattr(ANYBODY, { ino });
    await world.sealed("file");
    const after = await world.fs.getattr(ANYBODY, { ino });
    const { mtime, ctime, atime, sizeBytes, ino: same } = before;
    expect(after).toMatchObject({ mtime, ctime, atime, sizeBytes, ino: same });
    expect(await world.attribute(ino, "version")).toBe("1");
  });

  test("of the same bytes again counts no version; of others it does", async () => {
    const world = new World();
    const ino = await world.write("file", "text");
    await world.sealed("file");
    world.lookup("file");
    for (const [text, version] of [
      ["text", "1"],
      ["TEXT", "2"],
      ["text", "3"],
    ] as const) {
      const file = await world.open("file");
      await file.write(text);
      file.close();
      expect(await world.attribute(ino, "version")).toBe(version);
    }
  });

  test("gives way to a writer who comes while the content is hashed", async () => {
    const gate = gated();
    const world = new World({ wrapContents: gate.wrap });
    await world.write("file", "before");
    world.clock.advance(1000);
    const writer = await world.open("file");
    await writer.write("after!");
    gate.open();
    await world.settle();
    expect(world.hash("file")).toBeUndefined();
    expect(await writer.read()).toBe("after!");
    writer.close();
    await world.sealed("file");
    expect(await world.read("file")).toBe("after!");
    expect(world.blobs).toHaveLength(1);
  });

  test("gives way to one who opens the file and writes only later", async () => {
    const gate = gated();
    const world = new World({ wrapContents: gate.wrap });
    await world.write("file", "before");
    world.clock.advance(1000);
    const writer = await world.open("file");
    gate.open();
    await world.pass(5000);
    expect(world.hash("file")).toBeUndefined();
    writer.close();
    await world.sealed("file");
    expect(await world.read("file")).toBe("before");
  });

  test("of a file that is removed meanwhile comes to nothing, and leaves nothing", async () => {
    const gate = gated();
    const world = new World({ wrapContents: gate.wrap });
    await world.write("file", "text");
    world.clock.advance(1000);
    await world.unlink("file");
    await world.pass(20);
    gate.open();
    await world.swept();
    expect(world.blobs).toStrictEqual([]);
    expect(world.trouble).toStrictEqual([]);
  });

  test("of one content doesn't disturb that of another that is asked for meanwhile", async () => {
    const gate = gated("seal");
    const world = new World({ wrapContents: gate.wrap });
    await world.write("due", "due");
    world.clock.advance(990);
    const asked = await world.write("asked", "asked");
    world.lookup("asked");
    const etag = world.attribute(asked, "etag");
    await world.settle();
    // The other one falls due while the first is being sealed.
    world.clock.advance(50);
    await world.settle();
    gate.open();
    expect(await etag).toBe(world.hash("asked"));
    await world.sealed("due");
    expect(world.trouble).toStrictEqual([]);
    expect(gate.mostAtOnce).toBe(1);
  });

  test("that many ask for at once takes two turns: of the first one, and of all others", async () => {
    const batches: number[] = [];
    const count = (store: ContentStore) => {
      const seal = store.seal.bind(store);
      return Object.assign(store, {
        seal: (requests: Parameters<typeof seal>[0]) => {
          batches.push(requests.length);
          return seal(requests);
        },
      });
    };
    const world = new World({ wrapContents: count });
    const names = Array.from({ length: 50 }, (_, index) => `file ${index}`);
    const inos: Ino[] = [];
    for (const name of names) inos.push(await world.write(name, `text of ${name}`));
    for (const name of names) world.lookup(name);
    const etags = await Promise.all(inos.map((ino) => world.attribute(ino, "etag")));
    expect(etags).toStrictEqual(names.map((name) => world.hash(name)));
    expect(new Set(etags).size).toBe(50);
    expect(batches).toStrictEqual([1, 49]);
  });
});

/** Calls `note` for each content that is sealed. */
function counting(store: ContentStore, note: () => void): ContentStore {
  const seal = store.seal.bind(store);
  return Object.assign(store, {
    seal: (requests: Parameters<typeof seal>[0]) => {
      for (const _ of requests) note();
      return seal(requests);
    },
  });
}

/** Holds back hashing (sealing) until it is opened. */
function gated(method: "hash" | "seal" = "hash") {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  let running = 0;
  const gate = {
    open: () => open(),
    mostAtOnce: 0,
    wrap: (store: ContentStore): ContentStore => {
      const call = store[method].bind(store) as (argument: unknown) => Promise<unknown>;
      const held = async (argument: unknown) => {
        running += 1;
        gate.mostAtOnce = Math.max(gate.mostAtOnce, running);
        await opened;
        return await call(argument).finally(() => {
          running -= 1;
        });
      };
      return Object.assign(store, { [method]: held });
    },
  };
  return gate;
}
