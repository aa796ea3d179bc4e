import { ftruncateSync } from "node:fs";
import { expect, test, vi } from "vitest";
import { NexusError } from "../../src/model/errors.js";
import { kindOfLater } from "../support/error-kind.js";
import { ANYBODY, World } from "./world.js";

const trouble = vi.hoisted(() => ({ isFull: false }));
vi.mock("../../src/libc/files.js", async (original) => {
  const files = await original<typeof import("../../src/libc/files.js")>();
  return {
    ...files,
    allocate: (fd: number, span: Parameters<typeof files.allocate>[1]) => {
      if (!trouble.isFull) return files.allocate(fd, span);
      // ext4 leaves a file as long as it got.
      ftruncateSync(fd, 500_000);
      throw new NexusError("no-space", "the disk is full");
    },
  };
});

test("a file that could be allocated in part only is as long as it got, and readable", async () => {
  const world = new World();
  const file = await world.create("file", "text");
  trouble.isFull = true;
  const request = { handle: file.handle, offset: 0, length: 1e9, mode: "extend" } as const;
  const allocating = (async () => world.fs.fallocate(ANYBODY, request))();
  expect(await kindOfLater(allocating)).toBe("no-space");
  trouble.isFull = false;
  const { sizeBytes } = await world.fs.getattr(ANYBODY, { ino: file.ino });
  expect(sizeBytes).toBe(500_000);
  file.close();
  await world.sealed("file");
  const content = await world.read("file");
  expect(content.length).toBe(500_000);
  expect(content.slice(0, 5)).toBe("text\0");
});
