import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { FULL_MS, IS_FULL, suiteOnMount, whyNoSuite } from "./suites.js";

/** A stressor: how many of its operations are enough where time is short, and options that keep it small. */
type Stressor = readonly [name: string, operations: number, options?: string];

/**
 * All of a group run at once. Not here: what asks for what FUSE doesn't have (fiemap, verity, inode-flags),
 * and io-uring, which fails on every file system (native-notes/posix.md).
 */
const GROUPS: readonly (readonly [about: string, stressors: readonly Stressor[]])[] = [
  [
    "names and attributes",
    [
      ...([
        ["access", 20],
        ["chmod", 8],
        ["chown", 20],
        ["fstat", 200],
      ] as const),
      ...([
        ["touch", 100],
        ["utime", 100],
        ["mknod", 50],
        ["rename", 200],
      ] as const),
      ...([
        ["getdent", 1000],
        ["dirmany", 100],
      ] as const),
      ["chdir", 50, "--chdir-dirs 64"],
      ["dir", 50, "--dir-dirs 64"],
      ["dentry", 128, "--dentries 64"],
      ["filename", 10, "--filename-opts posix"],
    ],
  ],
  [
    "contents",
    [
      ...([
        ["open", 100],
        ["fsize", 4],

        ["sendfile", 100],
      ] as const),
      ...([
        ["copy-file", 4],
        ["aio", 200],
        ["aiol", 20],
        ["fault", 40],
      ] as const),
      ["hdd", 200, "--hdd-bytes 4m --hdd-opts rd-rnd,wr-rnd,utimes"],
      ["fallocate", 1, "--fallocate-bytes 4m"],
      ["iomix", 50, "--iomix-bytes 4m"],
      ["seek", 40, "--seek-size 4m"],
      ["readahead", 64, "--readahead-bytes 4m"],
      ["revio", 500, "--revio-bytes 4m"],
      ["sync-file", 8, "--sync-file-bytes 4m"],
      ["msync", 20, "--msync-bytes 4m"],
      ["mmap", 1, "--mmap-file --mmap-bytes 256k"],
    ],
  ],
  [
    "locks, descriptors and notifications",
    [
      ...([
        ["flock", 5000],
        ["locka", 5000],
        ["lockf", 500],
        ["lockofd", 5000],
      ] as const),
      ...([
        ["fcntl", 200],
        ["lease", 100],
        ["dup", 20],
        ["handle", 1000],
      ] as const),
      ...([
        ["dnotify", 10],
        ["inotify", 1],
        ["chattr", 2],
        ["file-ioctl", 100],
      ] as const),
    ],
  ],
];

const ALL = GROUPS.flatMap(([, stressors]) => stressors);

/** Too slow for a short run, or heedless of its length; xattr may not get through a round, nor dirdeep begin one. */
const SLOW: readonly Stressor[] = [
  ["link", 1],
  ["symlink", 1],
  ["xattr", 0],
  ["dirdeep", 0],
  ["fpunch", 1],
];

/** Each option of the writer of large files is a way of its own. */
const HDD_OPTIONS = [
  ...["direct", "dsync", "fsync", "fdatasync", "iovec", "noatime", "sync", "syncfs", "utimes"],
  ...["fadv-dontneed", "fadv-noreuse", "fadv-rnd", "fadv-seq", "fadv-willneed"],
  ...["rd-rnd", "rd-seq", "wr-rnd", "wr-seq", "direct,rd-rnd,wr-rnd,fsync"],
];

/** How long, or until each has done its operations. */
type Length = { readonly seconds: number; readonly workers: number } | "short";

const skipReason = whyNoSuite("stress-ng", ["--version"]);

suiteOnMount({ name: "stress-ng", who: "root", skipReason }, (suite) => {
  /** Runs stressors at once. Returns those that did less than they should. */
  async function stress(stressors: readonly Stressor[], length: Length): Promise<string[]> {
    const isShort = length === "short";
    const { seconds, workers } = isShort ? { seconds: 60, workers: 1 } : length;
    const all = stressors.map(
      ([name, operations, options = ""]) =>
        `--${name} ${workers} ${isShort ? `--${name}-ops ${operations}` : ""} ${options}`,
    );
    const metrics = join(suite.mounted.base, "metrics.yaml");
    await suite.run(
      `mkdir stress
         stress-ng ${all.join(" ")} --timeout ${seconds} --verify --temp-path stress --metrics --yaml ${metrics} 2>&1
         rmdir stress`,
    );
    const report = parse(readFileSync(metrics, "utf8")) as {
      metrics: { stressor: string; "bogo-ops": number }[];
    };
    const done = new Map(report.metrics.map((one) => [one.stressor, one["bogo-ops"]]));
    return stressors
      .filter(
        ([name, operations]) =>
          (done.get(name) ?? -1) < (isShort ? operations : Math.min(operations, 1)),
      )
      .map(([name]) => `${name}: ${done.get(name)}`);
  }

  test.each(GROUPS)("%s hold under load, all of it at once", async (_about, stressors) => {
    expect(await stress(stressors, "short")).toEqual([]);
  });

  const alone = (IS_FULL ? [...ALL, ...SLOW] : []).map((stressor) => ({ stressor }));
  test.each(alone)("$stressor.0 alone", { timeout: FULL_MS }, async ({ stressor }) => {
    expect(await stress([stressor], { seconds: 5, workers: 2 })).toEqual([]);
  });

  const hddOptions = IS_FULL ? HDD_OPTIONS : [];
  test.each(hddOptions)("a large file, with %s", { timeout: FULL_MS }, async (options) => {
    const hdd: Stressor = ["hdd", 1, `--hdd-bytes 64m --hdd-opts ${options}`];
    expect(await stress([hdd], { seconds: 5, workers: 2 })).toEqual([]);
  });

  const together = IS_FULL ? [8] : [];
  test.each(together)("%i of each, all at once", { timeout: FULL_MS }, async (workers) => {
    // Several hundred processes: not each gets through a round.
    await stress(ALL, { seconds: 60, workers });
  });
});
