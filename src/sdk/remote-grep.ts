import type { Readable } from "node:stream";
import type { FileStat, ListedFile, ReadOptions } from "../features/files/files.js";
import { FileSearch } from "../features/search/file-search.js";
import type { SearchedFiles } from "../features/search/glob-walk.js";
import type { GrepMatch, GrepOptions } from "../features/search/search.js";
import { NexusError } from "../model/errors.js";
import { CLIENT_METHODS } from "./client-methods.js";
import type { RemoteCalls } from "./remote-calls.js";

/**
 * grep on files at the other end of a connection, in this process: an expression may take for ever, and
 * there it would hold up everybody. The next few files are on their way while one is read.
 */
export async function* remoteGrep(
  calls: RemoteCalls,
  args: readonly unknown[],
): AsyncGenerator<GrepMatch> {
  const [pattern, options] = args as [string | RegExp, GrepOptions | undefined];
  const files = new FilesAhead(calls);
  try {
    yield* new FileSearch({ files }).grep(pattern, options);
  } catch (error) {
    throw asGreps(error);
  } finally {
    files.close();
  }
}

/** The same error, of the whole operation rather than of the request that it took. */
function asGreps(error: unknown): unknown {
  if (!(error instanceof NexusError) || error.op === undefined) return error;
  const { kind, message, path, cause } = error;
  return new NexusError(kind, message, {
    op: "grep",
    cause,
    ...(path === undefined ? {} : { path }),
  });
}

/** What a search needs of the files, asked for over the connection. */
class FilesAhead implements SearchedFiles {
  readonly #calls: RemoteCalls;
  readonly #begun = new Map<string, Readable>();

  constructor(calls: RemoteCalls) {
    this.#calls = calls;
  }

  walk(...args: Parameters<SearchedFiles["walk"]>): AsyncIterable<ListedFile> {
    const call = { name: "walk", line: CLIENT_METHODS.walk, args };
    return this.#calls.items(call) as AsyncIterable<ListedFile>;
  }

  async stat(...args: Parameters<SearchedFiles["stat"]>): Promise<FileStat> {
    const call = { name: "stat", line: CLIENT_METHODS.stat, args };
    return (await this.#calls.result(call)) as FileStat;
  }

  createReadStream(path: string, options?: ReadOptions): Readable {
    const begun = this.#begun.get(path);
    this.#begun.delete(path);
    return begun ?? this.#open(path, options);
  }

  willRead(path: string, options?: ReadOptions): void {
    const stream = this.#open(path, options);
    // Who reads it hears of its failure.
    stream.on("error", () => undefined);
    stream.read(0);
    this.#begun.set(path, stream);
  }

  close(): void {
    for (const stream of this.#begun.values()) stream.destroy();
  }

  #open(path: string, options: ReadOptions | undefined): Readable {
    const line = CLIENT_METHODS.createReadStream;
    return this.#calls.download({ name: "createReadStream", line, args: [path, options] });
  }
}
