import { readdirSync, readFileSync, statfsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
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

/** They have what memory lacks: fallocate(2) that zeroes a range. */
const ON_DISK = [
  "test/conformance/posix-in-process.test.ts",
  "test/storage/content/content-properties.test.ts",
  "test/storage/content/local-content-store.test.ts",
];

/** The suites of the library, which hold for every kind of client: see test/support/client-kind.ts. */
const LIBRARY = [
  "test/features/{files,metadata,queue,transfer}/**/*.test.ts",
  "test/features/search/real-files.test.ts",
  "test/sdk/{every-client,isolation*}.test.ts",
];

/** Tests that put something else in a module's place: nobody else may have loaded it before. */
function mocking(): string[] {
  return readdirSync("test", { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".test.ts"))
    .map((path) => join("test", path))
    .filter((path) => /vi\.mock\(|fake-kernel\.js/.test(readFileSync(path, "utf8")));
}

const apart = [...ON_DISK, ...mocking()];
const workers = Math.max(2, availableParallelism());

// `unit` and `apart` run in vitest's own processes, the first without a new one for each file. Then
// `commands` runs what is built in children, and at last `mount` has real FUSE mounts in it, whose daemons
// are children: a process must never touch a mount that it serves.
export default defineConfig({
  test: {
    reporters: ["default"],
    coverage: {
      provider: "v8",
      include: ["src/{core,features,storage}/**"],
      reporter: ["text-summary", "json-summary"],
      reportsDirectory: "node_modules/.coverage",
      thresholds: {
        "src/core/**": { lines: 95 },
        "src/features/**": { lines: 95 },
        "src/storage/**": { lines: 95 },
      },
    },
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/{built,crash,examples,mount,package}/**", ...apart],
          env: inMemory(),
          pool: "forks",
          isolate: false,
          maxWorkers: workers,
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: "over-a-socket",
          include: LIBRARY,
          env: { ...inMemory(), TEST_CLIENT_KIND: "over a socket" },
          pool: "forks",
          isolate: false,
          maxWorkers: workers,
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: "apart",
          include: apart,
          pool: "forks",
          maxWorkers: workers,
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
          maxWorkers: workers,
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
          // Many of them wait for something most of the time.
          maxWorkers: 2 * workers,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
