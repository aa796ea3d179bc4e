import { defineConfig } from "vitest/config";

// Three groups, one after the other: `unit` runs in this process, `built` runs what is built in children,
// both several files at a time; `mount` has real FUSE mounts in it, one file at a time. Their daemons are
// children: a process must never touch a mount that it serves.
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
          name: "built",
          include: ["test/{built,examples}/**/*.test.ts"],
          globalSetup: ["test/support/build.ts"],
          pool: "forks",
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: "mount",
          include: ["test/{mount,crash,package}/**/*.test.ts"],
          globalSetup: ["test/support/build.ts", "test/support/leftovers.ts"],
          pool: "forks",
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
