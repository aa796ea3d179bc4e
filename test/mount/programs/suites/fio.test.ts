import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { problemsIn } from "../../../support/data-directory.js";
import { FULL_MS, IS_FULL, suiteOnMount, whyNoSuite } from "./suites.js";

const URING = "--ioengine=io_uring";

/**
 * Ways to write. Each block that fio writes carries its place and a checksum, and is read back at the end of
 * the job: from the pages, and from the file system where the job goes past them.
 */
const SHORT: Readonly<Record<string, string>> = {
  "blocks at random": "--rw=randwrite --bs=4k",
  "blocks of all lengths, read and written": "--rw=randrw --bsrange=512-64k --blockalign=512",
  "a shared mapping": "--rw=randrw --bs=4k --ioengine=mmap --numjobs=2",
  "O_DIRECT, many at a time":
    "--rw=randrw --bsrange=4k-64k --ioengine=libaio --direct=1 --iodepth=16",
  io_uring: `--rw=randwrite --bs=4k ${URING} --iodepth=32`,
  "fdatasync now and then": "--rw=randwrite --bs=4k --fdatasync=64",
  "room that was asked for before": "--rw=randwrite --bs=4k --fallocate=native",
  "many files, four jobs": "--rw=randwrite --bs=4k --nrfiles=16 --numjobs=4",
};

const FULL: Readonly<Record<string, string>> = {
  "blocks that are nowhere aligned": "--rw=randwrite --bs=3000 --numjobs=2",
  O_DIRECT: "--rw=randwrite --bs=4k --direct=1",
  "O_DIRECT, large": "--rw=write --bs=1m --direct=1",
  "O_DIRECT through io_uring": `--rw=randrw --bs=8k --direct=1 ${URING} --iodepth=32`,
  "POSIX AIO": "--rw=randwrite --bs=4k --ioengine=posixaio --iodepth=8",
  "fsync now and then": "--rw=randwrite --bs=4k --fsync=16",
  "fsync at the end": "--rw=randwrite --bs=16k --end_fsync=1",
  sync_file_range: "--rw=write --bs=4k --sync_file_range=write:8",
  O_SYNC: "--rw=randwrite --bs=16k --sync=1",
  "fallocate of POSIX": "--rw=randwrite --bs=4k --fallocate=posix",
  "room past the end": "--rw=randwrite --bs=4k --fallocate=keep",
  "truncate first": "--rw=randwrite --bs=4k --fallocate=truncate",
  "no room asked for": "--rw=randwrite --bs=4k --fallocate=none",
  "what is there already": "--rw=randwrite --bs=4k --overwrite=1",
  "two jobs in one file":
    "--rw=randwrite --bs=4k --filename=shared --numjobs=2 --offset_increment=64m",
  "checked all the time": "--rw=randwrite --bs=4k --verify_backlog=64",
  vectors: "--rw=randwrite --bs=8k --ioengine=pvsync2",
  splice: "--rw=randwrite --bs=8k --ioengine=splice",
  "eight jobs": "--rw=randrw --bs=4k --numjobs=8",
};

/** Containers may not allow it. */
const HAS_URING =
  spawnSync("fio", ["--name=probe", ...URING.split(" "), "--filename=/dev/zero", "--size=4k"])
    .status === 0;

const WAYS = Object.entries(IS_FULL ? { ...SHORT, ...FULL } : SHORT).filter(
  ([, options]) => HAS_URING || !options.includes(URING),
);
const TIMES = { timeout: IS_FULL ? FULL_MS : 60_000 };
const SIZE = IS_FULL ? "64m" : "4m";

const skipReason = whyNoSuite("fio", ["--version"]);

suiteOnMount({ name: "fio", who: "an ordinary user", skipReason }, (suite) => {
  /** Throws when fio does: a block that isn't as it was written, an error of a call. Returns bytes. */
  async function fio(name: string, options: string): Promise<{ read: number; written: number }> {
    const out = await suite.run(
      `mkdir -p '${name}'
         fio --name=job --directory='${name}' --size=${SIZE} --verify=crc32c --verify_fatal=1 --randseed=7 \\
           --group_reporting --output-format=json ${options}`,
    );
    const { jobs } = JSON.parse(out.slice(out.indexOf("{"))) as {
      jobs: { read: { io_bytes: number }; write: { io_bytes: number } }[];
    };
    return { read: jobs[0]?.read.io_bytes ?? 0, written: jobs[0]?.write.io_bytes ?? 0 };
  }

  test.each(WAYS)("%s: all is read as it was written", TIMES, async (...way) => {
    const { read, written } = await fio(...way);
    expect(written).toBeGreaterThan(1_000_000);
    expect(read).toBeGreaterThanOrEqual(written);
  });

  test("all of it is the same when it has been sealed, and is served anew", TIMES, async () => {
    const { mounted } = suite;
    await mounted.unmount();
    expect(problemsIn(mounted.dataDir)).toEqual([]);
    await mounted.mount();
    for (const [name, options] of WAYS) {
      const { read } = await fio(name, `${options} --verify_only`);
      expect(read).toBeGreaterThan(1_000_000);
    }
  });
});
