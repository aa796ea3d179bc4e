import { describe, expect, test } from "vitest";

interface Ledger {
  readonly steps: number;
  hear(event: Readonly<Record<string, unknown>>): void;
  check(key: string, found: string): void;
  takeProblems(): string[];
  readonly items: readonly (readonly [string, { least: number; most: number }])[];
}

const LEDGER = "../../scripts/soaking/ledger.mjs";

async function newLedger(): Promise<Ledger> {
  const { Ledger } = (await import(LEDGER)) as { Ledger: new () => Ledger };
  return new Ledger();
}

describe("what the soak keeps of what it was told", () => {
  test("finds what isn't what it was said to be", async () => {
    const ledger = await newLedger();
    ledger.hear({ begun: "file:/a", may: null });
    ledger.hear({ done: "file:/a", is: "one" });
    ledger.check("file:/a", "absent");
    expect(ledger.takeProblems()).toStrictEqual(["file:/a is absent, not one"]);
    expect(ledger.takeProblems()).toStrictEqual([]);
  });

  test("allows both, what was there and what was to be, of what was interrupted", async () => {
    for (const found of ["one", "two", "three"]) {
      const ledger = await newLedger();
      ledger.hear({ done: "file:/a", is: "one" });
      ledger.hear({ begun: "file:/a", may: ["two"] });
      ledger.check("file:/a", found);
      expect(ledger.takeProblems(), found).toHaveLength(found === "three" ? 1 : 0);
    }
  });

  test("allows anything of a file that was being written, and then what was found alone", async () => {
    const ledger = await newLedger();
    ledger.hear({ done: "file:/a", is: "one" });
    ledger.hear({ begun: "file:/a", may: null });
    ledger.check("file:/a", "half of it");
    expect(ledger.takeProblems()).toStrictEqual([]);
    ledger.hear({ seen: "file:/a", is: "one" });
    expect(ledger.takeProblems()).toHaveLength(1);
  });

  test("finds an item that two have claimed, and knows how far each is", async () => {
    const ledger = await newLedger();
    ledger.hear({ item: "/job", at: 1 });
    expect(ledger.items).toMatchObject([["/job", { least: 1, most: 2 }]]);
    ledger.hear({ item: "/job", at: 2, isClaim: true });
    ledger.hear({ item: "/job", at: 3, isBegun: true });
    expect(ledger.items).toMatchObject([["/job", { least: 2, most: 3 }]]);
    ledger.hear({ item: "/job", at: 2, isClaim: true });
    expect(ledger.takeProblems()).toStrictEqual(["/job was claimed 2 times"]);
  });
});
