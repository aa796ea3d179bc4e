import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  O,
  PosixError,
  type PosixPath,
  type SetXattrRequest,
} from "../conformance/posix-driver.js";
import { SystemDriver } from "../conformance/system-driver.js";
import { testDir } from "../support/temp-dir.js";
import { Arena } from "./arena.js";
import { generate } from "./generate.js";

// Two directories of the kernel's, one of them behind a driver that does something wrong: what a mount might.

const LENGTH = 1500;
const SEEDS = [1, 2, 3, 4];
/** What a person reads at a glance. */
const FEW_STEPS = 6;

class LosesTheEnd extends SystemDriver {
  override async ftruncate(fd: number, sizeBytes: number): Promise<void> {
    await super.ftruncate(fd, sizeBytes > 5000 ? sizeBytes - 1 : sizeBytes);
  }
}

class WritesElsewhere extends SystemDriver {
  override async pwrite(fd: number, request: { offset: number; data: Uint8Array }) {
    const offset = request.offset === 4095 ? 4096 : request.offset;
    return await super.pwrite(fd, { ...request, offset });
  }
}

class HasAnotherErrno extends SystemDriver {
  override async rmdir(path: PosixPath): Promise<void> {
    try {
      await super.rmdir(path);
    } catch (error) {
      if (error instanceof PosixError && error.code === "ENOTEMPTY") {
        throw new PosixError("rmdir", "EEXIST");
      }
      throw error;
    }
  }
}

class ModifiesWithTheMode extends SystemDriver {
  override async fchmod(fd: number, mode: number): Promise<void> {
    await super.fchmod(fd, mode);
    await super.futimens(fd, { mtime: { sec: 1, nsec: 0 } });
  }
}

class CopiesInsteadOfLinking extends SystemDriver {
  override async link(from: PosixPath, to: PosixPath): Promise<void> {
    await super.link(from, to);
    const { mode } = await super.lstat(to);
    if ((mode & 0o100000) === 0) return;
    await super.unlink(to);
    await super.close(await super.open(to, { flags: O.WRONLY | O.CREAT | O.EXCL, mode }));
  }
}

class RoundsTimes extends SystemDriver {
  override async utimensat(
    path: PosixPath,
    { mtime, ...times }: Parameters<SystemDriver["utimensat"]>[1],
  ): Promise<void> {
    if (mtime === undefined || mtime === "now") {
      await super.utimensat(path, mtime === undefined ? times : { ...times, mtime });
      return;
    }
    await super.utimensat(path, { ...times, mtime: { sec: mtime.sec, nsec: 0 } });
  }
}

class ForgetsEmptyValues extends SystemDriver {
  override async setxattr(path: PosixPath, request: SetXattrRequest): Promise<void> {
    await super.setxattr(path, request);
    if (request.value.length === 0 && request.follow !== false) {
      await super.removexattr(path, request.name);
    }
  }
}

const FAULTS = [
  LosesTheEnd,
  WritesElsewhere,
  HasAnotherErrno,
  ModifiesWithTheMode,
  CopiesInsteadOfLinking,
  RoundsTimes,
  ForgetsEmptyValues,
].map((Fault) => [Fault.name, Fault] as const);

function arenaOf(driverOf: (root: string) => SystemDriver): Arena {
  const base = testDir();
  const [native, mount] = [join(base, "native"), join(base, "mount")];
  for (const path of [native, mount]) mkdirSync(path);
  return new Arena({ native, mounts: [mount], isNexus: false, driverOf });
}

function stepsOf(seed: number) {
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  return generate({ seed, length: LENGTH, mounts: 1, uid, gid, isRoot: false });
}

describe("two directories of one file system", () => {
  test("show no difference", { timeout: 60_000 }, async () => {
    const arena = arenaOf((root) => new SystemDriver(root));
    for (const seed of SEEDS) expect((await arena.run(stepsOf(seed))).found).toBeUndefined();
  });

  test.each(FAULTS)(
    "differ where a driver is wrong: %s",
    { timeout: 60_000 },
    async (_name, Fault) => {
      const arena = arenaOf((root) => new Fault(root));
      for (const seed of SEEDS) {
        const steps = stepsOf(seed);
        const { found } = await arena.run(steps);
        if (found === undefined) continue;
        const { short } = await arena.shrunk(steps, { found, shrinkMs: 30_000 });
        expect(short.length).toBeLessThanOrEqual(FEW_STEPS);
        expect((await arena.run(short)).found?.what).toBe(found.what);
        return;
      }
      expect.fail("no seed finds it");
    },
  );
});
