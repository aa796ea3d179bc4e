import { expect, test } from "vitest";
import { FilesWorld } from "./files-world.js";

/** How often others got their turn meanwhile. */
async function turnsDuring(action: () => Promise<unknown>): Promise<number> {
  let turns = 0;
  let immediate = setImmediate(function note() {
    turns += 1;
    immediate = setImmediate(note);
  });
  await action();
  clearImmediate(immediate);
  return turns;
}

test("many files are written and removed with turns for others in between", async () => {
  const { files } = new FilesWorld();
  const many = Array.from({ length: 60 }, (_, index) => ({
    path: `/tree/${index % 6}/${index}`,
    content: "",
  }));
  expect(await turnsDuring(() => files.writeMany(many))).toBeGreaterThan(50);
  const removing = () => files.rmdir("/tree", { recursive: true });
  expect(await turnsDuring(removing)).toBeGreaterThan(5);
});
