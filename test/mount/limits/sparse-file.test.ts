import { statSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { Mounted, shell, whyNoMounts } from "../../support/daemon.js";
import { residentBytes } from "../../support/processes.js";

const MIB = 2 ** 20;
const SIZE_BYTES = 512 * MIB;
const POLL_MS = 5;
/** What reading and hashing take, however large a file is; heaps grow before they are swept. */
const MOST_BYTES = 96 * MIB;
/** On a busy machine, too. */
const LONGEST_WAIT_MS = 2000;

describe.skipIf(whyNoMounts() !== undefined)("a sparse file of 512 MiB", () => {
  test("takes no room and no memory: made, grown, cut, read, copied and sealed, while others are served", async () => {
    const mounted = await Mounted.start();
    onTestFinished(() => mounted.stop());
    const { mountPoint, pid } = mounted;
    const before = residentBytes(pid);
    let most = 0;
    let longestMs = 0;
    let isOver = false;
    const watch = async () => {
      for (let name = 0; !isOver; name++) {
        const start = performance.now();
        await stat(join(mountPoint, `absent${name}`)).catch(() => undefined);
        longestMs = Math.max(longestMs, performance.now() - start);
        most = Math.max(most, residentBytes(pid));
        await setTimeout(POLL_MS);
      }
    };
    const watched = watch();
    await shell(
      `truncate -s ${SIZE_BYTES / 2} file
       printf x | dd of=file bs=1 seek=${SIZE_BYTES - 1} conv=notrunc status=none
       cp --sparse=always --reflink=never file copy
       test "$(dd if=file bs=16M iflag=direct status=none | tail -c 1)" = x
       truncate -s 1 file
       truncate -s ${SIZE_BYTES} file
       until getfattr -n user.nexus.etag file >/dev/null 2>&1; do sleep 0.05; done
       cmp -n ${MIB} file /dev/zero`,
      { cwd: mountPoint },
    ).finally(() => {
      isOver = true;
    });
    await watched;
    for (const name of ["file", "copy"]) {
      const { size, blocks } = statSync(join(mountPoint, name));
      expect(size).toBe(SIZE_BYTES);
      expect(blocks * 512).toBeLessThan(MIB);
    }
    expect(most - before).toBeLessThan(MOST_BYTES);
    expect(longestMs).toBeLessThan(LONGEST_WAIT_MS);
  });
});
