import { describe, expect, test } from "vitest";
import { ROOT_INO } from "../../../../src/model/ids.js";
import { testDir } from "../../../support/temp-dir.js";
import { at, contentOf, Namespace } from "../fixture.js";
import type { OpenStore } from "../metadata-store-contract.js";

export function reopenContract(open: OpenStore): void {
  describe("a store that was closed", () => {
    test("has everything when it is opened again", async () => {
      const place = testDir();
      const before = new Namespace(open(place));
      const directory = before.directory("dir", { now: at(-5, 5) });
      const file = before.file("file", { parent: directory, mimeType: "text/plain" });
      before.seal(file, contentOf("a"));
      const symlink = before.node("symlink", "link", { target: Buffer.from([0xff, 0x2f]) });
      const attribute = { ino: file, family: "custom", key: "k" } as const;
      const value = Buffer.from([0, 255]);
      before.store.setAttribute({ ...attribute, value, mode: "any", now: at(1) });
      const rows = [ROOT_INO, directory, file, symlink].map((ino) => before.row(ino));
      const description = before.store.describe(file);
      await before.store.close();

      const after = new Namespace(open(place));
      expect(rows.map(({ ino }) => after.row(ino))).toStrictEqual(rows);
      expect(after.store.describe(file)).toStrictEqual(description);
      expect(after.names()).toStrictEqual(["dir", "link"]);
      expect(after.lookup("file", directory)).toBe(file);
      expect(Buffer.from(after.store.readlink(symlink))).toStrictEqual(Buffer.from([0xff, 0x2f]));
      expect(after.store.getAttribute(attribute)).toStrictEqual(value);
      expect(after.store.countInodes()).toBe(4);
      await after.store.close();
    });

    test("never gives a number again: of an inode, a staging file or an entry", async () => {
      const place = testDir();
      const given: number[] = [];
      for (let round = 0; round < 3; round++) {
        const namespace = new Namespace(open(place));
        const { store } = namespace;
        for (let index = 0; index < 5; index++) {
          const ino = namespace.file(`file ${round} ${index}`);
          const name = `link ${round} ${index}`;
          store.link({ ino, parent: ROOT_INO, name, now: at(1) });
          const entries = store.readdir({ ino: ROOT_INO, after: 0, limit: 1000 });
          const cookie = entries.find((entry) => entry.name === name)?.cookie ?? 0;
          given.push(ino, cookie, store.nextId());
        }
        await store.close();
      }
      expect(given).toStrictEqual([...new Set(given)].sort((a, b) => a - b));
      expect(given[0]).toBeGreaterThan(2);
    });

    test("gives numbers without end: more than it takes at a time", async () => {
      const store = open(testDir());
      const numbers = Array.from({ length: 25_000 }, () => store.nextId());
      expect(new Set(numbers).size).toBe(numbers.length);
      expect(numbers.every((number, index) => number > (numbers[index - 1] ?? 2))).toBe(true);
      await store.close();
    });

    test("never gives a number that it was told to skip", async () => {
      const place = testDir();
      const store = open(place);
      const next = store.nextId();
      for (const highest of [next + 10, 100_000, 5]) store.skipIds(highest);
      expect(store.nextId()).toBeGreaterThan(100_000);
      await store.close();
      const again = open(place);
      expect(again.nextId()).toBeGreaterThan(100_001);
      await again.close();
    });

    test("gives each file a path id of its own", async () => {
      const namespace = new Namespace(open(testDir()));
      const ids = Array.from({ length: 2000 }, (_, index) => {
        return namespace.store.describe(namespace.file(`file ${index}`))?.pathId;
      });
      expect(new Set(ids).size).toBe(ids.length);
      await namespace.store.close();
    });
  });
}
