import type { Readable } from "node:stream";
import type { Clock } from "../../model/clock.js";
import { isKind } from "../../model/errors.js";
import type { Caller } from "../../model/identity.js";
import { EMPTY_HASH } from "../../model/ids.js";
import type { FileSystem } from "../../vfs/file-system.js";
import { readLines } from "./import-lines.js";
import { type ImportPlan, planImport } from "./import-plan.js";
import { type ImportSource, openImport } from "./import-source.js";
import { withLine } from "./line-failure.js";
import type { ImportLine } from "./line-format.js";
import type { ImportOptions, ImportResult } from "./transfer.js";
import { UnnamedContents } from "./unnamed-contents.js";

/** What changes between the plan and the import makes a new plan, so often. */
const MOST_PLANS = 8;

export interface ImportParts {
  readonly fileSystem: FileSystem;
  readonly caller: Caller;
  readonly clock: Clock;
}

/**
 * Imports an export. The order: every line is read and checked; then contents are taken in, as files
 * without names; then it is decided what becomes of each line; and then all of it is one transaction.
 */
export async function importFrom(
  stream: Readable,
  parts: ImportParts & { options: ImportOptions },
): Promise<ImportResult> {
  const { options } = parts;
  const source = await openImport(stream, options.signal);
  const lines = await readLines(source.lines);
  const contents = new UnnamedContents(parts);
  try {
    const taken = async () => await takeContents(contents, { source, lines, options });
    await withLine(lines, taken);
    options.signal?.throwIfAborted();
    return await apply(parts, { lines, contents });
  } finally {
    contents.close();
  }
}

/** Takes in what the lines name and the archive has. The empty content is always at hand. */
async function takeContents(
  contents: UnnamedContents,
  {
    source,
    lines,
    options: { signal, onProgress },
  }: {
    source: ImportSource;
    lines: ReadonlyMap<string, ImportLine>;
    options: ImportOptions;
  },
): Promise<void> {
  const wanted = new Map(
    [...lines.values()].map(({ etag, path }): [string, string] => [etag, path]),
  );
  let bytes = 0;
  const progress = () => onProgress?.({ files: 0, bytes });
  const counted = async function* (chunks: AsyncIterable<Uint8Array>) {
    for await (const chunk of chunks) {
      signal?.throwIfAborted();
      bytes += chunk.length;
      yield chunk;
    }
  };
  for await (const { hash, bytes: chunks } of source.contents) {
    const path = wanted.get(hash);
    if (path === undefined || contents.has(hash)) continue;
    await contents.add(hash, { path, bytes: counted(chunks) });
    progress();
  }
  const empty = wanted.get(EMPTY_HASH);
  if (empty !== undefined && !contents.has(EMPTY_HASH)) {
    await contents.add(EMPTY_HASH, { path: empty, bytes: noBytes() });
  }
  await contents.check();
}

async function* noBytes(): AsyncGenerator<Uint8Array> {}

async function apply(
  { fileSystem, caller, clock, options }: ImportParts & { options: ImportOptions },
  { lines, contents }: { lines: ReadonlyMap<string, ImportLine>; contents: UnnamedContents },
): Promise<ImportResult> {
  const { conflictMode: mode = "skip", dryRun = false, onProgress } = options;
  const now = clock.now();
  const targetsOf = async (paths: readonly string[]) =>
    await withLine(lines, async () => await fileSystem.importTargets(caller, paths));
  for (let round = 1; ; round++) {
    const plan = await planImport({ lines, mode, now, targetsOf });
    options.signal?.throwIfAborted();
    const request = { files: plan.files, unnamed: contents.inos, dryRun };
    try {
      await withLine(plan.lines, async () => await fileSystem.importFiles(caller, request));
    } catch (error) {
      if (isKind(error, "try-again") && round < MOST_PLANS) continue;
      throw error;
    }
    onProgress?.({ files: lines.size, bytes: sizeOf(plan) });
    return plan.result;
  }
}

function sizeOf({ files }: ImportPlan): number {
  const sizes = new Map(files.map(({ etag, sizeBytes }) => [etag, sizeBytes]));
  return [...sizes.values()].reduce((sum, sizeBytes) => sum + sizeBytes, 0);
}
