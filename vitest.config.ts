import { defineConfig } from "vitest/config";

// Two groups: `unit` runs in this process and in parallel; `mount` runs what is built, one file at a
// time. It has real FUSE mounts in it, whose daemons are children: a process must never touch a mount
// that it serves.
export default defineConfig({
  test: {
    reporters: ["default"],
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/mount/**", "test/crash/**", "test/package/**", "test/examples/**"],
          pool: "forks",
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: "mount",
          include: ["test/{mount,crash,package,examples}/**/*.test.ts"],
          globalSetup: ["test/support/build.ts", "test/support/leftovers.ts"],
          pool: "forks",
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
