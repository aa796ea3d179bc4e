import { createHash } from "node:crypto";
import { closeSync, copyFileSync, openSync, readSync } from "node:fs";
import { fsError } from "../../libc/system-error.js";
import { NexusError } from "../../model/errors.js";
import type { SnapshotManifest } from "./manifest.js";

const CHUNK_BYTES = 1024 * 1024;

/** What a manifest has of a database, which is one file that nobody has open. */
export function describeDatabase(path: string): SnapshotManifest["database"] {
  const fd = openSync(path, "r");
  try {
    const hash = createHash("sha256");
    const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    let sizeBytes = 0;
    for (;;) {
      const count = readSync(fd, buffer, 0, CHUNK_BYTES, sizeBytes);
      if (count === 0) return { sizeBytes, sha256: hash.digest("hex") };
      hash.update(buffer.subarray(0, count));
      sizeBytes += count;
    }
  } finally {
    closeSync(fd);
  }
}

/** Errors: `corrupt` when it isn't the one that the manifest describes, `io-failure`. */
export function requireWholeDatabase(path: string, { database }: SnapshotManifest): void {
  const found = describe(path);
  if (found?.sizeBytes === database.sizeBytes && found.sha256 === database.sha256) return;
  const what = found === undefined ? "is missing" : "isn't as it was written";
  throw new NexusError("corrupt", `${path} ${what}`, { path });
}

/** Copies a snapshot's database, checked. Errors: as above, and `no-space`. */
export function copySnapshotDatabase(
  from: string,
  { to, manifest }: { to: string; manifest: SnapshotManifest },
): void {
  requireWholeDatabase(from, manifest);
  copyFileSync(from, to);
  requireWholeDatabase(to, manifest);
}

function describe(path: string): SnapshotManifest["database"] | undefined {
  try {
    return describeDatabase(path);
  } catch (error) {
    const failure = fsError(error, { op: "read", path });
    if (failure.kind === "not-found") return undefined;
    throw failure;
  }
}
