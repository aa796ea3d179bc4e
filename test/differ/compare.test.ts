import { describe, expect, test } from "vitest";
import type { Stat } from "../conformance/posix-driver.js";
import {
  type Clock,
  compareLooks,
  compareOutcomes,
  compareTrees,
  type Freedom,
} from "./compare.js";

const NOW = 1_800_000_000;
const CLOCK: Clock = {
  from: NOW - 60,
  to: NOW + 60,
  isFine: { native: true, mount: true },
  shown: (time) => time,
};
const NO_FREEDOM: Freedom = { mayMove: () => false, excused: new Set() };

const FILE: Stat = {
  ino: 5,
  mode: 0o100644,
  nlink: 1,
  uid: 0,
  gid: 0,
  size: 9,
  blocks: 8,
  rdev: { major: 0, minor: 0 },
  atime: { sec: NOW, nsec: 1 },
  mtime: { sec: NOW, nsec: 1 },
  ctime: { sec: NOW, nsec: 1 },
  btime: { sec: NOW, nsec: 1 },
};
const LATER = { sec: NOW, nsec: 2 };
/** The same on the other side, whose clock is its own. */
const THERE: Stat = { ...FILE, ino: 7, mtime: LATER, ctime: LATER, btime: LATER, blocks: 1 };

/** What both sides show of one file, before a step and after it. */
function looks(native: [Stat, Stat], mount: [Stat, Stat]) {
  const [before, after] = [0, 1].map((at) => ({
    native: new Map([["stat of a", native[at] ?? FILE]]),
    mount: new Map([["stat of a", mount[at] ?? FILE]]),
  }));
  if (before === undefined || after === undefined) throw new Error("there are two");
  return { before, after, freedom: NO_FREEDOM };
}

function whatOf(native: [Stat, Stat], mount: [Stat, Stat], clock = CLOCK): string | undefined {
  return compareLooks(looks(native, mount), clock)?.what;
}

test("times that were set are compared as the mount shows them", () => {
  const shown = { ...CLOCK, shown: () => ({ sec: 0, nsec: 0 }) };
  const at = (stat: Stat, sec: number) => ({ ...stat, mtime: { sec, nsec: 5 } });
  const epoch = { ...THERE, mtime: { sec: 0, nsec: 0 } };
  expect(whatOf([at(FILE, -9), at(FILE, -8)], [epoch, epoch], shown)).toBeUndefined();
  expect(whatOf([at(FILE, -9), at(FILE, -8)], [epoch, epoch])).toBe("mtime that was set by stat");
  expect(whatOf([FILE, at(FILE, -8)], [THERE, at(THERE, -8)], shown)).toBe(
    "mtime that was set by stat",
  );
});

describe("attributes", () => {
  test("are the same whatever inode numbers, blocks and clocks are", () => {
    expect(whatOf([FILE, FILE], [THERE, THERE])).toBeUndefined();
  });

  test.each([{ mode: 0o100600 }, { nlink: 2 }, { uid: 1 }, { gid: 1 }, { size: 8 }])(
    "differ with %o",
    (change) => {
      expect(whatOf([FILE, FILE], [THERE, { ...THERE, ...change }])).toBe("attributes by stat");
    },
  );

  test("differ where a large file has holes on one side, and none on the other", () => {
    const [hollow, dense] = [
      { ...FILE, size: 2 ** 20, blocks: 8 },
      { ...THERE, size: 2 ** 20, blocks: 2 ** 11 },
    ];
    expect(whatOf([hollow, hollow], [dense, dense])).toBe("blocks by stat");
    expect(
      whatOf(
        [hollow, hollow],
        [
          { ...dense, blocks: 256 },
          { ...dense, blocks: 256 },
        ],
      ),
    ).toBe(undefined);
    expect(whatOf([dense, dense], [hollow, hollow])).toBeUndefined();
  });

  test("of a directory have no size of their own, those of a device a number", () => {
    const directory = { ...FILE, mode: 0o40755 };
    expect(whatOf([directory, directory], [directory, { ...directory, size: 1 }])).toBeUndefined();
    const device = { ...FILE, mode: 0o20644 };
    const other = { ...device, rdev: { major: 1, minor: 3 } };
    expect(whatOf([device, device], [device, other])).toBe("attributes by stat");
  });
});

describe("times", () => {
  const moved = (stat: Stat, time: "mtime" | "ctime") => ({
    ...stat,
    [time]: { sec: NOW, nsec: 9 },
  });

  test.each(["mtime", "ctime"] as const)("differ where %s moves on one side alone", (time) => {
    const what = `${time} moves by stat`;
    expect(whatOf([FILE, moved(FILE, time)], [THERE, THERE])).toBe(what);
    expect(whatOf([FILE, FILE], [THERE, moved(THERE, time)])).toBe(what);
    expect(whatOf([FILE, moved(FILE, time)], [THERE, moved(THERE, time)])).toBeUndefined();
  });

  test("of a side that goes by ticks needn't move", () => {
    const clock = { ...CLOCK, isFine: { native: false, mount: true } };
    expect(whatOf([FILE, FILE], [THERE, moved(THERE, "ctime")], clock)).toBeUndefined();
    expect(whatOf([FILE, moved(FILE, "ctime")], [THERE, THERE], clock)).toBe("ctime moves by stat");
  });

  test("that may move on one side are told of, and excused", () => {
    const excused = new Set<string>();
    const freedom: Freedom = { mayMove: (side) => side === "mount", excused };
    const mountMoved = looks([FILE, FILE], [THERE, moved(THERE, "ctime")]);
    expect(compareLooks({ ...mountMoved, freedom }, CLOCK)).toBeUndefined();
    expect(excused.size).toBe(1);
    const nativeMoved = looks([FILE, moved(FILE, "ctime")], [THERE, THERE]);
    expect(compareLooks({ ...nativeMoved, freedom }, CLOCK)?.what).toBe("ctime moves by stat");
  });

  test("that somebody has set are the same to the nanosecond", () => {
    const set = { sec: -1, nsec: 7 };
    const [native, mount] = [FILE, THERE].map((stat) => ({ ...stat, mtime: set }));
    if (native === undefined || mount === undefined) throw new Error("there are two");
    expect(whatOf([native, native], [mount, mount])).toBeUndefined();
    const other = { ...mount, mtime: { sec: -1, nsec: 8 } };
    expect(whatOf([native, native], [other, other])).toBe("mtime that was set by stat");
    const ticks = { ...CLOCK, isFine: { native: false, mount: false } };
    expect(whatOf([FILE, FILE], [THERE, mount], ticks)).toBe("mtime moves by stat");
    const read = { ...native, atime: set };
    expect(whatOf([read, read], [mount, mount])).toBe("atime that was set by stat");
    expect(whatOf([native, native], [{ ...mount, atime: set }, mount])).toBeUndefined();
  });

  test("never have a change before the last one", () => {
    const back = { ...THERE, ctime: { sec: NOW, nsec: 0 } };
    expect(whatOf([FILE, moved(FILE, "ctime")], [THERE, back])).toBe("ctime goes back");
  });
});

describe("an inode", () => {
  test("is another one on both sides, or on none", () => {
    const [other, otherThere] = [
      { ...FILE, ino: 6 },
      { ...THERE, ino: 8 },
    ];
    expect(whatOf([FILE, other], [THERE, otherThere])).toBeUndefined();
    expect(whatOf([FILE, other], [THERE, THERE])).toBe("identity by stat");
    expect(whatOf([FILE, FILE], [THERE, otherThere])).toBe("identity by stat");
  });

  test("is another one if its number comes again with another birth", () => {
    const again = { ...FILE, btime: LATER };
    expect(whatOf([FILE, again], [THERE, { ...THERE, ino: 8 }])).toBeUndefined();
  });
});

describe("outcomes", () => {
  test("differ in errno, value and bytes", () => {
    const compare = (native: object, mount: object) =>
      compareOutcomes({ native, mount } as Parameters<typeof compareOutcomes>[0], CLOCK)?.what;
    expect(compare({ error: "ENOENT" }, { error: "ENOENT" })).toBeUndefined();
    expect(compare({ error: "ENOENT" }, { error: "ENOTDIR" })).toBe("errno");
    expect(compare({ error: "ENOENT" }, { value: 0 })).toBe("errno");
    expect(compare({ value: 1 }, { value: 2 })).toBe("result");
    const [a, b] = [Buffer.from("ab"), Buffer.from("ac")];
    expect(compare({ bytes: a }, { bytes: Buffer.from("ab") })).toBeUndefined();
    expect(compare({ bytes: a }, { bytes: b })).toBe("bytes");
    expect(compare({ bytes: a }, { bytes: a.subarray(0, 1) })).toBe("bytes");
  });
});

describe("trees", () => {
  const node = { stat: FILE, group: "a", content: "1", xattrs: "", isListedRight: true };
  const compare = (native: object, mount: object) =>
    compareTrees(
      {
        before: undefined,
        after: { native: new Map(Object.entries(native)), mount: new Map(Object.entries(mount)) },
      },
      CLOCK,
    )?.what;

  test("have the same names, contents, attributes and links", () => {
    expect(compare({ a: node }, { a: { ...node, stat: THERE } })).toBeUndefined();
    expect(compare({ a: node }, {})).toBe("names of the tree");
    expect(compare({}, { a: node })).toBe("names of the tree");
    expect(compare({ a: "EACCES" }, { a: "EPERM" })).toBe("names of the tree");
    expect(compare({ a: node }, { a: { ...node, content: "2" } })).toBe("content in the tree");
    expect(compare({ a: node }, { a: { ...node, group: "b" } })).toBe("group in the tree");
    expect(compare({ a: node }, { a: { ...node, xattrs: "x" } })).toBe("xattrs in the tree");
    const wrong = { ...node, isListedRight: false };
    expect(compare({ a: node }, { a: wrong })).toBe("isListedRight in the tree");
  });
});
