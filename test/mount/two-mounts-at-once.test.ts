import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Mounted, SOON, whyNoMounts } from "../support/daemon.js";
import { hashOf } from "../support/data-directory.js";
import { runTogether } from "../support/together.js";

const HAND_OVER = fileURLToPath(new URL("hand-over.py", import.meta.url));
const APPEND = fileURLToPath(new URL("append-lines.py", import.meta.url));
const FOLLOW = fileURLToPath(new URL("follow-lines.py", import.meta.url));
const SAME_NAMES = fileURLToPath(new URL("same-names.py", import.meta.url));
const PROGRAMS = ["p", "q", "r"] as const;

/** The hash of each file, by its path; "a directory" of the others. */
function treeOf(directory: string): Record<string, string> {
  const paths = readdirSync(directory, { recursive: true, encoding: "utf8" }).sort();
  return Object.fromEntries(
    paths.map((path) => {
      const whole = join(directory, path);
      const isFile = statSync(whole).isFile();
      return [path, isFile ? hashOf(readFileSync(whole)) : "a directory"];
    }),
  );
}

describe.skipIf(whyNoMounts() !== undefined)(
  "programs that use two mounts at the same time",
  () => {
    let mounted: Mounted | undefined;
    let mounts: readonly string[] = [];

    beforeAll(async () => {
      mounted = await Mounted.start({ args: ["--log-level", "debug"] });
      const second = join(mounted.base, "second");
      mounts = [mounted.mountPoint, second];
      const { code } = await mounted.run([second, "--data-dir", mounted.dataDir]);
      expect(code).toBe(0);
    });

    afterAll(async () => {
      const [, second = ""] = mounts;
      await mounted?.run(["-u", second]);
      await mounted?.stop();
    });

    const timesLogged = (message: string) => (mounted?.log.split(message).length ?? 1) - 1;

    /**
     * Where a kernel gets no processor for 100 ms to take what it is told, nobody waits for it: what is seen late
     * then says nothing.
     */
    const whenNoneIsOverdue = async <T>(run: () => Promise<T>): Promise<T> => {
      for (let turn = 0; turn < 5; turn++) {
        const before = timesLogged("nobody waits");
        const result = await run();
        if (timesLogged("nobody waits") === before) return result;
      }
      throw new Error("five times a kernel took no notification for 100 ms");
    };

    const handOver = async (directoryOf: (program: string) => string) => {
      const outputs = await runTogether(
        PROGRAMS.map((name) => ["python3", HAND_OVER, ...mounts, directoryOf(name), name]),
      );
      return outputs.map(([line = ""]) => JSON.parse(line) as unknown);
    };
    const allIsThere = PROGRAMS.map(() => ({ turns: 300, missing: [], other: [] }));

    test("find in each what they did in the other, in directories of their own", async () => {
      const found = await whenNoneIsOverdue(() => handOver((program) => `own-${program}`));
      expect(found).toEqual(allIsThere);
    });

    test("find in each what they did in the other, in one directory", async () => {
      // Two mounts have changed it before: a kernel keeps nothing of it from then on.
      await handOver(() => "common");
      expect(await whenNoneIsOverdue(() => handOver(() => "common"))).toEqual(allIsThere);
    });

    test("change the same names, and none waits for another one that waits for it", async () => {
      const outputs = await runTogether(
        ["p", "q", "r", "s"].map((name, index) => {
          const directory = join(mounts[index % mounts.length] ?? "", "names");
          return ["python3", SAME_NAMES, directory, name, "4"];
        }),
      );
      const programs = outputs.map(
        ([line = ""]) =>
          JSON.parse(line) as { done: number; slowest: number; wrong: readonly string[] },
      );
      expect(programs.flatMap(({ wrong }) => wrong)).toEqual([]);
      for (const { done, slowest } of programs) {
        expect(done).toBeGreaterThan(0);
        // Seconds. A ring of waits would last until a kernel counts as stuck, which is two.
        expect(slowest).toBeLessThan(1.5);
      }
      expect(timesLogged("a program keeps a directory locked")).toBe(0);
      // Of two changes at the same moment, one mount may show one late.
      const [first = "", second = ""] = mounts.map((mount) => join(mount, "names"));
      const areEqual = () => isDeepStrictEqual(treeOf(first), treeOf(second));
      await expect.poll(areEqual, SOON).toBe(true);
      expect(Object.keys(treeOf(first))).toContain("sub");
    });

    test("append whole lines to one file, and who follows it reads nothing else", async () => {
      const [lines, writers] = [300, ["a", "b", "c", "d"]];
      const files = mounts.map((mount) => join(mount, "log"));
      const outputs = await runTogether([
        ...files.map((file) => ["python3", FOLLOW, file, `${lines * writers.length}`]),
        ...writers.map((name, index) => [
          ...["python3", APPEND, files[index % files.length] ?? "", name, `${lines}`],
        ]),
      ]);
      const read = files.map((_, index) => JSON.parse(outputs[index]?.[0] ?? "{}") as unknown);
      expect(read).toEqual(files.map(() => ({ lines: lines * writers.length, wrong: [] })));
      expect(readFileSync(files[0] ?? "").equals(readFileSync(files[1] ?? ""))).toBe(true);
    });
  },
);
