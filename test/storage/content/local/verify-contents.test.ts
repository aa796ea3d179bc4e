import { chmodSync, mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { describe, expect, onTestFinished, test } from "vitest";
import { casPath, type Layout, layoutOf } from "../../../../src/storage/content/local/layout.js";
import type { SealedContent } from "../../../../src/storage/metadata/metadata-store.js";
import { bytesOfLength } from "../../../support/bytes.js";
import { kindOfLater } from "../../../support/error-kind.js";
import { openContentStore } from "../../../support/stores.js";
import { testDir } from "../../../support/temp-dir.js";
import { Contents, hashOf } from "../fixture.js";

const AT_ONCE = 1e12;

async function open(...sizes: number[]) {
  const dataDir = testDir();
  const store = openContentStore(dataDir);
  onTestFinished(() => store.close());
  const contents = new Contents(store);
  const sealed: SealedContent[] = [];
  for (const [seed, size] of sizes.entries()) {
    sealed.push(await contents.sealed(bytesOfLength(size, seed)));
  }
  const layout: Layout = layoutOf(dataDir);
  const pathOf = ({ hash }: SealedContent) => casPath(layout, hash);
  return { layout, store, sealed, pathOf };
}

function change(path: string, changeIt: (path: string) => void): void {
  chmodSync(path, 0o600);
  changeIt(path);
  chmodSync(path, 0o444);
}

describe("contents that are read again", () => {
  test("are whole", async () => {
    const { store, sealed: contents } = await open(1, 5000, 65_536, 300_000, 2_000_000);
    expect(await store.verify({ contents, bytesPerSecond: AT_ONCE })).toStrictEqual({
      ...{ count: 5, wrong: [] },
    });
  });

  test("are told apart from those that aren't what they were", async () => {
    const { store, sealed, pathOf } = await open(10, 11, 12, 13, 14, 15, 16);
    const [whole, flipped, cut, missing, link, directory, misnoted] = sealed.map((content) => ({
      ...{ ...content, path: pathOf(content) },
    }));
    if (!whole || !flipped || !cut || !missing || !link || !directory || !misnoted) return;
    change(flipped.path, (path) => writeFileSync(path, Buffer.alloc(11, 7)));
    change(cut.path, (path) => truncateSync(path, 5));
    rmSync(missing.path);
    rmSync(link.path);
    symlinkSync(whole.path, link.path);
    rmSync(directory.path);
    mkdirSync(directory.path);
    const contents = [
      whole,
      flipped,
      cut,
      missing,
      link,
      directory,
      { ...misnoted, sizeBytes: 17 },
    ];
    const found = await store.verify({ contents, bytesPerSecond: AT_ONCE });
    expect(found.count).toBe(7);
    const bytesOf = (bytes: Buffer) => `its bytes are those of ${hashOf(bytes)}`;
    expect(found.wrong).toStrictEqual([
      { hash: flipped.hash, problem: "changed", detail: bytesOf(Buffer.alloc(11, 7)) },
      {
        ...{ hash: cut.hash, problem: "changed" },
        detail: bytesOf(bytesOfLength(12, 2).subarray(0, 5)),
      },
      { hash: missing.hash, problem: "missing", detail: "its file is missing" },
      { hash: link.hash, problem: "unreadable", detail: expect.stringContaining("ELOOP") },
      { hash: directory.hash, problem: "unreadable", detail: "it is no regular file" },
      {
        ...{ hash: misnoted.hash, problem: "changed" },
        detail: "it has 16 bytes, and its row says 17",
      },
    ]);
  });

  test("are none when their directory isn't there, which is an error", async () => {
    const { layout, store, sealed: contents } = await open(10);
    rmSync(layout.casDirectory, { recursive: true });
    const verifying = store.verify({ contents, bytesPerSecond: AT_ONCE });
    expect(await kindOfLater(verifying)).toBe("not-found");
  });

  test("take their time", async () => {
    const { store, sealed: contents } = await open(100_000);
    const before = performance.now();
    await store.verify({ contents, bytesPerSecond: 500_000 });
    expect(performance.now() - before).toBeGreaterThan(150);
  });

  test("are left when nobody wants to know any more", async () => {
    const { store, sealed: contents } = await open(10, 3_000_000, 20);
    const verifying = store.verify({ contents, bytesPerSecond: 100_000 });
    await new Promise((resolve) => setTimeout(resolve, 100));
    store.cancelVerify();
    expect(await verifying).toStrictEqual({ count: 0, wrong: [] });
  });
});
