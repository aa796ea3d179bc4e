import { setImmediate } from "node:timers/promises";
import { NexusError } from "../../model/errors.js";
import { orAborted, requireNotAborted } from "./abort.js";
import type { WriteContent } from "./files.js";

/** What is read, written or copied at a time; others get their turn in between. */
export const CHUNK_BYTES = 256 * 1024;

/**
 * A content as chunks of at most {@link CHUNK_BYTES}. Whoever consumes it gives the event loop a turn
 * after each but the first. Errors: `interrupted`, `invalid-argument` (neither text nor bytes), and
 * whatever the source fails with.
 */
export async function* chunksOf(
  content: WriteContent,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  let isFirst = true;
  for await (const part of partsOf(content, signal)) {
    const bytes = bytesOf(part);
    for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
      if (!isFirst) await setImmediate();
      isFirst = false;
      requireNotAborted(signal);
      yield bytes.subarray(at, at + CHUNK_BYTES);
    }
  }
  requireNotAborted(signal);
}

/** The bytes of a content that is all there; undefined for one that comes piece by piece. */
export function wholeBytes(content: WriteContent): Uint8Array | undefined {
  return typeof content === "string" || content instanceof Uint8Array
    ? bytesOf(content)
    : undefined;
}

async function* partsOf(
  content: WriteContent,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array | string> {
  if (typeof content === "string" || content instanceof Uint8Array) {
    yield content;
    return;
  }
  const iterator = iteratorOf(content);
  let isDone = false;
  try {
    for (;;) {
      const next = await orAborted(Promise.resolve(iterator.next()), signal);
      if (next.done === true) {
        isDone = true;
        return;
      }
      yield next.value;
    }
  } finally {
    // Nobody waits for a source that may be stuck in its last answer.
    if (!isDone) void Promise.resolve(iterator.return?.()).catch(() => undefined);
  }
}

function iteratorOf(
  content: Exclude<WriteContent, string | Uint8Array>,
): Iterator<Uint8Array | string> | AsyncIterator<Uint8Array | string> {
  if (Symbol.asyncIterator in content) return content[Symbol.asyncIterator]();
  if (Symbol.iterator in content) return content[Symbol.iterator]();
  throw notContent(content);
}

function bytesOf(part: Uint8Array | string): Uint8Array {
  if (typeof part === "string") return Buffer.from(part, "utf8");
  if (part instanceof Uint8Array) return part;
  throw notContent(part);
}

function notContent(found: unknown): NexusError {
  const what = found === null ? "null" : typeof found;
  return new NexusError("invalid-argument", `a content is text, bytes or a stream, not ${what}`);
}
