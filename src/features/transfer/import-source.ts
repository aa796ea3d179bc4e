import { addAbortSignal, Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Extract } from "tar-stream";
import { messageOf, NexusError } from "../../model/errors.js";
import { BLOBS, METADATA } from "./archive.js";

/** Where a tar archive says that it is one: POSIX.1-2017, pax, "ustar Interchange Format". */
const MAGIC = "ustar";
const MAGIC_OFFSET = 257;

/** A file in an archive. */
type Entry = Extract extends AsyncIterable<infer Item> ? Item : never;

/** An export as it comes in. The lines have to be read to their end before the contents. */
export interface ImportSource {
  readonly lines: AsyncIterable<Uint8Array>;
  readonly contents: AsyncIterable<ArchivedContent>;
}

/** A content of an archive, to be read to its end before the next one. */
export interface ArchivedContent {
  /** What the archive says that it is. */
  readonly hash: string;
  readonly bytes: AsyncIterable<Uint8Array>;
}

/** Tells by its first bytes whether an export is an archive. Errors: `invalid-argument`. */
export async function openImport(
  source: Readable,
  signal: AbortSignal | undefined,
): Promise<ImportSource> {
  if (signal !== undefined) addAbortSignal(signal, source);
  const chunks: AsyncIterator<Uint8Array> = bytesOf(source);
  const start: Uint8Array[] = [];
  let head = Buffer.alloc(0);
  while (head.length < MAGIC_OFFSET + MAGIC.length) {
    const next = await chunks.next();
    if (next.done) break;
    start.push(next.value);
    head = Buffer.concat(start);
  }
  const whole = joined(head, chunks);
  const isArchive = head.toString("latin1", MAGIC_OFFSET, MAGIC_OFFSET + MAGIC.length) === MAGIC;
  return isArchive ? readArchive(whole) : { lines: whole, contents: Readable.from([]) };
}

async function* bytesOf(source: Readable): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) yield typeof chunk === "string" ? Buffer.from(chunk) : chunk;
}

async function* joined(
  head: Uint8Array,
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    yield head;
    for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}

async function readArchive(bytes: AsyncIterable<Uint8Array>): Promise<ImportSource> {
  const { extract } = await import("tar-stream");
  const archive = extract();
  const sourceFailures = new Set<unknown>();
  const failureOf = failuresOf(archive, sourceFailures);
  const source = Readable.from(noting(sourceFailures, bytes), { objectMode: false });
  const reading = pipeline(source, archive);
  // The entries fail with the same; this keeps it from failing a second time, unheard.
  reading.catch(() => undefined);
  const entries = entriesOf(archive[Symbol.asyncIterator](), { reading, failureOf });
  const first = await entries.next();
  if (first.done || first.value.header.name !== METADATA) {
    throw new NexusError("invalid-argument", `an archive has to begin with ${METADATA}`, {
      op: "import",
    });
  }
  return { lines: chunksOf(first.value, failureOf), contents: contentsOf(entries, failureOf) };
}

/** Says what a failure in reading an archive comes from. */
type FailureOf = (error: unknown) => Promise<unknown>;

/**
 * When an archive breaks off, all that reads of it fails, each in its own way: an entry that nobody was
 * waiting for says only that it was destroyed. Why, the archive itself says, before it closes. Whatever
 * isn't the source's own failure is `invalid-argument`.
 */
function failuresOf(archive: Extract, sourceFailures: ReadonlySet<unknown>): FailureOf {
  const ending = new Promise<unknown>((resolve) => {
    let failure: unknown;
    archive.on("error", (error) => {
      failure = error;
    });
    archive.on("close", () => resolve(failure));
  });
  return async (error) => {
    const failure = (await ending) ?? error;
    if (sourceFailures.has(failure)) return failure;
    const message = `the archive can't be read: ${messageOf(failure)}`;
    return new NexusError("invalid-argument", message, { op: "import", cause: failure });
  };
}

async function* noting(
  failures: Set<unknown>,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    yield* source;
  } catch (error) {
    failures.add(error);
    throw error;
  }
}

/** Errors: `invalid-argument` for an archive that is broken, and those of the source. */
async function* entriesOf(
  entries: AsyncIterator<Entry>,
  { reading, failureOf }: { reading: Promise<void>; failureOf: FailureOf },
): AsyncGenerator<Entry> {
  try {
    for (let next = await entries.next(); !next.done; next = await entries.next()) yield next.value;
    await reading;
  } catch (error) {
    throw await failureOf(error);
  } finally {
    await entries.return?.();
  }
}

/** Other files that somebody may have put into the archive are left alone. */
async function* contentsOf(
  entries: AsyncGenerator<Entry>,
  failureOf: FailureOf,
): AsyncGenerator<ArchivedContent> {
  for await (const entry of entries) {
    const { name, type } = entry.header;
    if (type === "file" && name.startsWith(BLOBS)) {
      yield { hash: name.slice(BLOBS.length), bytes: chunksOf(entry, failureOf) };
    }
    // What nobody has read.
    entry.resume();
  }
}

async function* chunksOf(entry: Entry, failureOf: FailureOf): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of entry) {
      if (chunk instanceof Uint8Array) yield chunk;
    }
  } catch (error) {
    throw await failureOf(error);
  }
}
