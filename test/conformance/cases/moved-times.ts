import { expect } from "vitest";
import { compareTimestamps } from "../../../src/model/timestamp.js";
import type { Need, PosixCase, PosixContext } from "../posix-case.js";
import type { PosixDriver, Stat } from "../posix-driver.js";
import { put, tick } from "../posix-steps.js";

/** One operation, and all that it may move. */
export interface MovedTimes {
  readonly operation: string;
  readonly needs?: readonly Need[];
  /** Goes before, and its times don't count. */
  readonly prepare?: (driver: PosixDriver) => Promise<unknown>;
  readonly act: (driver: PosixDriver, context: PosixContext) => Promise<unknown>;
  /** By path, after the operation: what of atime (a), mtime (m) and ctime (c) it moves. */
  readonly moves: Readonly<Record<string, string>>;
}

const LETTERS = [
  ["a", "atime"],
  ["m", "mtime"],
  ["c", "ctime"],
] as const;

/** What each operation finds. */
async function makeTree(driver: PosixDriver): Promise<void> {
  for (const path of ["one", "two", "one/directory", "one/empty"]) await driver.mkdir(path);
  await put(driver, { path: "one/file", data: "0123456789" });
  await put(driver, { path: "one/source", data: "abcdefghij" });
  await put(driver, { path: "one/none" });
  await put(driver, { path: "two/other", data: "other" });
  await driver.link("one/file", "two/name");
  await put(driver, { path: "one/directory/inside" });
  await driver.symlink("file", "one/link");
}

const TREE = [
  ".",
  "one",
  "two",
  "one/directory",
  "one/directory/inside",
  "one/empty",
  "one/file",
  "one/source",
  "one/none",
  "one/link",
  "two/other",
  "two/name",
];

/** A case for each: what must move has moved on, and nothing else in the tree has moved at all. */
export function casesOfMovedTimes(rows: readonly MovedTimes[]): PosixCase[] {
  return rows.map(({ operation, needs = [], prepare, act, moves }) => ({
    name: `${operation} moves ${inWords(moves)}`,
    needs,
    async run(context) {
      const { driver } = context;
      await put(driver, { path: "clock" });
      await makeTree(driver);
      await prepare?.(driver);
      const before = await inodes(driver, TREE);
      await tick(driver, "clock");
      await act(driver, context);
      const after = await inodes(driver, [...Object.keys(moves), ...TREE]);
      const moved = [...after]
        .map(([ino, { path, stat }]) => [path, difference(before.get(ino)?.stat, stat)] as const)
        .filter(([, letters]) => letters !== "");
      expect(Object.fromEntries(moved)).toEqual(moves);
    },
  }));
}

/** By inode, under the first of the paths that leads to it. */
async function inodes(
  driver: PosixDriver,
  paths: readonly string[],
): Promise<Map<number, { path: string; stat: Stat }>> {
  const found = new Map<number, { path: string; stat: Stat }>();
  for (const path of paths) {
    const stat = await driver.lstat(path).catch(() => undefined);
    if (stat !== undefined && !found.has(stat.ino)) found.set(stat.ino, { path, stat });
  }
  return found;
}

/** The letters of the times that moved on; an inode that is new has nothing to compare. */
function difference(before: Stat | undefined, after: Stat): string {
  if (before === undefined) return "";
  const order = LETTERS.map(
    ([letter, time]) => [letter, compareTimestamps(after[time], before[time])] as const,
  );
  const back = order.filter(([, difference]) => difference < 0);
  expect(back, "times that went back").toEqual([]);
  return order.map(([letter, difference]) => (difference > 0 ? letter : "")).join("");
}

function inWords(moves: Readonly<Record<string, string>>): string {
  const parts = Object.entries(moves).map(([path, letters]) => {
    const times = LETTERS.filter(([letter]) => letters.includes(letter)).map(([, time]) => time);
    return `${times.join(" and ")} of ${path}`;
  });
  return parts.length === 0 ? "no time of anything" : `${parts.join(", ")}, and nothing else`;
}
