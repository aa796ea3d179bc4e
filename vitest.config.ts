import { statfsSync } from "node:fs";
import { defineConfig } from "vitest/config";

const MEMORY = "/dev/shm";
const MEMORY_NEEDED_BYTES = 2 ** 30;

/** Where stores needn't survive anything, a disk's fsyncs only cost time. */
function inMemory(): Record<string, string> {
  try {
    const { bavail, bsize } = statfsSync(MEMORY);
    return bavail * bsize < MEMORY_NEEDED_BYTES ? {} : { TMPDIR: MEMORY };
  } catch {
    return {}; // then on the disk
  }
}

// Groups, one after the other: `unit` runs in this process; `commands` runs what is built in children;
// `mount` has real FUSE mounts in it, whose daemons are children: a process must never touch a mount that
// it serves.
export default defineConfig({
  test: {
    reporters: ["default"],
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/{built,crash,examples,mount,package}/**"],
          pool: "forks",
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: "commands",
          include: ["test/{built,examples}/**/*.test.ts"],
          globalSetup: ["test/support/build.ts"],
          env: inMemory(),
          pool: "forks",
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: "mount",
          include: ["test/{crash,mount,package}/**/*.test.ts"],
          globalSetup: ["test/support/build.ts", "test/support/leftovers.ts"],
          pool: "forks",
          maxWorkers: 2,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
