import { copyFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { kindOf, kindOfLater, messageThrown } from "../../../support/error-kind.js";
import { FakeClock } from "../../../support/fake-clock.js";
import { openMetadataStore } from "../../../support/stores.js";
import { testDir } from "../../../support/temp-dir.js";
import { Namespace } from "../fixture.js";

/** A store that has a file named "before", all of it committed. */
function opened() {
  const base = testDir();
  const dataDir = join(base, "data");
  mkdirSync(dataDir);
  const clock = new FakeClock();
  const store = openMetadataStore(dataDir, { clock, scheduler: clock });
  const namespace = new Namespace(store);
  namespace.file("before");
  store.commit();
  return { base, dataDir, store, namespace };
}

describe("a database that is in use", () => {
  const displacements: Record<string, (place: { base: string; dataDir: string }) => void> = {
    "was moved away with its directory": ({ base, dataDir }) =>
      renameSync(dataDir, join(base, "elsewhere")),
    "was moved away, and its directory is a file now": ({ base, dataDir }) => {
      renameSync(dataDir, join(base, "elsewhere"));
      writeFileSync(dataDir, "");
    },
    "has another one in its place": ({ dataDir }) => {
      copyFileSync(join(dataDir, "metadata.db"), join(dataDir, "copy"));
      renameSync(join(dataDir, "copy"), join(dataDir, "metadata.db"));
    },
    "was removed": ({ dataDir }) => rmSync(dataDir, { recursive: true }),
  };

  test.each(Object.entries(displacements))(
    "and %s takes no more changes, shows what it has, and says so when it is closed",
    async (_, displace) => {
      const { base, dataDir, store, namespace } = opened();
      displace({ base, dataDir });
      expect(messageThrown(() => namespace.file("after"))).toMatch(
        /metadata\.db is (gone|another file now); nothing is changed/,
      );
      // Also after a look, which another kind of transaction is open for.
      expect(namespace.names()).toStrictEqual(["before"]);
      expect(kindOf(() => namespace.unlink("before"))).toBe("io-failure");
      expect(namespace.names()).toStrictEqual(["before"]);
      expect(await kindOfLater(store.close())).toBe("io-failure");
    },
  );

  test("goes on when it is back, with all that it had", async () => {
    const { base, dataDir, store, namespace } = opened();
    renameSync(dataDir, join(base, "elsewhere"));
    expect(kindOf(() => namespace.file("not now"))).toBe("io-failure");
    renameSync(join(base, "elsewhere"), dataDir);
    namespace.file("after");
    await store.close();
    const again = openMetadataStore(dataDir);
    expect(new Namespace(again).names()).toStrictEqual(["before", "after"]);
    await again.close();
  });
});
