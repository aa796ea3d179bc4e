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

/** The list with the contents that came. Errors: `invalid-argument`, and those of the upload. */
export async function filledFiles(
  files: unknown,
  upload: AsyncIterable<Uint8Array>,
): Promise<unknown[]> {
  if (!Array.isArray(files)) throw wrong("the files are no list");
  requireFew(files.filter(isSent).reduce((sum, { contentBytes }) => sum + contentBytes, 0));
  const filled: unknown[] = files.map((file: unknown) =>
    isSent(file) ? { path: file.path, content: Buffer.allocUnsafe(file.contentBytes) } : file,
  );
  const contents = files.flatMap((file: unknown, index) => {
    const made = filled[index] as { readonly content: Buffer };
    return isSent(file) ? [made.content] : [];
  });
  let at = 0;
  let offset = 0;
  for await (const chunk of upload) {
    for (let rest = chunk; rest.length > 0; ) {
      const content = contents[at];
      if (content === undefined) throw wrong("there are more bytes than the files have");
      const piece = rest.subarray(0, content.length - offset);
      content.set(piece, offset);
      offset += piece.length;
      rest = rest.subarray(piece.length);
      if (offset < content.length) continue;
      at += 1;
      offset = 0;
    }
  }
  const isFull = contents.slice(at).every(({ length }) => length === 0);
  if (!isFull) throw wrong("there are less bytes than the files have");
  return filled;
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
