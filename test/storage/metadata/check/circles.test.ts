import { describe, expect, test } from "vitest";
import { Circles, type Edge } from "../../../../src/storage/metadata/check/circles.js";

const LONG = 200_000;

function chain(length: number): Edge[] {
  return Array.from({ length }, (_, index): Edge => [index, index + 1]);
}

describe("circles of edges", () => {
  test.each<[string, Edge[], number[], number[]]>([
    [
      "none in a chain",
      [
        [1, 2],
        [2, 3],
      ],
      [],
      [],
    ],
    ["one of one", [[1, 1]], [1], [1]],
    [
      "one with a way in and a way out",
      [
        [1, 2],
        [2, 3],
        [3, 4],
        [4, 2],
        [3, 9],
        [9, 8],
      ],
      [2, 3, 4],
      [2],
    ],
    [
      "two apart",
      [
        [1, 2],
        [2, 1],
        [7, 8],
        [8, 7],
      ],
      [1, 2, 7, 8],
      [1, 7],
    ],
    [
      "two that share one",
      [
        [1, 2],
        [2, 1],
        [2, 3],
        [3, 2],
      ],
      [1, 2, 3],
      [1, 2],
    ],
    [
      "one that is told of twice",
      [
        [1, 2],
        [1, 2],
        [2, 1],
      ],
      [1, 2],
      [1],
    ],
  ])("%s", (_, edges, members, taken) => {
    expect(new Circles(edges).members()).toStrictEqual(members);
    const circles = new Circles(edges);
    expect([...circles.takeOneOfEach()]).toStrictEqual(taken);
    expect(circles.members()).toStrictEqual([]);
  });

  test("are found in a time that grows as the edges do", () => {
    expect(new Circles(chain(LONG)).members()).toStrictEqual([]);
    expect(new Circles([...chain(LONG), [LONG, 0]]).members()).toHaveLength(LONG + 1);
  });
});
