import { describe, expect, test } from "vitest";
import { kindOfLater } from "../../support/error-kind.js";
import { FilesWorld } from "../files/files-world.js";

describe("custom metadata", () => {
  test("keeps text and bytes as they are, and all else as its JSON", async () => {
    const world = new FilesWorld();
    await world.files.write("/f", "");
    const bytes = Buffer.from([0xff, 0, 1]);
    await world.metadataOf.set("/f", "text", "ünï");
    await world.metadataOf.set("/f", "bytes", bytes);
    await world.metadataOf.set("/f", "tags", ["a", 1, null]);
    expect(await world.metadataOf.get("/f", "text")).toBe("ünï");
    expect(await world.metadataOf.get("/f", "tags")).toBe('["a",1,null]');
    expect(await kindOfLater(world.metadataOf.get("/f", "bytes"))).toBe("invalid-encoding");
    expect(await world.metadataOf.getBytes("/f", "bytes")).toStrictEqual(bytes);
    expect([...(await world.metadataOf.list("/f"))]).toStrictEqual([
      ["bytes", bytes],
      ["tags", '["a",1,null]'],
      ["text", "ünï"],
    ]);
    expect(await world.metadataOf.remove("/f", "text")).toBe(true);
    expect(await world.metadataOf.remove("/f", "text")).toBe(false);
    expect(await world.metadataOf.get("/f", "text")).toBeUndefined();
    world.expectNothingHeld();
  });

  test.each([undefined, () => 1, 5n, Number.NaN, Number.POSITIVE_INFINITY])(
    "refuses %o, which has no JSON",
    async (value) => {
      const world = new FilesWorld();
      await world.files.write("/f", "");
      const kind = await kindOfLater(world.metadataOf.set("/f", "key", value as never));
      expect(kind).toBe("invalid-argument");
      expect(await world.metadataOf.list("/f")).toStrictEqual(new Map());
    },
  );

  test("setMany sets all or none", async () => {
    const world = new FilesWorld();
    await world.files.writeMany(["/a", "/b"].map((path) => ({ path, content: "" })));
    await world.metadataOf.setMany([
      { path: "/a", key: "k", value: 1 },
      { path: "/b", key: "k", value: 2 },
    ]);
    expect(await world.metadataOf.get("/b", "k")).toBe("2");
    const wrong = world.metadataOf.setMany([
      { path: "/a", key: "k", value: 3 },
      { path: "/b", key: "status", value: "nonsense" },
    ]);
    expect(await kindOfLater(wrong)).toBe("invalid-argument");
    expect(await world.metadataOf.get("/a", "k")).toBe("1");
    world.expectNothingHeld();
  });

  test("refuses computed keys, keys that are none, and values that are too large", async () => {
    const world = new FilesWorld();
    await world.files.write("/f", "");
    const set = (key: string, value: string) => kindOfLater(world.metadataOf.set("/f", key, value));
    expect(await set("nexus.etag", "x")).toBe("not-permitted");
    expect(await set("", "x")).toBe("invalid-argument");
    expect(await set("k".repeat(251), "x")).toBe("name-too-long");
    expect(await set("k", "x".repeat(65_537))).toBe("attribute-too-large");
    expect(await kindOfLater(world.metadataOf.get("/none", "k"))).toBe("not-found");
    world.expectNothingHeld();
  });
});
