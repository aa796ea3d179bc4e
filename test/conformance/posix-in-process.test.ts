import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Nexus } from "../../src/compose.js";
import { recordingLogger } from "../support/silent-logger.js";
import { openNexus } from "../support/stores.js";
import { makeTempDir } from "../support/temp-dir.js";
import { InProcessDriver } from "./in-process-driver.js";
import { type PosixTarget, registerPosixCases } from "./register-posix-cases.js";

describe("POSIX, in process", () => {
  const dataDir = makeTempDir();
  const { logger, lines } = recordingLogger();
  const user = { uid: 0, gid: 0 };
  let nexus: Nexus;
  let target: PosixTarget;

  beforeAll(async () => {
    nexus = openNexus(dataDir, { logger });
    const caller = { ...user, pid: process.pid, identity: { isAdmin: false } };
    const driver = new InProcessDriver({ fs: nexus.fileSystem, caller });
    target = { driver, below: (path) => driver.below(path) };
  });

  afterAll(async () => {
    await nexus.close({ drainMs: 10_000 });
    rmSync(dataDir, { recursive: true, force: true });
  });

  registerPosixCases({
    target: () => target,
    user,
    isReal: false,
    isNexus: true,
    timeoutMs: 10_000,
  });

  test("the file system had no trouble of its own", () => {
    expect(lines.filter(({ level }) => level >= 40)).toEqual([]);
  });
});
