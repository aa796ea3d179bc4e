import { execFileSync } from "node:child_process";
import { statfsSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { Mounted, SOON, shell, whyNoMounts } from "../../support/daemon.js";
import { problemsIn } from "../../support/data-directory.js";
import { LoopDisk, WHY_NO_LOOP_DISKS } from "../../support/loop-disk.js";
import { killNow } from "../../support/processes.js";
import { SmallDisk } from "../../support/small-disk.js";

const WHY = whyNoMounts() ?? WHY_NO_LOOP_DISKS;
const FILL = fileURLToPath(new URL("fill-disk.py", import.meta.url));
const MIB = 1024 * 1024;
/** More than the directories of the CAS take that what is left needs; without them it waits for the next start. */
const SEALING_INODES = 40;

interface Filled {
  /** By path: size and hash of what was acknowledged. */
  readonly files: Readonly<Record<string, string>>;
  readonly errors: Readonly<Record<string, readonly string[]>>;
  readonly roomy: readonly string[];
  readonly free: readonly string[];
}

interface Kind {
  readonly disk: () => { path: string };
  /** Of the files that fill it. */
  readonly sizes: readonly [least: number, most: number];
  /** Whether all that takes room is refused: without inodes, what needs none goes on. */
  readonly isFull: boolean;
}

const DISKS: Readonly<Record<string, Kind>> = {
  "an ext4 that is full": {
    disk: () => new LoopDisk({ sizeBytes: 36 * MIB }),
    sizes: [10, 1_500_000],
    isFull: true,
  },
  "an ext4 that has no inodes left": {
    disk: () => new LoopDisk({ sizeBytes: 64 * MIB, mkfs: ["-N", "100"] }),
    // Each of them a file of its own on the disk.
    sizes: [66_000, 70_000],
    isFull: false,
  },
};

/** A daemon whose store is on a disk of its own; it has ended before the disk goes. */
async function on(disk: { path: string }): Promise<Mounted> {
  const mounted = await Mounted.start({ dataDir: join(disk.path, "data") });
  onTestFinished(() => mounted.stop());
  return mounted;
}

/** What there is of these files, as the script says it. */
async function found(paths: readonly string[]): Promise<Record<string, string>> {
  const python = `
import hashlib, json, sys
contents = {path: open(path, "rb").read() for path in json.load(sys.stdin)}
print(json.dumps({path: f"{len(data)} {hashlib.sha256(data).hexdigest()}" for path, data in contents.items()}))`;
  const input = JSON.stringify(paths);
  return JSON.parse(execFileSync("python3", ["-c", python], { input, encoding: "utf8" }));
}

describe.skipIf(WHY !== undefined)(
  `a mount whose store is on${WHY ? ` (skipped: ${WHY})` : ""}`,
  () => {
    test.each(Object.entries(DISKS))(
      "%s says ENOSPC and nothing else, keeps all that it took, also when it is killed, and can be emptied",
      async (_, { disk, sizes, isFull }) => {
        const store = disk();
        const mounted = await on(store);
        const at = mounted.mountPoint;
        const output = await shell(`python3 ${FILL} ${at} ${sizes.join(" ")}`);
        const { files, errors, roomy, free } = JSON.parse(output) as Filled;
        expect(new Set(Object.values(errors).flat())).toStrictEqual(new Set(["ENOSPC"]));
        for (const call of isFull ? roomy : []) {
          expect([call, errors[call]]).toStrictEqual([call, ["ENOSPC"]]);
        }
        for (const call of free) expect([call, errors[call]]).toStrictEqual([call, []]);
        const paths = Object.keys(files);
        expect(await found(paths)).toStrictEqual(files);

        await killNow(mounted.pid);
        await mounted.mount();
        expect(await found(paths)).toStrictEqual(files);

        const [kept = [], removed = []] = [paths.slice(0, 5), paths.slice(5)];
        for (const path of removed) unlinkSync(path);
        const hasRoom = () => {
          writeFileSync(join(at, "again"), Buffer.alloc(MIB));
          return statfsSync(at).bavail > 0 && statfsSync(store.path).ffree > SEALING_INODES;
        };
        await expect.poll(hasRoom, SOON).toBe(true);
        expect(await found(kept)).toStrictEqual(
          Object.fromEntries(kept.map((path) => [path, files[path]])),
        );
        await mounted.unmount();
        expect(problemsIn(mounted.dataDir)).toStrictEqual([]);
      },
    );

    test("a tmpfs that is full before there is a store is refused in words, and served when there is room", async () => {
      const disk = new SmallDisk({ sizeBytes: 24 * MIB });
      disk.fill();
      const mounted = Mounted.prepare({ dataDir: join(disk.path, "data") });
      onTestFinished(() => mounted.stop());
      const { code, stderr } = await mounted.tryMount();
      expect(stderr).toMatch(/^nexus-mount: .*(disk is full|ENOSPC|no space).*\n$/i);
      expect(code).toBe(1);
      disk.free();
      await mounted.mount();
      writeFileSync(join(mounted.mountPoint, "file"), "text");
      await mounted.unmount();
      expect(problemsIn(mounted.dataDir)).toStrictEqual([]);
    });
  },
);
