import { expect } from "vitest";
import { fails, type PosixCase } from "../posix-case.js";
import { O, type PosixDriver, type PosixPath } from "../posix-driver.js";
import { exists, namesIn, put, textOf } from "../posix-steps.js";

const LONGEST = "n".repeat(255);

/** Names that somebody's parser may stumble over. */
const ODD_NAMES = [
  " ",
  " leading and trailing ",
  "-rf",
  "*?[a-z]$HOME`id`",
  'it\'s "quoted" \\ and escaped',
  "'; DROP TABLE inodes; --",
  "%s%n%00",
  "#comment",
  "~",
  "|<>&;",
  "nexus:etag=1,2",
  "user.nexus.etag",
];

/** Names with dots in them that lead nowhere else. */
const DOTTED = ["...", "..a", "a..", "file..txt", ".hidden", "a.", ". .", "....."];

/** As SQL and JavaScript read numbers, pairs of these are equal. */
const NUMBERS = ["7", "007", "7.0", "1e3", "1000", "0x10", "16", "-0", "0", "Infinity", "NULL"];

const UNICODE = [
  "größe",
  "日本語のファイル",
  "😀👩‍👩‍👧‍👦",
  "\ufeffwith a byte order mark",
  "\uffff\ufffe",
  "line\u2028separator",
  "right\u202eto left",
  "e\u0301",
  "\u00e9",
];

/** What a name may be: path_resolution(7), and DESIGN, section 3. */
export const NAME_CASES: readonly PosixCase[] = [
  {
    name: "a name of 255 bytes does everything a name can",
    async run({ driver }) {
      await put(driver, { path: LONGEST, data: "long" });
      expect(await namesIn(driver, ".")).toEqual([LONGEST]);
      const other = "m".repeat(255);
      await driver.link(LONGEST, other);
      await driver.unlink(LONGEST);
      await driver.mkdir(LONGEST);
      await driver.rename(other, `${LONGEST}/${other}`);
      expect(await textOf(driver, `${LONGEST}/${other}`)).toBe("long");
    },
  },
  {
    name: "a name of 256 bytes fails with ENAMETOOLONG, whatever is asked",
    async run({ driver }) {
      const path = `${LONGEST}n`;
      await put(driver, { path: "file" });
      await fails(driver.stat(path), "ENAMETOOLONG");
      await fails(driver.open(path, { flags: O.RDONLY }), "ENAMETOOLONG");
      await fails(driver.open(path, { flags: O.RDWR | O.CREAT, mode: 0o644 }), "ENAMETOOLONG");
      await fails(driver.mkdir(path), "ENAMETOOLONG");
      await fails(driver.symlink("target", path), "ENAMETOOLONG");
      await fails(driver.link("file", path), "ENAMETOOLONG");
      await fails(driver.rename("file", path), "ENAMETOOLONG");
      await fails(driver.rename(path, "new"), "ENAMETOOLONG");
      await fails(driver.unlink(path), "ENAMETOOLONG");
      await fails(driver.rmdir(path), "ENAMETOOLONG");
      await fails(driver.stat(`${path}/below`), "ENAMETOOLONG");
      expect(await namesIn(driver, ".")).toEqual(["file"]);
    },
  },
  {
    name: "the limit counts bytes, not characters",
    async run({ driver }) {
      const fits = "€".repeat(85);
      await put(driver, { path: fits, data: "255 bytes" });
      expect(await textOf(driver, fits)).toBe("255 bytes");
      await fails(driver.stat("€".repeat(86)), "ENAMETOOLONG");
      await fails(driver.mkdir(`${fits}x`), "ENAMETOOLONG");
    },
  },
  {
    name: "a name in Unicode comes back as it was given, composed or not",
    run: ({ driver }) => roundTrip(driver, UNICODE),
  },
  {
    name: "spaces, quotes and what shells and databases mind are names like others",
    run: ({ driver }) => roundTrip(driver, ODD_NAMES),
  },
  {
    name: "dots inside of a name mean nothing",
    run: ({ driver }) => roundTrip(driver, DOTTED),
  },
  {
    name: "names that look like numbers stay as different as they are",
    run: ({ driver }) => roundTrip(driver, NUMBERS),
  },
  {
    name: "upper and lower case differ",
    run: ({ driver }) => roundTrip(driver, ["readme", "README", "Readme", "straße", "STRASSE"]),
  },
  {
    name: "control characters in a name fail with EINVAL",
    nexus: true,
    async run({ driver }) {
      await put(driver, { path: "file" });
      for (const character of ["\n", "\t", "\r", "\x01", "\x1b", "\x7f", "\u0085", "\u009f"]) {
        await refusesName(driver, { path: `a${character}b`, code: "EINVAL" });
      }
      expect(await namesIn(driver, ".")).toEqual(["file"]);
    },
  },
  {
    name: "bytes that aren't UTF-8 in a name fail with EILSEQ",
    nexus: true,
    needs: ["kernel"],
    async run({ driver }) {
      await put(driver, { path: "file" });
      const wrong = [
        [0xff],
        [0x61, 0x80],
        [0xc0, 0xaf], // an overlong slash
        [0xed, 0xa0, 0x80], // half a surrogate pair
        [0xf4, 0x90, 0x80, 0x80], // beyond Unicode
        [0xe2, 0x82],
      ];
      for (const bytes of wrong) {
        await refusesName(driver, { path: Uint8Array.from(bytes), code: "EILSEQ" });
      }
      expect(await namesIn(driver, ".")).toEqual(["file"]);
    },
  },
];

/** Each name leads to its own file, is listed as it is, and can be renamed and removed. */
async function roundTrip(driver: PosixDriver, names: readonly string[]): Promise<void> {
  for (const name of names) await put(driver, { path: name, data: `content of ${name}` });
  expect(await namesIn(driver, ".")).toEqual([...names].sort());
  for (const name of names) expect(await textOf(driver, name)).toBe(`content of ${name}`);
  await driver.mkdir("directory that is long enough");
  for (const name of names) {
    await driver.rename(name, `directory that is long enough/${name}`);
    expect(await exists(driver, name)).toBe(false);
  }
  expect(await namesIn(driver, "directory that is long enough")).toEqual([...names].sort());
  for (const name of names) await driver.unlink(`directory that is long enough/${name}`);
  expect(await namesIn(driver, "directory that is long enough")).toEqual([]);
}

async function refusesName(
  driver: PosixDriver,
  { path, code }: { path: PosixPath; code: string },
): Promise<void> {
  await fails(driver.open(path, { flags: O.RDWR | O.CREAT, mode: 0o644 }), code);
  await fails(driver.mkdir(path), code);
  await fails(driver.symlink("target", path), code);
  await fails(driver.link("file", path), code);
  await fails(driver.rename("file", path), code);
}
