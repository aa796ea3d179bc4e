import { statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { ROOT_INO } from "../../../../src/model/ids.js";
import { kindOf } from "../../../support/error-kind.js";
import { FakeClock } from "../../../support/fake-clock.js";
import { recordingLogger } from "../../../support/silent-logger.js";
import { SmallDisk, WHY_NO_SMALL_DISKS } from "../../../support/small-disk.js";
import { openMetadataStore } from "../../../support/stores.js";
import { at, Namespace } from "../fixture.js";

const FILES = 2000;
/** The whole reserve. */
const WHOLE = 4 * 1024 * 1024;

/** A store on a disk of its own, with files in it. */
async function onSmallDisk() {
  const disk = new SmallDisk({ sizeBytes: 32 * 1024 * 1024 });
  const clock = new FakeClock();
  const { logger, lines } = recordingLogger();
  const tools = { clock, scheduler: clock, logger };
  const namespace = new Namespace(openMetadataStore(disk.path, tools));
  onTestFinished(() => namespace.store.close());
  for (let file = 0; file < FILES; file++) namespace.file(`file ${file}`);
  await namespace.store.sync();
  const reserve = join(disk.path, "metadata.reserve");
  return { disk, clock, lines, namespace, reserve, tools };
}

const WHY = WHY_NO_SMALL_DISKS === undefined ? "" : ` (skipped: ${WHY_NO_SMALL_DISKS})`;

describe.skipIf(WHY_NO_SMALL_DISKS !== undefined)(`a disk that is full${WHY}`, () => {
  test("has room for removals all the same: that is how it gets empty again", async () => {
    const { disk, namespace, reserve, lines } = await onSmallDisk();
    expect(statSync(reserve).size).toBe(WHOLE);
    disk.fill();
    for (let file = 0; file < FILES; file++) namespace.unlink(`file ${file}`);
    namespace.store.reap(namespace.store.orphans());
    await namespace.store.sync();
    expect(namespace.names()).toStrictEqual([]);
    expect(statSync(reserve).size).toBe(0);
    expect(lines).toMatchObject([{ level: 40 }]);
  });

  test("gives the reserve back when there is room again", async () => {
    const { disk, clock, namespace, reserve } = await onSmallDisk();
    disk.fill();
    for (let file = 0; file < FILES; file++) namespace.unlink(`file ${file}`);
    await namespace.store.sync();
    expect(statSync(reserve).size).toBe(0);
    namespace.file("still full");
    clock.advance(60_000);
    expect(statSync(reserve).size).toBe(0);
    disk.free();
    namespace.file("free");
    clock.advance(60_000);
    expect(statSync(reserve).size).toBe(WHOLE);
  });

  test("can be opened, and then emptied", async () => {
    const { disk, namespace, tools } = await onSmallDisk();
    await namespace.store.close();
    disk.fill();
    const again = new Namespace(openMetadataStore(disk.path, tools));
    for (let file = 0; file < FILES; file++) again.unlink(`file ${file}`);
    await again.store.sync();
    expect(again.names()).toStrictEqual([]);
    await again.store.close();
  });

  test("refuses what doesn't fit, and loses nothing of what it acknowledged", async () => {
    const { disk, clock, namespace, tools } = await onSmallDisk();
    disk.fill();
    const made: string[] = [];
    const attempt = (name: string) => {
      namespace.file(name);
      made.push(name);
    };
    const refusal = kindOf(() => {
      for (let file = 0; file < 200_000; file++) attempt(`more ${file}`);
    });
    expect(refusal).toBe("no-space");
    expect(namespace.store.lookup({ parent: ROOT_INO, name: made.at(-1) ?? "" })).toBeDefined();
    disk.free();
    clock.advance(60_000);
    await namespace.store.close();
    const again = new Namespace(openMetadataStore(disk.path, tools));
    const root = 1;
    expect(again.store.countInodes()).toBe(root + FILES + made.length);
    again.store.unlink({ parent: ROOT_INO, name: made[0] ?? "", now: at(1) });
    await again.store.close();
  });
});
