import { isKind, NexusError } from "../../model/errors.js";
import { hasVanished, requireUninterrupted, type SearchedFiles } from "./glob-walk.js";
import { LineSplitter } from "./line-splitter.js";
import { MatchCollector, type MatchCollectorOptions } from "./match-collector.js";
import type { ProgressCounter } from "./progress.js";
import type { GrepMatch } from "./search.js";

/** As far as a NUL is looked for, which text doesn't have. */
const PROBED_BYTES = 8 * 1024;

export interface GrepFileOptions extends MatchCollectorOptions {
  readonly files: SearchedFiles;
  readonly signal: AbortSignal | undefined;
  readonly progress: ProgressCounter;
}

/**
 * The matches in one file. Nothing in a binary file, nor in one that isn't there any more. The content
 * is read no further than needed, and its stream is destroyed at the end in any case.
 */
export async function* grepFile(options: GrepFileOptions): AsyncGenerator<GrepMatch> {
  const collector = new MatchCollector(options);
  const splitter = new LineSplitter();
  for await (const chunk of textChunks(options)) {
    for (const line of splitter.push(chunk)) {
      for (const match of collector.push(line)) yield match;
      if (collector.isDone) return;
    }
  }
  for (const line of splitter.end()) for (const match of collector.push(line)) yield match;
  yield* collector.end();
}

/** The content, unless it is binary. The first chunk is as long as it takes to know that. */
async function* textChunks(options: GrepFileOptions): AsyncGenerator<Uint8Array> {
  const probed: Buffer[] = [];
  let probedBytes = 0;
  for await (const chunk of chunks(options)) {
    if (probedBytes >= PROBED_BYTES) {
      yield chunk;
      continue;
    }
    if (chunk.subarray(0, PROBED_BYTES - probedBytes).includes(0)) return;
    probed.push(chunk);
    probedBytes += chunk.length;
    if (probedBytes >= PROBED_BYTES) yield Buffer.concat(probed.splice(0));
  }
  if (probed.length > 0) yield Buffer.concat(probed);
}

async function* chunks(options: GrepFileOptions): AsyncGenerator<Buffer> {
  const { files, path, signal, progress } = options;
  try {
    for await (const chunk of files.createReadStream(path, signal && { signal })) {
      requireUninterrupted(signal);
      if (!Buffer.isBuffer(chunk)) {
        throw new NexusError("internal", "a content came as something else than bytes", { path });
      }
      progress.readBytes(chunk.length);
      yield chunk;
    }
  } catch (error) {
    requireUninterrupted(signal);
    if (hasVanished(error) || isKind(error, "is-a-directory")) return;
    throw error;
  }
}
