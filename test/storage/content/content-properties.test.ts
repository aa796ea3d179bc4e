import { rmSync } from "node:fs";
import fc from "fast-check";
import { describe, test } from "vitest";
import { openContentStore } from "../../support/stores.js";
import { makeTempDir } from "../../support/temp-dir.js";
import { ContentModel, type Step } from "./content-model.js";

const RUNS = 60;
const LIMIT = 64 * 1024;

/** Near the size at which a small content becomes a file, more often than not. */
const position = fc.oneof(
  { weight: 3, arbitrary: fc.nat(9000) },
  { weight: 2, arbitrary: fc.integer({ min: LIMIT - 3, max: LIMIT + 3 }) },
  { weight: 1, arbitrary: fc.nat(150_000) },
);
const file = fc.nat(5);
const op = <T extends Step["op"]>(name: T) => fc.constant(name);

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ op: op("create") }) },
  {
    weight: 8,
    arbitrary: fc.record({
      op: op("write"),
      file,
      offset: position,
      length: fc.nat(9000),
      seed: fc.nat(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ op: op("truncate"), file, sizeBytes: position }) },
  {
    weight: 1,
    arbitrary: fc.record({
      op: op("allocate"),
      file,
      request: fc.record({
        mode: fc.constantFrom("extend", "keep-size", "punch-hole", "zero", "zero-keep-size"),
        offset: position,
        length: fc.integer({ min: 1, max: 20_000 }),
      }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      op: op("copy"),
      file,
      from: file,
      offset: position,
      toOffset: position,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ op: op("copyUp"), content: fc.nat(9), lengthBytes: position }),
  },
  { weight: 2, arbitrary: fc.record({ op: op("close"), file }) },
  { weight: 2, arbitrary: fc.record({ op: op("seal"), files: fc.nat(4) }) },
  { weight: 1, arbitrary: fc.record({ op: op("discard"), file }) },
  { weight: 2, arbitrary: fc.record({ op: op("restart") }) },
);

describe("a content store", () => {
  test("holds what a buffer would, whatever happens, through restarts", async () => {
    const property = fc.asyncProperty(
      fc.array(step, { minLength: 10, maxLength: 60 }),
      async (steps) => {
        const dataDir = makeTempDir();
        const model = new ContentModel(() => openContentStore(dataDir));
        try {
          for (const each of steps) await model.run(each);
          model.check();
        } finally {
          await model.close();
          rmSync(dataDir, { recursive: true, force: true });
        }
      },
    );
    await fc.assert(property, { numRuns: RUNS, interruptAfterTimeLimit: 6000 });
  });
});
