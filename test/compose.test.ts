import { expect, test } from "vitest";
import { NexusError } from "../src/model/errors.js";
import { World } from "./vfs/world.js";

test("closing closes both stores, although the last words of files can't be recorded", async () => {
  const closed: string[] = [];
  let isFull = false;
  const world = new World({
    wrapMetadata: (store) => {
      const { close, recordActivity } = store;
      return Object.assign(store, {
        close: async () => {
          closed.push("metadata");
          await close.call(store);
        },
        recordActivity: (...args: Parameters<typeof recordActivity>) => {
          if (isFull) throw new NexusError("no-space", "the disk is full");
          recordActivity.apply(store, args);
        },
      });
    },
    wrapContents: (store) => {
      const { close } = store;
      return Object.assign(store, {
        close: async () => {
          closed.push("contents");
          await close.call(store);
        },
      });
    },
  });
  await world.create("file", "text");
  isFull = true;
  await expect(world.close()).rejects.toThrow("the disk is full");
  expect(closed).toStrictEqual(["metadata", "contents"]);
});
