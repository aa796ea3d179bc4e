import { describe, expect, test } from "vitest";
import { NexusError } from "../../src/model/errors.js";
import { ROOT_INO } from "../../src/model/ids.js";
import { whenReady } from "../../src/model/maybe-promise.js";
import type { ContentStore, StagingFile } from "../../src/storage/content/content-store.js";
import type { MetadataStore } from "../../src/storage/metadata/metadata-store.js";
import { bytesOfLength } from "../support/bytes.js";
import { kindOfLater } from "../support/error-kind.js";
import { ANYBODY, type OpenFile, World } from "./world.js";

/** What can't be synced, and what the sync of bytes waits for. */
interface Trouble {
  step?: string;
  hold?: Promise<void>;
  /** What sealing waits for. */
  holdSeal?: Promise<void>;
}

/** A world that tells what was made durable, in its order. */
function traced(trouble: Trouble = {}): { world: World; steps: string[] } {
  const steps: string[] = [];
  const note = (step: string) => {
    steps.push(step);
    if (trouble.step === step) throw new NexusError("io-failure", `${step} failed`);
  };
  const watch = (file: StagingFile): StagingFile => {
    const sync = file.sync.bind(file);
    return Object.assign(file, {
      sync: async () => {
        note("bytes");
        await sync();
        await trouble.hold;
      },
    });
  };
  const wrapContents = (store: ContentStore) => {
    const { createStaging, openStaging, copyUp, seal } = store;
    return Object.assign(store, {
      copyUp: (...args: Parameters<typeof copyUp>) => whenReady(copyUp.apply(store, args), watch),
      seal: async (...args: Parameters<typeof seal>) => {
        note("seal");
        await trouble.holdSeal;
        return await seal.apply(store, args);
      },
      createStaging: (...args: Parameters<typeof createStaging>) =>
        watch(createStaging.apply(store, args)),
      openStaging: (...args: Parameters<typeof openStaging>) =>
        watch(openStaging.apply(store, args)),
    });
  };
  const wrapMetadata = (store: MetadataStore) => {
    const { sync, rename, recordActivity, stage } = store;
    return Object.assign(store, {
      stage: (...args: Parameters<typeof stage>) => {
        note("stage");
        stage.apply(store, args);
      },
      sync: async () => {
        note("rows");
        await sync.call(store);
      },
      rename: (...args: Parameters<typeof rename>) => {
        note("rename");
        return rename.apply(store, args);
      },
      recordActivity: (...args: Parameters<typeof recordActivity>) => {
        note("row");
        recordActivity.apply(store, args);
      },
    });
  };
  return { world: new World({ wrapContents, wrapMetadata }), steps };
}

describe("fsync", () => {
  test.each([10, 100_000])("syncs %i bytes, then their row", async (size) => {
    const { world, steps } = traced();
    const file = await world.create("file", bytesOfLength(size));
    await file.fsync();
    expect(steps).toStrictEqual(["bytes", "row", "rows"]);
  });

  test("syncs the bytes again only when there are new ones", async () => {
    const { world, steps } = traced();
    const file = await world.create("file", "text");
    await file.fsync();
    steps.length = 0;
    await file.fsync();
    expect(steps).toStrictEqual(["rows"]);
    await file.write("more");
    await file.fsync();
    expect(steps).toStrictEqual(["rows", "bytes", "row", "rows"]);
  });

  test("of a sealed content has no bytes to sync", async () => {
    const { world, steps } = traced();
    await world.write("file", "text");
    await world.sealed("file");
    const file = await world.open("file");
    steps.length = 0;
    await file.fsync();
    expect(steps).toStrictEqual(["rows"]);
  });

  test("of a file that was closed syncs what was written before", async () => {
    const { world, steps } = traced();
    await world.write("file", "text");
    const file = await world.open("file", { access: "read" });
    steps.length = 0;
    await file.fsync();
    expect(steps).toStrictEqual(["bytes", "rows"]);
  });

  test.each([
    ["10 bytes", (file: OpenFile) => file.write(bytesOfLength(10))],
    ["100,000 bytes", (file: OpenFile) => file.write(bytesOfLength(100_000))],
    ["size", (file: OpenFile) => file.truncate(100_000)],
  ])("of the first %s of a file that was sealed empty syncs them", async (_, change) => {
    const { world, steps } = traced();
    await world.write("file", "");
    await world.sealed("file");
    const file = await world.open("file");
    await change(file);
    steps.length = 0;
    await file.fsync();
    expect(steps[0]).toBe("bytes");
  });

  test("of what waited for a copy behind another one's sync is its own business", async () => {
    let open: () => void = () => undefined;
    const hold = new Promise<void>((resolve) => {
      open = resolve;
    });
    const { world, steps } = traced({ hold });
    await world.write("file", bytesOfLength(2_000_000));
    await world.sealed("file");
    const file = await world.open("file");
    const first = file.write("first");
    const sync = file.fsync();
    const second = file.write("second", 50_000);
    await Promise.all([first, second]);
    open();
    await sync;
    steps.length = 0;
    await file.fsync();
    expect(steps[0]).toBe("bytes");
  });

  test.each([10, 100_000])("syncs a time that was set since, with %i bytes", async (size) => {
    const { world, steps } = traced();
    const file = await world.create("file", bytesOfLength(size));
    await file.fsync();
    await world.fs.setattr(ANYBODY, { ino: file.ino, mtime: { sec: 1_000_000, nsec: 5 } });
    steps.length = 0;
    await file.fsync();
    expect(steps[0]).toBe("bytes");
  });

  test("of a directory syncs its rows", async () => {
    const { world, steps } = traced();
    await world.write("file", "text");
    steps.length = 0;
    await world.fs.fsync(ANYBODY, { ino: ROOT_INO });
    expect(steps).toStrictEqual(["rows"]);
  });

  test.each(["bytes", "rows"])(
    "tells when the %s can't be synced, and tries again",
    async (step) => {
      const trouble: Trouble = { step };
      const { world, steps } = traced(trouble);
      const file = await world.create("file", "text");
      expect(await kindOfLater(file.fsync())).toBe("io-failure");
      expect(steps.at(-1)).toBe(step);
      delete trouble.step;
      steps.length = 0;
      await file.fsync();
      expect(steps).toContain(step);
    },
  );

  test("of what is written while it runs is another one's business", async () => {
    let open: () => void = () => undefined;
    const hold = new Promise<void>((resolve) => {
      open = resolve;
    });
    const { world, steps } = traced({ hold });
    const file = await world.create("file", "text");
    const first = file.fsync();
    await world.until(() => steps.includes("bytes"));
    await file.write("TEXT");
    open();
    await first;
    steps.length = 0;
    await file.fsync();
    expect(steps[0]).toBe("bytes");
  });
});

test("fsync of an empty file that is just being sealed harms nobody", async () => {
  let open: () => void = () => undefined;
  const holdSeal = new Promise<void>((resolve) => {
    open = resolve;
  });
  const { world, steps } = traced({ holdSeal });
  const file = await world.create("file");
  file.release();
  world.clock.advance(1100);
  await world.until(() => steps.includes("seal"));
  try {
    await world.fs.fsync(ANYBODY, { ino: file.ino });
  } finally {
    open();
  }
  await world.sealed("file");
  await world.swept();
  expect(await world.read("file")).toBe("");
  expect(world.trouble).toStrictEqual([]);
});

describe("a content that is copied to be written", () => {
  test("costs no sync if it is small and sealed", async () => {
    const { world, steps } = traced();
    await world.write("file", "text");
    await world.sealed("file");
    const file = await world.open("file");
    steps.length = 0;
    await file.write("more");
    expect(steps).toStrictEqual(["stage"]);
  });

  const CHANGES: [string, (world: World) => Promise<unknown>][] = [
    ["write", async (world) => (await world.open("file")).write("more")],
    ["cut", async (world) => (await world.open("file")).truncate(3)],
    ["empty", async (world) => (await world.open("file")).truncate(0)],
    ["open with O_TRUNC", (world) => world.open("file", { truncate: true })],
  ];

  test.each(
    CHANGES.flatMap(([how, change]) => [10, 100_000].map((n) => [how, n, change] as const)),
  )(
    "to %s is durable before its row names the copy, if %i bytes are just being sealed",
    async (_, size, change) => {
      let open: () => void = () => undefined;
      const holdSeal = new Promise<void>((resolve) => {
        open = resolve;
      });
      const { world, steps } = traced({ holdSeal });
      await world.write("file", bytesOfLength(size));
      world.clock.advance(1100);
      await world.until(() => steps.includes("seal"));
      steps.length = 0;
      try {
        await change(world);
        expect(steps.slice(0, 2)).toStrictEqual(["bytes", "stage"]);
      } finally {
        open();
      }
    },
  );

  test("stays what it was when the copy can't be synced", async () => {
    let open: () => void = () => undefined;
    const holdSeal = new Promise<void>((resolve) => {
      open = resolve;
    });
    const trouble: Trouble = { step: "bytes", holdSeal };
    const { world, steps } = traced(trouble);
    await world.write("file", "text");
    world.clock.advance(1100);
    await world.until(() => steps.includes("seal"));
    const file = await world.open("file");
    expect(await kindOfLater(file.write("more"))).toBe("io-failure");
    expect(await file.read()).toBe("text");
    delete trouble.step;
    await file.write("more");
    open();
    expect(await file.read()).toBe("more");
  });
});

describe("renaming over another file", () => {
  const names = { parent: ROOT_INO, name: "new", newParent: ROOT_INO, newName: "old" };
  const replace = { ...names, mode: "replace", whiteout: false } as const;

  test("syncs the bytes before the name moves", async () => {
    const { world, steps } = traced();
    await world.write("old", "old");
    await world.write("new", "new");
    steps.length = 0;
    await world.fs.rename(ANYBODY, replace);
    expect(steps).toStrictEqual(["bytes", "rename"]);
    expect(await world.read("old")).toBe("new");
  });

  test("leaves both files when the bytes can't be synced", async () => {
    const { world } = traced({ step: "bytes" });
    await world.write("old", "old");
    await world.write("new", "new");
    const renaming = async () => world.fs.rename(ANYBODY, replace);
    expect(await kindOfLater(renaming())).toBe("io-failure");
    expect(await world.read("old")).toBe("old");
    expect(await world.read("new")).toBe("new");
  });

  test("costs no sync if nothing is replaced, or all is durable", async () => {
    const { world, steps } = traced();
    const file = await world.create("new", "new");
    steps.length = 0;
    await world.fs.rename(ANYBODY, replace);
    expect(steps).toStrictEqual(["rename"]);
    await file.fsync();
    await world.write("new", "other");
    const back = { ...replace, name: "old", newName: "new" };
    steps.length = 0;
    await world.fs.rename(ANYBODY, back);
    expect(steps).toStrictEqual(["rename"]);
  });
});
