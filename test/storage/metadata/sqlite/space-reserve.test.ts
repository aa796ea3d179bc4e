import { existsSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { type ErrorKind, NexusError } from "../../../../src/model/errors.js";
import { SpaceReserve } from "../../../../src/storage/metadata/sqlite/space-reserve.js";
import { openMetadataStore } from "../../../support/stores.js";
import { testDir } from "../../../support/temp-dir.js";

const MIB = 1024 * 1024;

/** What the host answers to fallocate(2), unless it is left alone. */
const trouble = vi.hoisted(() => ({ allocating: undefined as ErrorKind | undefined }));

vi.mock("../../../../src/libc/files.js", async (importOriginal) => {
  const files = await importOriginal<typeof import("../../../../src/libc/files.js")>();
  const allocate: typeof files.allocate = (fd, request) => {
    if (trouble.allocating !== undefined) throw new NexusError(trouble.allocating, "trouble");
    files.allocate(fd, request);
  };
  return { ...files, allocate };
});

beforeEach(() => {
  trouble.allocating = undefined;
});

describe("the space reserve", () => {
  test.each(["quota-exceeded", "too-many-open-files", "io-failure", "no-space"] as const)(
    "is done without when taking it ends with %s, and leaves nothing behind",
    (kind) => {
      const path = join(testDir(), "reserve");
      const reserve = new SpaceReserve(path);
      trouble.allocating = kind;
      reserve.hold();
      expect(reserve).toMatchObject({ isHeld: false, isGivenBack: false });
      expect(existsSync(path)).toBe(false);
      expect(reserve.release()).toBe(false);
    },
  );

  test("is done without when its directory is gone", () => {
    const reserve = new SpaceReserve(join(testDir(), "gone", "reserve"));
    reserve.hold();
    expect(reserve.isHeld).toBe(false);
  });

  test("stays given back, also for the next process, until it could be taken again", () => {
    const path = join(testDir(), "reserve");
    const reserve = new SpaceReserve(path);
    reserve.hold();
    expect(reserve.release()).toBe(true);
    trouble.allocating = "quota-exceeded";
    reserve.hold();
    const next = new SpaceReserve(path);
    for (const one of [reserve, next]) {
      expect(one).toMatchObject({ isHeld: false, isGivenBack: true });
    }
    expect(statSync(path)).toMatchObject({ size: 0, blocks: 0 });
    expect(next.release()).toBe(false);
    trouble.allocating = undefined;
    next.hold();
    expect(next).toMatchObject({ isHeld: true, isGivenBack: false });
    expect(statSync(path).size).toBe(8 * MIB);
  });

  test("that a crash left half-made counts as given back, and is made whole", () => {
    const path = join(testDir(), "reserve");
    writeFileSync(path, "");
    const reserve = new SpaceReserve(path);
    expect(reserve).toMatchObject({ isHeld: false, isGivenBack: true });
    reserve.hold();
    expect(reserve.isHeld).toBe(true);
    expect(statSync(path).size).toBe(8 * MIB);
    expect(new SpaceReserve(path).isHeld).toBe(true);
  });
});

describe("a metadata store", () => {
  test("that never could have a reserve has room as far as it knows", async () => {
    trouble.allocating = "no-space";
    const store = openMetadataStore(testDir());
    expect(store.hasRoom()).toBe(true);
    await store.close();
  });

  test("opens, commits and closes though a quota leaves no room for its reserve", async () => {
    trouble.allocating = "quota-exceeded";
    const store = openMetadataStore(testDir());
    await store.sync();
    await expect(store.close()).resolves.toBeUndefined();
  });

  test("closes its database also when its last sync fails, and says so", async () => {
    const directory = testDir();
    const store = openMetadataStore(directory);
    const failure = new NexusError("io-failure", "the disk is gone");
    vi.spyOn(store, "sync").mockRejectedValue(failure);
    await expect(store.close()).rejects.toBe(failure);
    // Only the last connection to close removes the log.
    expect(existsSync(join(directory, "metadata.db-wal"))).toBe(false);
  });

  test("closes its database also when something else on the way there fails", async () => {
    const directory = testDir();
    const store = openMetadataStore(directory);
    const failure = new NexusError("io-failure", "trouble");
    vi.spyOn(SpaceReserve.prototype, "hold").mockImplementationOnce(() => {
      throw failure;
    });
    await expect(store.close()).rejects.toBe(failure);
    expect(existsSync(join(directory, "metadata.db-wal"))).toBe(false);
  });
});
