import { chunksOf } from "../features/files/chunks.js";
import { TimerScheduler } from "../model/clock.js";
import { NexusError } from "../model/errors.js";
import type { Upload } from "../rpc/pending-call.js";

/** All contents of a list, which are in memory on both sides. */
const MOST_BYTES = 256 * 1024 * 1024;

// The contents of a list of files go as bytes beside the request, one after the other; in the list stands
// how long each of them is.

/** A file in the list that is sent. */
interface SentFile {
  readonly path: unknown;
  readonly contentBytes: number;
}

/** The list as it is sent, and its contents. What is no file stays as it is: the other side refuses it. */
export function sentFiles(files: Iterable<unknown>): {
  readonly files: readonly unknown[];
  readonly upload: Upload;
} {
  const contents: Uint8Array[] = [];
  const sent = [...files].map((file) => {
    if (typeof file !== "object" || file === null || !("content" in file)) return file;
    const content = bytesOf(file.content);
    if (content === undefined) return file;
    contents.push(content);
    return { path: "path" in file ? file.path : undefined, contentBytes: content.length };
  });
  requireFew(contents.reduce((sum, { length }) => sum + length, 0));
  const scheduler = new TimerScheduler();
  const chunks = async function* (signal: AbortSignal) {
    for (const content of contents) yield* chunksOf(content, { signal, scheduler });
  };
  return { files: sent, upload: { chunks, isWhole: true } };
}

/**
 * Writes lists of files for one connection, the contents of one list after those of the other: what a client has the
 * other side keep in memory is one list, however many it sends.
 */
export class Batches {
  #last: Promise<unknown> = Promise.resolve();

  /**
   * Gathers what comes for a list, and has it written. Errors: `invalid-argument`, those of the upload and of `write`.
   */
  async write<T>(
    { files, upload }: { files: unknown; upload: () => AsyncIterable<Uint8Array> },
    write: (files: unknown[]) => T,
  ): Promise<Awaited<T>> {
    const written = this.#last.then(async () => await write(await filledFiles(files, upload())));
    this.#last = written.catch(() => undefined);
    return await written;
  }
}

/** The list with the contents that came. */
async function filledFiles(files: unknown, upload: AsyncIterable<Uint8Array>): Promise<unknown[]> {
  if (!Array.isArray(files)) throw wrong("the files are no list");
  const sent = files.filter(isSent);
  const bytes = sent.reduce((sum, { contentBytes }) => sum + contentBytes, 0);
  requireFew(bytes);
  const all = await gathered(upload, bytes);
  let at = 0;
  return files.map((file: unknown) => {
    if (!isSent(file)) return file;
    const start = at;
    at += file.contentBytes;
    return { path: file.path, content: all.subarray(start, at) };
  });
}

/** So many bytes. The memory is taken as they come: until then the kernel has none to give. */
async function gathered(upload: AsyncIterable<Uint8Array>, bytes: number): Promise<Buffer> {
  const all = Buffer.allocUnsafeSlow(bytes);
  let count = 0;
  for await (const chunk of upload) {
    if (count + chunk.length > bytes) throw wrong("there are more bytes than the files have");
    all.set(chunk, count);
    count += chunk.length;
  }
  if (count < bytes) throw wrong("there are less bytes than the files have");
  return all;
}

function bytesOf(content: unknown): Uint8Array | undefined {
  if (typeof content === "string") return Buffer.from(content, "utf8");
  return content instanceof Uint8Array ? content : undefined;
}

function isSent(file: unknown): file is SentFile {
  if (typeof file !== "object" || file === null || !("contentBytes" in file)) return false;
  return Number.isSafeInteger(file.contentBytes) && (file.contentBytes as number) >= 0;
}

function requireFew(bytes: number): void {
  if (bytes <= MOST_BYTES) return;
  throw wrong(
    `at most ${MOST_BYTES} bytes can be written at once, not ${bytes}; write the rest after`,
  );
}

function wrong(message: string): NexusError {
  return new NexusError("invalid-argument", message);
}
