import type { Scheduler } from "../../model/clock.js";
import { NexusError } from "../../model/errors.js";
import { typeName } from "../../model/type-name.js";
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
  { signal, scheduler }: { signal: AbortSignal | undefined; scheduler: Scheduler },
): AsyncGenerator<Uint8Array> {
  requireContent(content);
  let isFirst = true;
  for await (const part of partsOf(content, signal)) {
    const bytes = bytesOf(part);
    for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
      if (!isFirst) await scheduler.turn();
      isFirst = false;
      requireNotAborted(signal);
      yield bytes.subarray(at, at + CHUNK_BYTES);
    }
  }
  requireNotAborted(signal);
}

/** Errors: `invalid-argument` for what is no content, whatever comes out of it. */
export function requireContent(content: WriteContent): void {
  if (typeof content === "string" || content instanceof Uint8Array) return;
  // What isn't typed may be anything.
  const found: unknown = content;
  const isObject = typeof found === "object" && found !== null;
  if (isObject && (Symbol.asyncIterator in found || Symbol.iterator in found)) return;
  throw notContent(found);
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
  return Symbol.asyncIterator in content
    ? content[Symbol.asyncIterator]()
    : content[Symbol.iterator]();
}

function bytesOf(part: Uint8Array | string): Uint8Array {
  if (typeof part === "string") return Buffer.from(part, "utf8");
  if (part instanceof Uint8Array) return part;
  throw notContent(part);
}

function notContent(found: unknown): NexusError {
  const message = `a content is text, bytes (a Uint8Array), or a stream of those, not ${typeName(found)}`;
  return new NexusError("invalid-argument", message);
}
