import { statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { ROOT_INO } from "../../../../src/model/ids.js";
import { kindOf } from "../../../support/error-kind.js";
import { FakeClock } from "../../../support/fake-clock.js";
import { recordingLogger, silentLogger } from "../../../support/silent-logger.js";
import { SmallDisk, WHY_NO_SMALL_DISKS } from "../../../support/small-disk.js";
import { openMetadataStore } from "../../../support/stores.js";
import { at, Namespace } from "../fixture.js";

const MIB = 1024 * 1024;
const FILES = 2000;
/** The whole reserve. */
const WHOLE = 8 * MIB;

/** A store on a disk of its own, with files in it. */
async function onSmallDisk() {
  const disk = new SmallDisk({ sizeBytes: 32 * MIB });
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

  test("can be emptied however much its log and its database had to grow first: renaming and all", async () => {
    const { disk, namespace, tools } = await onSmallDisk();
    // Its log is gone then, and has to be made anew from what there is.
    await namespace.store.close();
    const store = openMetadataStore(disk.path, tools);
    const again = new Namespace(store);
    disk.fill();
    for (let count = 0; count < 3 * FILES; count++) {
      const name = `file ${count % FILES}`;
      const ino = store.lookup({ parent: ROOT_INO, name })?.ino ?? ROOT_INO;
      store.setattr({ ino, permissions: 0o600 + (count % 2), now: at(count) });
      again.rename(name, `${name}.new`);
      again.rename(`${name}.new`, name);
      store.commit();
    }
    await emptyOneByOne(again);
    await store.close();
    await openMetadataStore(disk.path, tools).close();
  });

  test.each([
    { what: "many names", bytes: 0, sizeBytes: 64 * MIB },
    { what: "large attributes", bytes: 60_000, sizeBytes: 64 * MIB },
  ])(
    "can be emptied when the log is full of $what that the database has no room for",
    async ({ bytes, sizeBytes }) => {
      const disk = new SmallDisk({ sizeBytes });
      const clock = new FakeClock();
      const tools = { clock, scheduler: clock, logger: silentLogger };
      // Commits come faster than the checkpoints: none ever ends.
      const checkpointer = { run: () => new Promise<boolean>(() => {}), close: async () => {} };
      const store = openMetadataStore(disk.path, { ...tools, checkpointer });
      const namespace = new Namespace(store);
      const logBytes = () => statSync(join(disk.path, "metadata.db-wal")).size;
      for (let file = 0; logBytes() < 5 * MIB; file++) {
        const ino = namespace.file(`file ${file}`.padEnd(150, "x"));
        const value = Buffer.alloc(bytes, 1);
        const attribute = { ino, family: "custom", key: "key", mode: "any" } as const;
        if (bytes > 0) store.setAttribute({ ...attribute, value, now: at(1) });
        if (file % 100 === 0) store.commit();
      }
      disk.fill();
      await emptyOneByOne(namespace);
      await store.close();
      await openMetadataStore(disk.path, tools).close();
    },
  );

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

/** Removes all there is, with a commit each. */
async function emptyOneByOne(namespace: Namespace): Promise<void> {
  const { store } = namespace;
  for (const name of namespace.names()) {
    namespace.unlink(name);
    store.commit();
    store.reap(store.orphans());
    store.commit();
  }
  await store.sync();
  expect(namespace.names()).toStrictEqual([]);
}
