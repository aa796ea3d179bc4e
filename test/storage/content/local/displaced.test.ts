import { renameSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { bytesOfLength } from "../../../support/bytes.js";
import { kindOfLater } from "../../../support/error-kind.js";
import { openContentStore } from "../../../support/stores.js";
import { testDir } from "../../../support/temp-dir.js";
import { Contents } from "../fixture.js";

test.each([
  ["small", 100],
  ["large", 100_000],
])(
  "a %s content whose directory was moved away can't be synced, which is no word about the caller's file",
  async (_, sizeBytes) => {
    const base = testDir();
    const [here, elsewhere] = [join(base, "data"), join(base, "elsewhere")];
    const contents = new Contents(openContentStore(here));
    onTestFinished(() => contents.store.close());
    const file = contents.staged(bytesOfLength(sizeBytes));
    renameSync(here, elsewhere);
    expect(await kindOfLater(file.sync())).toBe("io-failure");
    renameSync(elsewhere, here);
    expect(await kindOfLater(file.sync())).toBeUndefined();
  },
);
