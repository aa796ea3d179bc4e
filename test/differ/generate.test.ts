import { describe, expect, test } from "vitest";
import { BY_FUSE_NATIVE } from "./fuse-native.js";
import { generate, type Plan } from "./generate.js";
import { lineOf, listingOf } from "./listing.js";
import { type Step, slotsOf } from "./step.js";

const PLAN: Plan = { seed: 7, length: 3000, mounts: 1, uid: 1, gid: 1, isRoot: true };

describe("the steps of a seed", () => {
  test("are always the same, and survive JSON", () => {
    const steps = generate(PLAN);
    expect(generate(PLAN)).toEqual(steps);
    expect(JSON.parse(JSON.stringify(steps))).toEqual(steps);
    expect(generate({ ...PLAN, seed: 8 })).not.toEqual(steps);
  });

  test("begin as a shorter sequence does", () => {
    expect(generate({ ...PLAN, length: 100 })).toEqual(generate(PLAN).slice(0, 100));
  });

  test("of two mounts go through both, and ask for nothing that each kernel has of its own", () => {
    const steps = generate({ ...PLAN, mounts: 2 });
    expect(new Set(steps.map(({ via }) => via))).toEqual(new Set([0, 1]));
    expect(steps.filter(({ call }) => call === "mmap")).toEqual([]);
  });

  test("for fuse-native are those that it agrees on, and else the same", () => {
    const { unasked } = BY_FUSE_NATIVE;
    const isAsked = (step: Step) => !unasked.some(({ isOf }) => isOf(step));
    const length = PLAN.length / 2;
    const steps = generate({ ...PLAN, length, unasked });
    expect(steps).toEqual(generate(PLAN).filter(isAsked).slice(0, length));
    expect(generate(PLAN).every(isAsked)).toBe(false);
  });

  test("of an ordinary user are nobody else's", () => {
    const steps = generate({ ...PLAN, isRoot: false });
    expect(steps.filter(({ asUser }) => asUser === true)).toEqual([]);
  });
});

describe("a listing", () => {
  test("has a line for each step, as the call is written", () => {
    const steps = generate(PLAN);
    expect(listingOf(steps).split("\n")).toHaveLength(steps.length);
    for (const step of steps)
      for (const slot of slotsOf(step)) expect(lineOf(step)).toContain(`#${slot}`);
  });

  test("names flags, modes and descriptors", () => {
    expect(
      lineOf({ call: "open", slot: 2, path: "a/b", flags: 0o102, mode: 0o644, unseen: true }),
    ).toBe('#2 = open("a/b", O_RDWR|O_CREAT, 0644)  // unseen');
    expect(
      lineOf({ call: "copyFileRange", slot: 1, to: 0, toOffset: 5, length: 9, asUser: true }),
    ).toBe("copyFileRange(#1, to #0, toOffset 5, length 9)  // as the user");
    expect(lineOf({ call: "renameat2", path: "n".repeat(255), to: "b", flags: 3, via: 1 })).toBe(
      'renameat2("n{255}", "b", NOREPLACE|EXCHANGE)  // through mount 1',
    );
    expect(lineOf({ call: "fallocate", slot: 0, mode: 0, offset: 1, length: 2 })).toBe(
      "fallocate(#0, 0x0, offset 1, length 2)",
    );
  });
});
