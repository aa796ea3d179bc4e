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
      expect(reserve.isHeld).toBe(false);
      expect(existsSync(path)).toBe(false);
      expect(reserve.release()).toBe(false);
    },
  );

  test("is done without when its directory is gone", () => {
    const reserve = new SpaceReserve(join(testDir(), "gone", "reserve"));
    reserve.hold();
    expect(reserve.isHeld).toBe(false);
  });

  test("that a crash left half-made counts as none, and is made whole", () => {
    const path = join(testDir(), "reserve");
    writeFileSync(path, "");
    const reserve = new SpaceReserve(path);
    expect(reserve.isHeld).toBe(false);
    reserve.hold();
    expect(reserve.isHeld).toBe(true);
    expect(statSync(path).size).toBe(4 * MIB);
    expect(new SpaceReserve(path).isHeld).toBe(true);
  });
});

describe("a metadata store", () => {
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
