import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { backUp, restore } from "../../support/backups.js";
import { blob } from "../../support/checked-store.js";
import { hashOf } from "../../support/data-directory.js";
import { testDir } from "../../support/temp-dir.js";
import { World } from "../../vfs/world.js";

// A directory where a content belongs, as a failing disk or a person may leave it.

/** A backup of one file, whose content has become a directory there. */
async function withDirectory() {
  const [world, to] = [new World(), testDir()];
  await world.write("file", "text");
  await backUp(world, { to });
  rmSync(blob(to, "text"));
  mkdirSync(blob(to, "text"));
  return { world, to };
}

test.each(["sealed", "staged"])(
  "a directory in the place of a content (%s) is put aside, and the content is copied",
  async (state) => {
    const { world, to } = await withDirectory();
    writeFileSync(join(blob(to, "text"), "letter.txt"), "mine");
    if (state === "staged") {
      await world.unlink("file");
      await world.create("file", "text");
    }
    expect(await backUp(world, { to })).toMatchObject({ damaged: [], copied: { contents: 1 } });
    const { dataDir, damaged } = await restore(to);
    expect(damaged).toStrictEqual([]);
    expect(await new World({ dataDir }).read("file")).toBe("text");
    const aside = join(to, "damaged", `${hashOf("text")}.directory`);
    expect(readdirSync(aside)).toStrictEqual(["letter.txt"]);
    await backUp(world, { to });
    expect(readdirSync(aside)).toStrictEqual(["letter.txt"]);
  },
);

test("each further directory in the place of the same content is put aside, too", async () => {
  const { world, to } = await withDirectory();
  for (const letter of ["a", "b", "c"]) {
    rmSync(blob(to, "text"), { recursive: true });
    mkdirSync(blob(to, "text"));
    writeFileSync(join(blob(to, "text"), letter), "mine");
    expect(await backUp(world, { to })).toMatchObject({ damaged: [], copied: { contents: 1 } });
  }
  const letters = ["", ".2", ".3"].flatMap((end) =>
    readdirSync(join(to, "damaged", `${hashOf("text")}.directory${end}`)),
  );
  expect(letters).toStrictEqual(["a", "b", "c"]);
});

test("an empty directory in the place of a content leaves nothing behind", async () => {
  const { world, to } = await withDirectory();
  expect((await backUp(world, { to, verify: true })).damaged).toStrictEqual([]);
  expect(readdirSync(to)).not.toContain("damaged");
});
