import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { MountsFile } from "../../src/daemon/mounts-file.js";
import { testDir } from "../support/temp-dir.js";
import { spec } from "./fake-host.js";

test("the mounts of a daemon that crashed are those it had last", () => {
  const dataDir = testDir();
  const file = new MountsFile(dataDir);
  expect(file.read()).toStrictEqual({ mounts: [], persists: false, problems: [] });
  file.write({ mounts: [spec("/a")], persists: true });
  expect(file.read()).toMatchObject({ persists: true });
  const mounts = [spec("/a"), spec("/b", { readOnly: true })];
  file.write({ mounts, persists: false });
  expect(new MountsFile(dataDir).read()).toStrictEqual({ mounts, persists: false, problems: [] });
  expect(readdirSync(dataDir)).toStrictEqual(["mounts.json"]);
  expect(statSync(join(dataDir, "mounts.json")).mode & 0o777).toBe(0o600);
});

test("a daemon that ended in order leaves no file", () => {
  const dataDir = testDir();
  const file = new MountsFile(dataDir);
  for (const mounts of [[spec("/a")], [], []]) file.write({ mounts, persists: true });
  expect(existsSync(join(dataDir, "mounts.json"))).toBe(false);
});

test("what is wrong in the file is told, and the rest of it counts", () => {
  const dataDir = testDir();
  const path = join(dataDir, "mounts.json");
  const file = new MountsFile(dataDir);
  const mounts = [spec("/a"), { ...spec("/b"), mountPoint: "b" }];
  writeFileSync(path, JSON.stringify({ version: 1, mounts }));
  expect(file.read()).toMatchObject({
    mounts: [spec("/a")],
    problems: [expect.stringMatching(/mounts\.json: mountPoint: found "b"/)],
  });
  for (const text of ["", "{", "[]", JSON.stringify({ version: 2, mounts: [] })]) {
    writeFileSync(path, text);
    const { mounts: none, problems } = file.read();
    expect(none).toStrictEqual([]);
    expect(problems).toStrictEqual([expect.stringContaining(`${path} can't be understood`)]);
  }
});

test("a file that can't be replaced stays as it was, with an error", () => {
  const dataDir = testDir();
  const file = new MountsFile(dataDir);
  file.write({ mounts: [spec("/a")], persists: false });
  // Not even root can write a file where a directory is.
  mkdirSync(join(dataDir, "mounts.json.new"));
  const written = { mounts: [spec("/b")], persists: false };
  expect(() => file.write(written)).toThrow(/EISDIR/);
  expect(file.read().mounts).toStrictEqual([spec("/a")]);
});
