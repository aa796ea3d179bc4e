import { readdirSync, readlinkSync } from "node:fs";
import { expect, test } from "vitest";
import { type OpenFile, World } from "./world.js";

const MOST = 4;
const FILES = 12;

/** How many of this process's descriptors are sealed contents of that store. */
function contentsOpen({ dataDir }: World): number {
  const targets = readdirSync("/proc/self/fd").map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return ""; // that of the listing itself
    }
  });
  return targets.filter((target) => target.startsWith(`${dataDir}/cas/`)).length;
}

const nameOf = (number: number) => `file${number}`;

/** Files of different contents, sealed, open for reading. */
async function manyOpen(world: World): Promise<OpenFile[]> {
  const names = Array.from({ length: FILES }, (_, number) => nameOf(number));
  for (const name of names) await world.write(name, `content of ${name}`);
  await world.sealed(...names);
  return await Promise.all(names.map((name) => world.open(name, { access: "read" })));
}

test("any number of open files can be read, again and again, with a few descriptors", async () => {
  const world = new World({ mostReaders: MOST });
  const files = await manyOpen(world);
  for (let round = 0; round < 2; round++) {
    for (const [number, file] of files.entries()) {
      expect(await file.read()).toBe(`content of ${nameOf(number)}`);
      expect(contentsOpen(world)).toBeLessThanOrEqual(MOST);
    }
  }
  expect(contentsOpen(world)).toBe(MOST);
  for (const file of files) file.close();
  expect(contentsOpen(world)).toBe(0);
});

test("a file without a name can be read for as long as it is open, whether or not its content stayed so", async () => {
  const world = new World({ mostReaders: MOST });
  const files = await manyOpen(world);
  const [first] = files;
  if (first === undefined) throw new Error("there are no files");
  expect(await first.read()).toBe("content of file0");
  await world.unlink("file0");
  for (const file of files.slice(1)) await file.read();
  for (let sweep = 0; sweep < 3; sweep++) await world.pass(1100);
  expect(await first.read()).toBe("content of file0");
  for (const file of files) file.close();
});

test("what takes the place of a content, closed or not, is what is read then", async () => {
  const world = new World({ mostReaders: MOST });
  const files = await manyOpen(world);
  for (const file of files) await file.read();
  for (const number of [0, FILES - 1]) {
    const writer = await world.open(nameOf(number), { truncate: true });
    await writer.write("other");
    expect(await files[number]?.read()).toBe("other");
    writer.close();
  }
  for (const file of files) file.close();
  expect(contentsOpen(world)).toBe(0);
});
