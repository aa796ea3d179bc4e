import { createHash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import { fsError } from "../../libc/system-error.js";
import { NexusError } from "../../model/errors.js";
import type { SnapshotManifest } from "./manifest.js";
import type { Turns } from "./turns.js";

const CHUNK_BYTES = 1024 * 1024;

/**
 * What a manifest has of a database, which is one file that nobody has open. Errors: those of the host, and of the
 * turns.
 */
export async function describeDatabase(
  path: string,
  turns: Turns,
): Promise<SnapshotManifest["database"]> {
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
      await turns.take();
    }
  } finally {
    closeSync(fd);
  }
}

/** Errors: `corrupt` when it isn't the one that the manifest describes, `io-failure`. */
export async function requireWholeDatabase(
  path: string,
  { manifest: { database }, turns }: { manifest: SnapshotManifest; turns: Turns },
): Promise<void> {
  const found = await describe(path, turns);
  if (found?.sizeBytes === database.sizeBytes && found.sha256 === database.sha256) return;
  const what = found === undefined ? "is missing" : "isn't as it was written";
  throw new NexusError("corrupt", `${path} ${what}`, { path });
}

/** Copies a snapshot's database, checked. Errors: as above, and `no-space`. */
export async function copySnapshotDatabase(
  from: string,
  { to, ...described }: { to: string; manifest: SnapshotManifest; turns: Turns },
): Promise<void> {
  await requireWholeDatabase(from, described);
  await copyFile(from, to);
  await requireWholeDatabase(to, described);
}

async function describe(
  path: string,
  turns: Turns,
): Promise<SnapshotManifest["database"] | undefined> {
  try {
    return await describeDatabase(path, turns);
  } catch (error) {
    const failure = fsError(error, { op: "read", path });
    if (failure.kind === "not-found") return undefined;
    throw failure;
  }
}
