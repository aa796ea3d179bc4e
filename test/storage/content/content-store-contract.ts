import { describe, onTestFinished } from "vitest";
import type { ContentStore } from "../../../src/storage/content/content-store.js";
import { testDir } from "../../support/temp-dir.js";
import { copyingContract } from "./contract/copying.js";
import { damageContract } from "./contract/damage.js";
import { hashingContract } from "./contract/hashing.js";
import { reopenContract } from "./contract/reopen.js";
import { sealingContract } from "./contract/sealing.js";
import { spaceContract } from "./contract/space.js";
import { stagingContract } from "./contract/staging.js";
import { Contents } from "./fixture.js";

/** Opens, or makes, the store that is kept at a place: a directory of the test's own. */
export type OpenStore = (place: string) => ContentStore;

/** A new, empty store. */
export type OpenContents = () => Contents;

/** Sizes on both sides of what an implementation may treat in different ways. */
export const SIZES = [1, 4096, 65_536, 65_537, 300_000];

/** What every {@link ContentStore} must do. An implementation's own test calls it. */
export function contentStoreContract(name: string, open: OpenStore): void {
  const openContents = () => {
    const store = open(testDir());
    onTestFinished(() => store.close());
    return new Contents(store);
  };
  describe(`content store: ${name}`, () => {
    stagingContract(openContents);
    spaceContract(openContents);
    copyingContract(openContents);
    hashingContract(openContents);
    sealingContract(openContents);
    damageContract(openContents);
    reopenContract(open);
  });
}
