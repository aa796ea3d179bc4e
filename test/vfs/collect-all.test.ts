import { describe, expect, test } from "vitest";
import {
  COLLECTOR_PARTS,
  type CollectAllOptions,
  type CollectedPart,
  collectAll,
  NOTHING_COLLECTED,
} from "../../src/vfs/content/collect-all.js";

/** A store with some contents that have files, and others in parts of their own. */
function fixture({ known = 10, ...strays }: { known?: number; [part: string]: number } = {}) {
  const asked: string[] = [];
  const collect: CollectAllOptions["collect"] = async (part, action): Promise<CollectedPart> => {
    if (action === "remove") asked.push(`remove ${part}`);
    const files = strays[part] ?? 0;
    return {
      ...NOTHING_COLLECTED,
      known: part === 0 ? known : 0,
      contents: { files, bytes: 100 * files },
    };
  };
  return { asked, collect };
}

describe("a store is collected", () => {
  test("a part at a time, and again only where there is something to remove", async () => {
    const { asked, collect } = fixture({ 3: 2, 255: 1 });
    const progress: number[] = [];
    const onProgress = ({ done, of }: { done: number; of: number }) => {
      expect(of).toBe(COLLECTOR_PARTS);
      progress.push(done);
    };
    expect(await collectAll({ collect, action: "remove", onProgress })).toStrictEqual({
      ...NOTHING_COLLECTED,
      ...{ known: 10, contents: { files: 3, bytes: 300 }, outcome: "removed" },
    });
    expect(asked).toStrictEqual(["remove 3", "remove 255"]);
    expect(progress).toStrictEqual(Array.from({ length: COLLECTOR_PARTS }, (_, n) => n + 1));
  });

  test("by a look alone, if no more is asked for", async () => {
    const { asked, collect } = fixture({ 3: 200 });
    expect(await collectAll({ collect, action: "look" })).toMatchObject({
      ...{ contents: { files: 200 }, outcome: "looked" },
    });
    expect(asked).toStrictEqual([]);
  });

  test("not at all when more contents have no file than have one, unless that is meant", async () => {
    const most = fixture({ known: 10, 3: 6, 4: 5 });
    const { collect } = most;
    expect(await collectAll({ collect, action: "remove" })).toMatchObject({
      ...{ known: 10, contents: { files: 11 }, outcome: "refused" },
    });
    expect(most.asked).toStrictEqual([]);
    expect(await collectAll({ collect, action: "remove-most" })).toMatchObject({
      ...{ contents: { files: 11 }, outcome: "removed" },
    });
    expect(most.asked).toStrictEqual(["remove 3", "remove 4"]);
    const half = fixture({ known: 11, 3: 6, 4: 5 });
    expect(await collectAll({ collect: half.collect, action: "remove" })).toMatchObject({
      ...{ outcome: "removed" },
    });
  });

  test("until somebody ends it", async () => {
    const { collect } = fixture({ 3: 2, 4: 2 });
    const ended = new AbortController();
    const seen: number[] = [];
    const counting: typeof collect = async (part, action) => {
      seen.push(part);
      if (part === 7) ended.abort(new Error("enough"));
      return await collect(part, action);
    };
    const collecting = collectAll({ collect: counting, action: "remove", signal: ended.signal });
    await expect(collecting).rejects.toThrow("enough");
    expect(seen).toHaveLength(8);
  });
});
