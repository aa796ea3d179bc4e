import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { shell, whyNoMounts } from "../support/daemon.js";
import { SeededMount } from "./isolation/seeded-mount.js";

// Between the check and the use of a path nobody gets further than he may, however quickly a directory becomes a link.

const SECONDS = Number(process.env.HOSTILE_RACE_SECONDS ?? 1);
const TIMEOUT_MS = 60_000 + 4000 * SECONDS;
const SWAPPED_WAYS = fileURLToPath(new URL("isolation/swapped-ways.py", import.meta.url));
const HOME = "workspace/acme/agent1";
/** What each call says where `way` is the caller's own; everywhere else it is refused. */
const OWN_OUTCOMES = {
  ...{ read: "mine", write: "done", link: "mine", rename: "mine" },
  ...{
    "through a descriptor": "mine",
    stat: "4",
    list: "file",
    make: "done",
    attribute: "ENODATA",
  },
};

describe.skipIf(whyNoMounts() !== undefined)(
  "a name that leads elsewhere from one moment to the next",
  () => {
    let mount: SeededMount | undefined;

    beforeAll(async () => {
      mount = await SeededMount.start(["--tenant", "acme", "--agent", "agent1"]);
    });

    afterAll(async () => {
      await mount?.stop();
    });

    test.each(["workspace/globex/agent1", "workspace/acme/agent2"])(
      "leads nobody into %s, by no call",
      async (foreign) => {
        const mountPoint = mount?.mountPoint ?? "";
        const directory = `${HOME}/to-${foreign.replaceAll("/", "-")}`;
        const out = await shell(
          `mkdir ${directory}; python3 ${SWAPPED_WAYS} ${directory} ${foreign} ${SECONDS}`,
          { cwd: mountPoint },
        );
        const outcomes = JSON.parse(out) as Record<string, Record<string, number>>;
        expect(Object.keys(outcomes)).toStrictEqual(Object.keys(OWN_OUTCOMES));
        for (const [call, expected] of Object.entries(OWN_OUTCOMES)) {
          const seen = Object.keys(outcomes[call] ?? {}).sort();
          expect([call, seen]).toStrictEqual([call, [expected, "EACCES"].sort()]);
        }
      },
      TIMEOUT_MS,
    );

    test("has changed nothing there", async () => {
      await mount?.remount(["--admin"]);
      const text = await shell("cat workspace/globex/agent1/file workspace/acme/agent2/file", {
        cwd: mount?.mountPoint ?? "",
      });
      expect(text).toBe("of workspace/globex/agent1\nof workspace/acme/agent2\n");
      for (const path of ["workspace/globex/agent1", "workspace/acme/agent2"]) {
        const names = await shell("ls", { cwd: join(mount?.mountPoint ?? "", path) });
        expect(names).toBe("directory\nfile\nlink\n");
      }
    });
  },
);
