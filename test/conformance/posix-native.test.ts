import { chmodSync, mkdtempSync, rmSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe } from "vitest";
import { KernelCalls } from "./kernel-calls.js";
import { registerPosixCases } from "./register-posix-cases.js";
import { SystemDriver } from "./system-driver.js";

// The proof that the cases describe what Linux does: the same list on a file system of the kernel.
// POSIX_NATIVE_DIR names a directory on ext4, XFS or tmpfs, where whoever runs the tests may write.

const parent = process.env.POSIX_NATIVE_DIR;
const TMPFS_MAGIC = 0x01021994;

describe("POSIX, on a file system of the kernel", () => {
  let root = "";
  const umask = process.umask();

  beforeAll(() => {
    if (parent === undefined) return;
    process.umask(0o022);
    root = mkdtempSync(join(parent, "posix-"));
    // Other users have to get in to be refused.
    chmodSync(root, 0o755);
  });

  afterAll(() => {
    process.umask(umask);
    if (root !== "") rmSync(root, { recursive: true, force: true });
  });

  registerPosixCases({
    target: () => ({
      driver: new SystemDriver(root),
      below: async (path) => new SystemDriver(join(root, path)),
      kernelBelow: (path) => new KernelCalls(join(root, path)),
    }),
    user: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 },
    isReal: true,
    isNexus: false,
    isTmpfs: parent !== undefined && statfsSync(parent).type === TMPFS_MAGIC,
    skipReason: parent === undefined ? "POSIX_NATIVE_DIR isn't set" : undefined,
    timeoutMs: 30_000,
  });
});
