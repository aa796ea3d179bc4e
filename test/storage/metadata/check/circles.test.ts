import { describe, expect, test } from "vitest";
import {
  circleBreakers,
  circlesOf,
  type Edge,
} from "../../../../src/storage/metadata/check/circles.js";

const LONG = 200_000;

function chain(length: number): Edge[] {
  return Array.from({ length }, (_, index): Edge => [index, index + 1]);
}

describe("circles of edges", () => {
  test.each<[string, Edge[], number[][], number[]]>([
    [
      "none in a chain",
      [
        [1, 2],
        [2, 3],
      ],
      [],
      [],
    ],
    ["one of one", [[1, 1]], [[1]], [1]],
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
      [[2, 3, 4]],
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
      [
        [1, 2],
        [7, 8],
      ],
      [1, 7],
    ],
    [
      "two with a way from one to the other, which isn't on any",
      [
        [7, 8],
        [8, 7],
        [8, 5],
        [5, 2],
        [2, 1],
        [1, 2],
      ],
      [
        [1, 2],
        [7, 8],
      ],
      [1, 7],
    ],
    [
      "one that a longer one goes through",
      [
        [1, 2],
        [2, 3],
        [3, 1],
        [3, 2],
      ],
      [[1, 2, 3]],
      [1, 2],
    ],
    [
      "two that share one",
      [
        [1, 2],
        [2, 1],
        [2, 3],
        [3, 2],
      ],
      [[1, 2, 3]],
      [1, 2],
    ],
    [
      "one that is told of twice",
      [
        [1, 2],
        [1, 2],
        [2, 1],
      ],
      [[1, 2]],
      [1],
    ],
  ])("%s", (_, edges, groups, breakers) => {
    expect(circlesOf(edges)).toStrictEqual(groups);
    expect(circleBreakers(edges)).toStrictEqual(breakers);
  });

  test("are found in a time that grows as the edges do", () => {
    expect(circlesOf(chain(LONG))).toStrictEqual([]);
    expect(circlesOf([...chain(LONG), [LONG, 0]]).flat()).toHaveLength(LONG + 1);
  });
});
