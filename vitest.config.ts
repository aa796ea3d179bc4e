import { readdirSync, readFileSync, statfsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

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

/** Files with little in them that take long: begun last, they would keep one process busy and the others waiting. */
const LONGEST = [
  ...["test/package/package.test.ts", "test/sdk/isolation.test.ts", "test/mount/posix.test.ts"],
  ...["test/mount/posix-fuse-native.test.ts", "test/crash/failpoints.test.ts"],
  ...["suites/cpython", "suites/fio", "trees", "developer-tools", "kernel-features"].map(
    (name) => `test/mount/programs/${name}.test.ts`,
  ),
];

/** These come first in their group; then what failed last time, and by how long it took, or by size. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId, project }: TestSpecification) =>
      2 * project.config.sequence.groupOrder +
      (LONGEST.some((path) => moduleId.endsWith(`/${path}`)) ? 0 : 1);
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

/** Tests that put something else in a module's place: nobody else may have loaded it before. */
function mocking(): string[] {
  return readdirSync("test", { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".test.ts"))
    .map((path) => join("test", path))
    .filter((path) => /vi\.mock\(|fake-kernel\.js/.test(readFileSync(path, "utf8")));
}

const apart = [...ON_DISK, ...mocking()];
const workers = Math.max(2, availableParallelism());
/** For tests whose work is done by children, and that wait for something much of the time. */
const waiting = 2 * workers;

// Files share processes, but for those in `apart`. First comes what runs in these processes. Then `commands`
// runs what is built in children, and `mount` has real FUSE mounts, whose daemons are children: a process must
// never touch a mount that it serves.
export default defineConfig({
  test: {
    reporters: ["default"],
    sequence: { sequencer: LongestFirst },
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
          isolate: false,
          maxWorkers: waiting,
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
          isolate: false,
          maxWorkers: waiting,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
