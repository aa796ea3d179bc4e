import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Pack } from "tar-stream";
import { messageOf, NexusError } from "../../model/errors.js";
import { BLOBS, METADATA } from "./archive.js";
import { type ExportSource, exportedFiles } from "./export-lines.js";
import type { ExportedFile, ExportOptions, ExportResult } from "./transfer.js";

/** A content of the archive, and a file that has it. */
interface Blob {
  readonly path: string;
  readonly sizeBytes: number;
}

/** One export under way: what was done of it so far. */
export class Export {
  readonly #source: ExportSource;
  readonly #options: ExportOptions;
  readonly #blobs = new Map<string, Blob>();
  #files = 0;
  #bytes = 0;

  constructor(source: ExportSource, options: ExportOptions) {
    this.#source = source;
    this.#options = options;
  }

  /** Writes all of it, as fast as the target takes it, and ends the target. */
  async writeTo(target: Writable): Promise<ExportResult> {
    if (this.#options.withContent === true) await this.#writeArchive(target);
    else await this.#pipe(Readable.from(this.#lines()), target);
    return { files: this.#files, bytes: this.#bytes };
  }

  /**
   * A tar archive says how long a file is before it has it, so the lines wait on the disk until all of
   * them are known.
   */
  async #writeArchive(target: Writable): Promise<void> {
    const { pack } = await import("tar-stream");
    const directory = await mkdtemp(join(tmpdir(), "nexus-export-"));
    try {
      const lines = join(directory, METADATA);
      await this.#pipe(Readable.from(this.#lines()), createWriteStream(lines, { mode: 0o600 }));
      const archive = pack();
      // What fails on either side ends the other, with the same failure.
      const filling = this.#fill(archive, lines).catch((error: unknown) => {
        archive.destroy(error instanceof Error ? error : new Error(messageOf(error)));
        throw error;
      });
      const piping = this.#pipe(Readable.from(archive), target).catch((error: unknown) => {
        archive.destroy();
        throw error;
      });
      const [filled, piped] = await Promise.allSettled([filling, piping]);
      this.#options.signal?.throwIfAborted();
      if (piped.status === "rejected") throw piped.reason;
      if (filled.status === "rejected") throw filled.reason;
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }

  async #fill(archive: Pack, lines: string): Promise<void> {
    const { size } = await stat(lines);
    await this.#add(archive, { name: METADATA, size }, createReadStream(lines));
    for (const [hash, blob] of this.#blobs) {
      this.#options.signal?.throwIfAborted();
      const header = { name: `${BLOBS}${hash}`, size: blob.sizeBytes };
      await this.#add(archive, header, this.#content(hash, blob));
      this.#bytes += blob.sizeBytes;
      this.#progress();
    }
    archive.finalize();
  }

  async #add(
    archive: Pack,
    header: { name: string; size: number },
    content: AsyncIterable<Uint8Array>,
  ): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const done = (error?: Error | null) => (error ? reject(error) : resolve());
      // No owner and no time of this machine: equal exports are equal archives.
      const entry = archive.entry({ ...header, mode: 0o600, mtime: new Date(0) }, done);
      fill(entry, content).catch(reject);
    });
  }

  /** The file may have changed since its line was written; then the archive would be broken. */
  async *#content(hash: string, { path, sizeBytes }: Blob): AsyncGenerator<Uint8Array> {
    const changed = (cause?: unknown) =>
      new NexusError("try-again", `${path} has changed while it was exported`, {
        op: "export",
        path,
        cause,
      });
    const sum = createHash("sha256");
    let left = sizeBytes;
    try {
      for await (const chunk of this.#source.files.createReadStream(path)) {
        sum.update(chunk);
        left -= chunk.length;
        if (left < 0) throw changed();
        yield chunk;
      }
    } catch (error) {
      const isGone = error instanceof NexusError && error.kind === "not-found";
      throw isGone ? changed(error) : error;
    }
    if (left !== 0 || sum.digest("hex") !== hash) throw changed();
  }

  async *#lines(): AsyncGenerator<string> {
    for await (const file of exportedFiles(this.#source, this.#options)) {
      this.#note(file);
      yield `${JSON.stringify(file)}\n`;
      this.#files += 1;
      this.#progress();
    }
  }

  #note({ etag, path, size }: ExportedFile): void {
    if (this.#options.withContent !== true || this.#blobs.has(etag)) return;
    this.#blobs.set(etag, { path, sizeBytes: size });
  }

  #progress(): void {
    this.#options.onProgress?.({ files: this.#files, bytes: this.#bytes });
  }

  #pipe(from: Readable, to: Writable): Promise<void> {
    const { signal } = this.#options;
    return signal === undefined ? pipeline(from, to) : pipeline(from, to, { signal });
  }
}

/** Back-pressure by hand: the entries of an archive are not quite streams of Node. */
async function fill(
  entry: ReturnType<Pack["entry"]>,
  content: AsyncIterable<Uint8Array>,
): Promise<void> {
  for await (const chunk of content) {
    if (entry.destroyed) return;
    if (entry.write(chunk)) continue;
    await new Promise<void>((resolve) => {
      const goOn = () => {
        entry.off("drain", goOn);
        entry.off("close", goOn);
        resolve();
      };
      entry.on("drain", goOn);
      entry.on("close", goOn);
    });
  }
  entry.end(undefined);
}
