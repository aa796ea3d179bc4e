import { ftruncateSync } from "node:fs";
import { beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { NexusError } from "../../../../src/model/errors.js";
import { bytesOfLength } from "../../../support/bytes.js";
import { kindOf } from "../../../support/error-kind.js";
import { openContentStore } from "../../../support/stores.js";
import { testDir } from "../../../support/temp-dir.js";
import { Contents, readAll } from "../fixture.js";

// On a full disk, fallocate(2) of ext4 leaves the file as long as it got; tmpfs undoes all of it.

const trouble = vi.hoisted(() => ({ endsAt: undefined as number | undefined }));

vi.mock("../../../../src/libc/files.js", async (importOriginal) => {
  const files = await importOriginal<typeof import("../../../../src/libc/files.js")>();
  const allocate: typeof files.allocate = (fd, request) => {
    if (trouble.endsAt === undefined) return files.allocate(fd, request);
    ftruncateSync(fd, trouble.endsAt);
    throw new NexusError("no-space", "fallocate: ENOSPC");
  };
  return { ...files, allocate };
});

beforeEach(() => {
  trouble.endsAt = undefined;
});

test.each([10, 100_000])(
  "a file of %i bytes that was allocated in part has the size that it got, and can be sealed",
  async (size) => {
    const store = openContentStore(testDir());
    onTestFinished(() => store.close());
    const contents = new Contents(store);
    const bytes = bytesOfLength(size);
    const file = contents.staged(bytes);
    trouble.endsAt = 150_000;
    const request = { mode: "extend", offset: 0, length: 300_000 } as const;
    expect(kindOf(() => file.allocate(request))).toBe("no-space");
    expect(file.sizeBytes).toBe(150_000);
    const grown = Buffer.concat([bytes, Buffer.alloc(150_000 - size)]);
    expect(readAll(file).equals(grown)).toBe(true);
    const [content] = await contents.seal(file.id);
    if (content === undefined) throw new Error("nothing was sealed");
    expect(contents.bytesOf({ ...content, sizeBytes: file.sizeBytes }).equals(grown)).toBe(true);
  },
);
