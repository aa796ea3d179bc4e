import { closeSync, openSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { bind } from "../../src/libc/library.js";
import { LOG_LEVELS, type LogLevel } from "../../src/telemetry/log-level.js";
import { openLogger } from "../../src/telemetry/logger.js";
import { SmallDisk, WHY_NO_SMALL_DISKS } from "../support/small-disk.js";
import { testDir } from "../support/temp-dir.js";

const STDERR = 2;
const dup = bind<(fd: number) => number>("int dup(int fd)");
const dup2 = bind<(fd: number, onto: number) => number>("int dup2(int fd, int onto)");

function linesOf(path: string): Record<string, unknown>[] {
  const lines = readFileSync(path, "utf8").split("\n");
  expect(lines.pop()).toBe("");
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

function fileLogger(level: LogLevel, thread = "main") {
  const path = join(testDir(), "nexus.log");
  return { path, logger: openLogger({ level, to: { file: path } }, thread) };
}

describe("a log that goes to a file", () => {
  test("is there as soon as the call returns: nothing waits in memory", () => {
    const { path, logger } = fileLogger("info", "fs");
    logger.info({ requests: 5 }, "the mount has ended");
    expect(linesOf(path)).toMatchObject([
      { level: 30, pid: process.pid, thread: "fs", requests: 5, msg: "the mount has ended" },
    ]);
  });

  test("is its owner's alone", () => {
    const { path, logger } = fileLogger("info");
    logger.info("x");
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test("is appended to what is there, by several threads' loggers in turn", () => {
    const { path, logger } = fileLogger("info", "main");
    writeFileSync(path, '{"msg":"from an earlier run"}\n');
    const other = openLogger({ level: "info", to: { file: path } }, "fs");
    logger.info("a");
    other.info("b".repeat(100_000));
    logger.info("c");
    expect(linesOf(path).map(({ msg }) => String(msg).slice(0, 9))).toEqual([
      "from an e",
      "a",
      "bbbbbbbbb",
      "c",
    ]);
  });

  test.skipIf(WHY_NO_SMALL_DISKS !== undefined)(
    "on a full disk throws nothing, and goes on when there is room again",
    () => {
      const disk = new SmallDisk({ sizeBytes: 1024 * 1024 });
      const path = join(disk.path, "nexus.log");
      const logger = openLogger({ level: "info", to: { file: path } }, "main");
      disk.fill();
      for (let line = 0; line < 3000; line++) logger.info({ line }, "x".repeat(1000));
      disk.free();
      logger.info("room again");
      const last = readFileSync(path, "utf8").trimEnd().split("\n").at(-1) ?? "";
      expect(JSON.parse(last)).toMatchObject({ msg: "room again" });
    },
  );

  test("keeps an error with its stack and its cause, on one line", () => {
    const { path, logger } = fileLogger("error");
    const cause = new Error("the disk is gone");
    logger.error({ err: new Error("can't be read\nat all", { cause }) }, "trouble");
    const [line] = linesOf(path);
    expect(line?.err).toMatchObject({
      type: "Error",
      message: expect.stringContaining("the disk is gone"),
      stack: expect.stringContaining("logger.test"),
    });
  });
});

describe("the level of a log", () => {
  const LOUD = LOG_LEVELS.filter((level) => level !== "silent");

  test.each(LOG_LEVELS)("%s lets through what is as grave, or graver", (level) => {
    const { path, logger } = fileLogger(level);
    for (const name of LOUD) logger[name](name);
    const from = LOG_LEVELS.indexOf(level);
    expect(linesOf(path).map(({ msg }) => msg)).toEqual(
      LOG_LEVELS.slice(from).filter((name) => name !== "silent"),
    );
  });
});

/** What this process writes to its descriptor 2 meanwhile. */
function stderrOf(action: () => void): string {
  const path = join(testDir(), "stderr");
  const file = openSync(path, "w");
  const saved = dup(STDERR);
  dup2(file, STDERR);
  try {
    action();
  } finally {
    dup2(saved, STDERR);
    closeSync(saved);
    closeSync(file);
  }
  return readFileSync(path, "utf8");
}

test("a log that goes to the terminal is for people, on stderr, and there at once", () => {
  const text = stderrOf(() => {
    const logger = openLogger({ level: "info", to: "terminal" }, "fs");
    logger.debug("not this");
    logger.warn({ mountPoint: "/mnt/nexus" }, "still in use");
  });
  expect(text).toMatch(/^\[[\d:.]+\] .*WARN.*: .*still in use/);
  expect(text).toContain('mountPoint: "/mnt/nexus"');
  expect(text).not.toContain("not this");
  // Of no use to people: the process and the thread.
  expect(text).not.toContain(String(process.pid));
  expect(text).not.toContain("thread");
});
