import { expect, test } from "vitest";
import { ROOT_INO } from "../../src/model/ids.js";
import type { MetadataStore } from "../../src/storage/metadata/metadata-store.js";
import { ANYBODY, World } from "./world.js";

/** A world that counts how often a row is looked at by its number, and by its name. */
function counting() {
  const counts = { getattr: 0, lookup: 0 };
  const wrapMetadata = (store: MetadataStore) => {
    const { getattr, lookup } = store;
    return Object.assign(store, {
      getattr: (...args: Parameters<typeof getattr>) => {
        counts.getattr += 1;
        return getattr.apply(store, args);
      },
      lookup: (...args: Parameters<typeof lookup>) => {
        counts.lookup += 1;
        return lookup.apply(store, args);
      },
    });
  };
  return { counts, world: new World({ wrapMetadata }) };
}

test("the first read of a file looks at its row once, for its content and its access time", async () => {
  const { counts, world } = counting();
  await world.write("file", "text");
  await world.sealed("file");
  const file = await world.open("file", { access: "read" });
  counts.getattr = 0;
  expect(await file.read()).toBe("text");
  expect(counts.getattr).toBe(1);
  expect(await file.read()).toBe("text");
  expect(counts.getattr).toBe(1);
});

test("a rename looks at each of its names once, or at none when nothing was written", async () => {
  const { counts, world } = counting();
  const names = { parent: ROOT_INO, name: "from", newParent: ROOT_INO, newName: "to" };
  const rename = () => world.fs.rename(ANYBODY, { ...names, mode: "no-replace", whiteout: false });
  await world.write("from", "text");
  await world.sealed("from");
  await world.pass(1000);
  counts.lookup = 0;
  await rename();
  expect(counts.lookup).toBe(0);
  await world.write("from", "new");
  counts.lookup = 0;
  await world.fs.rename(ANYBODY, { ...names, mode: "exchange", whiteout: false });
  expect(counts.lookup).toBe(2);
});
