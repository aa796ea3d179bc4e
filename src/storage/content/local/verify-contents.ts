import { statSync } from "node:fs";
import { fsError } from "../../../libc/system-error.js";
import { isContentHash } from "../../../model/ids.js";
import type { NeededContent } from "../../metadata/scrub-store.js";
import type { Verification, Verified, WrongContent } from "../content-store.js";
import { casPath, type Layout } from "./layout.js";
import { type BlobState, lookAtBlob } from "./look-at-blob.js";
import { Pace } from "./pace.js";

/** What a content counts for beside its bytes: finding its file takes the disk about as long as reading these. */
const COST_OF_A_FILE = 32 * 1024;

/**
 * `ContentStore.verify`; ends early when `signal` says so. Errors: `io-failure`, `access-denied` when all of the
 * contents' directory is out of reach, which is no damage; `too-many-open-files`.
 */
export async function verifyContents(
  layout: Layout,
  { contents, bytesPerSecond }: Verification,
  { signal }: { signal: AbortSignal },
): Promise<Verified> {
  const pace = new Pace({ bytesPerSecond, signal });
  const wrong: WrongContent[] = [];
  let count = 0;
  try {
    for (const content of contents) {
      await pace.keep(COST_OF_A_FILE);
      const { hash } = content;
      count += 1;
      if (!isContentHash(hash)) {
        wrong.push({ hash, problem: "missing", detail: "no content can have such a hash" });
        continue;
      }
      const path = casPath(layout, hash);
      const state = await lookAtBlob({ path, hash, onBytes: (bytes) => pace.keep(bytes) });
      if (state.is === "missing") requireDirectory(layout);
      const found = problemOf(content, state);
      if (found !== undefined) wrong.push({ hash, ...found });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return { count, wrong };
}

function problemOf(
  { sizeBytes }: NeededContent,
  state: BlobState,
): Omit<WrongContent, "hash"> | undefined {
  switch (state.is) {
    case "missing":
      return { problem: "missing", detail: "its file is missing" };
    case "unreadable":
      return { problem: "unreadable", detail: state.reason };
    case "damaged":
      return { problem: "changed", detail: `its bytes are those of ${state.hash}` };
    case "whole": {
      if (state.sizeBytes === sizeBytes) return undefined;
      const detail = `it has ${state.sizeBytes} bytes, and its row says ${sizeBytes}`;
      return { problem: "changed", detail };
    }
  }
}

/** A disk that isn't mounted has none of them. */
function requireDirectory({ casDirectory: path }: Layout): void {
  try {
    statSync(path);
  } catch (error) {
    throw fsError(error, { op: "look for contents", path });
  }
}
