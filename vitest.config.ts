import { defineConfig } from "vitest/config";

// Two groups, one after the other: `unit` runs in this process; `built` runs what is built in children, and
// has real FUSE mounts in it: a process must never touch a mount that it serves. Those mostly wait, for
// daemons to start and end, so a few files run at a time whatever the machine has.
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
          include: ["test/{built,crash,examples,mount,package}/**/*.test.ts"],
          globalSetup: ["test/support/build.ts", "test/support/leftovers.ts"],
          pool: "forks",
          maxWorkers: 3,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
