import {
  chmodSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { ContentHash } from "../../../../src/model/ids.js";
import { casPath, layoutOf } from "../../../../src/storage/content/local/layout.js";
import { bytesOfLength } from "../../../support/bytes.js";
import { kindOf } from "../../../support/error-kind.js";
import { openContentStore } from "../../../support/stores.js";
import { testDir } from "../../../support/temp-dir.js";
import { Contents, readAll } from "../fixture.js";

const MIB = 1024 * 1024;
const SIZES = [5000, 100_000, 3 * MIB];

async function sealed(size: number) {
  const dataDir = testDir();
  const store = openContentStore(dataDir);
  onTestFinished(() => store.close());
  const contents = new Contents(store);
  const content = await contents.sealed(bytesOfLength(size));
  const path = casPath(layoutOf(dataDir), content.hash as ContentHash);
  return { contents, content, path };
}

/** Ways in which a blob comes to harm while nobody looks. */
const DAMAGE: Readonly<Record<string, (path: string) => void>> = {
  "is missing": (path) => rmSync(path),
  "was cut": (path) => {
    chmodSync(path, 0o600);
    truncateSync(path, 4000);
  },
  "was emptied": (path) => {
    chmodSync(path, 0o600);
    truncateSync(path, 0);
  },
  "became a directory": (path) => {
    rmSync(path);
    mkdirSync(path);
  },
  "lies below what is no directory": (path) => {
    rmSync(dirname(path), { recursive: true });
    writeFileSync(dirname(path), "");
  },
};

describe.each(Object.entries(DAMAGE))("a content that %s", (_, harm) => {
  test.each(SIZES)("can't be opened: %i bytes", async (size) => {
    const { contents, content, path } = await sealed(size);
    harm(path);
    expect(kindOf(() => contents.store.open(content))).toBe("corrupt");
  });
});

/** Ways in which a blob comes to harm that its size doesn't tell. */
const CHANGES: Readonly<Record<string, (path: string) => void>> = {
  "has other bytes": (path) => {
    const { size } = statSync(path);
    rmSync(path);
    writeFileSync(path, Buffer.alloc(size, "x"), { mode: 0o444 });
  },
  "was cut": DAMAGE["was cut"] ?? (() => undefined),
};

describe.each(Object.entries(CHANGES))("a content that %s", (_, harm) => {
  test.each(SIZES)("is whole again when it is sealed anew: %i bytes", async (size) => {
    const { contents, content, path } = await sealed(size);
    harm(path);
    expect(await contents.sealed(bytesOfLength(size))).toMatchObject({ hash: content.hash });
    expect(readFileSync(path).equals(bytesOfLength(size))).toBe(true);
  });
});

test("the blocks of a sealed content are those of who sealed it, whoever has had it before", async () => {
  const { contents, content, path } = await sealed(100_000);
  const id = contents.nextId();
  const file = contents.store.createStaging(id);
  file.allocate({ mode: "keep-size", offset: 0, length: MIB });
  file.write({ from: bytesOfLength(100_000), offset: 0 });
  const { blocks } = file.stat();
  file.close();
  expect(blocks).toBeGreaterThan(statSync(path).blocks);
  const [again] = await contents.store.seal([{ id, hash: content.hash, sizeBytes: 100_000 }]);
  expect(again).toStrictEqual({ ...content, blocks });
});

describe("a content that is cut while it is open", () => {
  async function cut(size: number) {
    const { contents, content, path } = await sealed(size);
    const source = contents.store.open(content);
    onTestFinished(() => source.close());
    chmodSync(path, 0o600);
    truncateSync(path, 4096);
    return { contents, source };
  }

  test.each(SIZES)("is damage to its reader: %i bytes", async (size) => {
    const { source } = await cut(size);
    expect(readAll(source, { length: 4096 })).toHaveLength(4096);
    expect(kindOf(() => readAll(source))).toBe("corrupt");
    expect(kindOf(() => readAll(source, { offset: 4500, length: 100 }))).toBe("corrupt");
  });

  test.each(SIZES)("is not copied with zeros in the place of %i bytes", async (size) => {
    const { contents, source } = await cut(size);
    const id = contents.nextId();
    const copying = async () => contents.store.copyUp({ source, id, lengthBytes: size });
    await expect(copying()).rejects.toMatchObject({ kind: "corrupt" });
    await expect.poll(() => contents.store.statStaging(id)).toBeUndefined();
  });

  test.each(SIZES)("is not copied as if it ended there: %i bytes", async (size) => {
    const { contents, source } = await cut(size);
    const span = { offset: 0, toOffset: 0, length: size };
    const file = contents.staged();
    expect(kindOf(() => file.copyFrom({ source, ...span }))).toBe("corrupt");
  });

  test.each(SIZES)("has no hole in the place of what is missing: %i bytes", async (size) => {
    const { source } = await cut(size);
    expect(kindOf(() => source.seek({ offset: 4500, to: "data" }))).toBe("corrupt");
    expect(kindOf(() => source.seek({ offset: 0, to: "hole" }))).toBe("corrupt");
  });
});
