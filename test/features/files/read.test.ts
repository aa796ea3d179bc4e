import { expect, test } from "vitest";
import { kindOfLater } from "../../support/error-kind.js";
import { ANYBODY } from "../../vfs/world.js";
import { FilesWorld } from "./files-world.js";

test("what doesn't fit into memory is refused by kind, and read in pieces", async () => {
  const world = new FilesWorld();
  const { files, fs } = world;
  const { ino } = await files.write("/sparse", "begin");
  const entry = await fs.lookup(ANYBODY, { parent: 1 as never, name: "sparse" });
  await fs.setattr(ANYBODY, { ino, sizeBytes: 2 ** 43 });
  if (entry !== undefined) fs.forget({ ino, count: 1 });
  expect(await kindOfLater(files.read("/sparse"))).toBe("file-too-large");
  expect((await files.read("/sparse", { end: 5 })).toString()).toBe("begin");
  let bytes = 0;
  for await (const chunk of files.createReadStream("/sparse", { start: 2 ** 43 - 3 })) {
    bytes += (chunk as Buffer).length;
  }
  expect(bytes).toBe(3);
  await files.delete("/sparse");
  world.expectNothingHeld();
});
