import { describe, expect, test } from "vitest";
import { Contention } from "../../../src/fuse/invalidation/contention.js";
import type { Ino } from "../../../src/model/ids.js";
import { FakeClock } from "../../support/fake-clock.js";

const [A, B] = [Symbol("a"), Symbol("b")];
const DIRECTORY = 5 as Ino;

function changed() {
  const clock = new FakeClock();
  const contention = new Contention({ clock });
  return {
    clock,
    contention,
    /** Changes the directory, and tells whether it is contended then. */
    by: (mount: symbol, directory = DIRECTORY) => {
      contention.note(directory, mount);
      return contention.has(directory);
    },
  };
}

describe("a directory is contended", () => {
  test("when two mounts change it one after the other, and no other one is", () => {
    const { by, contention } = changed();
    expect([by(A), by(A), by(B), by(A)]).toEqual([false, false, true, true]);
    expect(contention.has(6 as Ino)).toBe(false);
  });

  test("for ten seconds since the last change by another one than before", () => {
    const { by, clock, contention } = changed();
    by(A);
    by(B);
    clock.advance(6000);
    expect(by(B)).toBe(true);
    clock.advance(3999);
    expect(contention.has(DIRECTORY)).toBe(true);
    clock.advance(1);
    expect(contention.has(DIRECTORY)).toBe(false);
    expect(by(A)).toBe(true);
  });

  test("not when the last change is ten seconds ago", () => {
    const { by, clock } = changed();
    by(A);
    clock.advance(10_000);
    expect(by(B)).toBe(false);
  });

  test("of those that were changed last: five to ten thousand are remembered", () => {
    const { by } = changed();
    by(A);
    by(A, 6 as Ino);
    for (let ino = 100; ino < 10_099; ino++) by(A, ino as Ino);
    expect([by(B), by(B, 6 as Ino)]).toEqual([false, false]);
    expect([by(B, 10_098 as Ino), by(B, 6000 as Ino)]).toEqual([true, true]);
  });
});
