import { Readable } from "node:stream";
import { NexusError } from "../../model/errors.js";
import type { OpenFlags } from "../../vfs/file-system.js";
import { interruption, requireNotAborted } from "./abort.js";
import { CHUNK_BYTES } from "./chunks.js";
import type { ReadOptions } from "./files.js";
import { type PathParts, PathWalk } from "./path-walk.js";
import { requireFile } from "./write.js";

const READ_FLAGS: OpenFlags = {
  access: "read",
  truncate: false,
  noAtime: false,
  killSetId: false,
};

/** {@link Files.read}: in one go, so that all of it is of one moment. */
export async function read(
  parts: PathParts,
  { path, ...options }: ReadOptions & { path: string },
): Promise<Buffer> {
  requireNotAborted(options.signal);
  return await whileOpen(parts, path, async (walk, { ino, handle }) => {
    const { fs, caller } = walk;
    const { sizeBytes } = await fs.getattr(caller, { ino });
    const { start, end } = spanOf(options, sizeBytes);
    const into = allocate(end - start, path);
    const count = into.length === 0 ? 0 : await fs.read(caller, { handle, offset: start, into });
    return into.subarray(0, count);
  });
}

/** {@link Files.createReadStream}. */
export function createReadStream(
  parts: PathParts,
  { path, ...options }: ReadOptions & { path: string },
): Readable {
  const { signal } = options;
  const stream = Readable.from(chunks(parts, { path, ...options }), {
    objectMode: false,
    highWaterMark: CHUNK_BYTES,
  });
  if (signal !== undefined) {
    const abort = () => stream.destroy(interruption(signal));
    signal.addEventListener("abort", abort, { once: true });
    stream.once("close", () => signal.removeEventListener("abort", abort));
    if (signal.aborted) abort();
  }
  return stream;
}

async function* chunks(
  parts: PathParts,
  { path, ...options }: ReadOptions & { path: string },
): AsyncGenerator<Buffer> {
  const walk = new PathWalk(parts);
  const { fs, caller, scheduler } = walk;
  try {
    const spot = await walk.require(path, { access: "read" });
    requireFile(spot);
    const opened = await fs.open(caller, { ino: spot.entry.ino, flags: READ_FLAGS });
    try {
      const { start, end } = spanOf(options, Number.POSITIVE_INFINITY);
      for (let offset = start; offset < end; ) {
        requireNotAborted(options.signal);
        const into = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, end - offset));
        const count = await fs.read(caller, { handle: opened.handle, offset, into });
        if (count > 0) yield into.subarray(0, count);
        if (count < into.length) return;
        offset += count;
        await scheduler.turn();
      }
    } finally {
      fs.release(opened);
    }
  } finally {
    walk.forgetAll();
  }
}

/** Errors: `file-too-large`. */
function allocate(bytes: number, path: string): Buffer {
  try {
    return Buffer.allocUnsafe(bytes);
  } catch (cause) {
    const message = `${path} has ${bytes} bytes, too many at once; createReadStream reads them in pieces`;
    throw new NexusError("file-too-large", message, { op: "read", path, cause });
  }
}

async function whileOpen<T>(
  parts: PathParts,
  path: string,
  use: (
    walk: PathWalk,
    file: { ino: Parameters<PathWalk["fs"]["getattr"]>[1]["ino"]; handle: number },
  ) => Promise<T>,
): Promise<T> {
  return await PathWalk.during(parts, async (walk) => {
    const spot = await walk.require(path, { access: "read" });
    requireFile(spot);
    const { ino } = spot.entry;
    const opened = await walk.fs.open(walk.caller, { ino, flags: READ_FLAGS });
    try {
      return await use(walk, { ino, handle: opened.handle });
    } finally {
      walk.fs.release(opened);
    }
  });
}

/** Errors: `invalid-argument`. */
function spanOf(
  { start = 0, end = Number.POSITIVE_INFINITY }: ReadOptions,
  sizeBytes: number,
): { start: number; end: number } {
  const isCount = (value: number) =>
    value === Number.POSITIVE_INFINITY || Number.isSafeInteger(value);
  if (!Number.isSafeInteger(start) || !isCount(end) || start < 0 || end < start) {
    throw new NexusError(
      "invalid-argument",
      `a span is two whole numbers of bytes, the first one not above the other: ${start}, ${end}`,
    );
  }
  return { start: Math.min(start, sizeBytes), end: Math.min(end, sizeBytes) };
}
