import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { mapFile } from "../../src/libc/mapping.js";
import { kindOf } from "../support/error-kind.js";
import { testDir } from "../support/temp-dir.js";

test("what is stored in a mapping is in the file, and the other way round", () => {
  const path = join(testDir(), "file");
  writeFileSync(path, "0123456789");
  const fd = openSync(path, "r+");
  const { bytes, unmap } = mapFile(fd, { length: 10 });
  try {
    expect(bytes.toString()).toBe("0123456789");
    bytes.write("ab", 4);
    expect(readFileSync(path, "utf8")).toBe("0123ab6789");
    writeFileSync(fd, "XY");
    expect(bytes.toString()).toBe("XY23ab6789");
  } finally {
    unmap();
    closeSync(fd);
  }
});

test("what can't be mapped is an error", () => {
  expect(kindOf(() => mapFile(-1, { length: 10 }))).toBe("bad-handle");
  const fd = openSync("/dev/null", "r+");
  try {
    expect(kindOf(() => mapFile(fd, { length: 10 }))).toBe("io-failure");
  } finally {
    closeSync(fd);
  }
});
