import type { Readable, Writable } from "node:stream";
import type { Features } from "../features/features.js";
import type {
  AppendOptions,
  CopyOptions,
  FileStat,
  ListedFile,
  ListOptions,
  ListPage,
  MkdirOptions,
  ReadOptions,
  RmdirOptions,
  StatOptions,
  WriteContent,
  WriteOptions,
} from "../features/files/files.js";
import type { CustomMetadata } from "../features/metadata/custom-metadata.js";
import type { WorkQueue } from "../features/queue/queue.js";
import type {
  DuplicateOptions,
  DuplicateReport,
  GlobOptions,
  GrepMatch,
  GrepOptions,
} from "../features/search/search.js";
import type {
  ExportOptions,
  ExportResult,
  ImportOptions,
  ImportResult,
} from "../features/transfer/transfer.js";
import type { WatchEvent, WatchOptions } from "../features/watch/watch.js";
import type { Identity } from "../model/identity.js";
import type { NexusClient } from "./client.js";
import { guarded } from "./guarded.js";
import { Operations, type Settled } from "./operations.js";

export interface LocalClientOptions {
  readonly identity: Identity;
  readonly dataDir: string;
  readonly features: Features;
  /** Gives back what the client uses, once nothing is under way. */
  readonly release: () => Promise<void>;
  /** For a store that others look at, too: see {@link Settled}. */
  readonly settled?: Settled;
}

/** A {@link NexusClient} on a store that is open in this process. */
export class LocalClient implements NexusClient {
  readonly identity: Identity;
  readonly dataDir: string;
  readonly metadata: CustomMetadata;
  readonly queue: WorkQueue;
  readonly #features: Features;
  readonly #release: () => Promise<void>;
  readonly #operations: Operations;
  #closing: Promise<void> | undefined;

  constructor({ identity, dataDir, features, release, settled }: LocalClientOptions) {
    this.identity = identity;
    this.dataDir = dataDir;
    this.#features = features;
    this.#release = release;
    this.#operations = new Operations({ settled });
    this.metadata = guarded(features.metadata, { operations: this.#operations, name: "metadata" });
    this.queue = guarded(features.queue, { operations: this.#operations, name: "queue" });
  }

  write(path: string, content: WriteContent, options?: WriteOptions): Promise<FileStat> {
    return this.#run("write", path, () => this.#features.files.write(path, content, options));
  }

  writeMany(
    files: Iterable<{ readonly path: string; readonly content: string | Uint8Array }>,
    options?: Pick<WriteOptions, "durable">,
  ): Promise<FileStat[]> {
    return this.#run("write", undefined, () => this.#features.files.writeMany(files, options));
  }

  read(path: string, options?: ReadOptions): Promise<Buffer> {
    return this.#run("read", path, () => this.#features.files.read(path, options));
  }

  createReadStream(path: string, options?: ReadOptions): Readable {
    return this.#operations.stream({ op: "read", path }, () =>
      this.#features.files.createReadStream(path, options),
    );
  }

  append(path: string, content: WriteContent, options?: AppendOptions): Promise<FileStat> {
    return this.#run("append", path, () => this.#features.files.append(path, content, options));
  }

  delete(path: string, options?: { readonly missingOk?: boolean }): Promise<void> {
    return this.#run("delete", path, () => this.#features.files.delete(path, options));
  }

  exists(path: string): Promise<boolean> {
    return this.#run("exists", path, () => this.#features.files.exists(path));
  }

  stat(path: string, options?: StatOptions): Promise<FileStat> {
    return this.#run("stat", path, () => this.#features.files.stat(path, options));
  }

  isDirectory(path: string): Promise<boolean> {
    return this.#run("isDirectory", path, () => this.#features.files.isDirectory(path));
  }

  mkdir(path: string, options?: MkdirOptions): Promise<void> {
    return this.#run("mkdir", path, () => this.#features.files.mkdir(path, options));
  }

  rmdir(path: string, options?: RmdirOptions): Promise<void> {
    return this.#run("rmdir", path, () => this.#features.files.rmdir(path, options));
  }

  rename(from: string, to: string): Promise<void> {
    return this.#run("rename", from, () => this.#features.files.rename(from, to));
  }

  move(from: string, to: string, options?: CopyOptions): Promise<void> {
    return this.#run("move", from, () => this.#features.files.move(from, to, options));
  }

  copy(from: string, to: string, options?: CopyOptions): Promise<void> {
    return this.#run("copy", from, () => this.#features.files.copy(from, to, options));
  }

  list(options?: ListOptions): Promise<ListPage> {
    return this.#run("list", options?.prefix, () => this.#features.files.list(options));
  }

  walk(options?: Omit<ListOptions, "limit" | "cursor">): AsyncIterable<ListedFile> {
    const asked = { op: "walk", path: options?.prefix };
    return this.#operations.iterate(asked, () => this.#features.files.walk(options));
  }

  glob(pattern: string, options?: GlobOptions): AsyncIterable<string> {
    const asked = { op: "glob", path: options?.path };
    return this.#operations.iterate(asked, () => this.#features.search.glob(pattern, options));
  }

  grep(pattern: string | RegExp, options?: GrepOptions): AsyncIterable<GrepMatch> {
    const asked = { op: "grep", path: options?.path };
    return this.#operations.iterate(asked, () => this.#features.search.grep(pattern, options));
  }

  findDuplicates(options?: DuplicateOptions): Promise<DuplicateReport> {
    return this.#run("findDuplicates", options?.prefix, () =>
      this.#features.search.findDuplicates(options),
    );
  }

  exportMetadata(target: string | Writable, options?: ExportOptions): Promise<ExportResult> {
    return this.#run("exportMetadata", undefined, () =>
      this.#features.transfer.exportMetadata(target, options),
    );
  }

  importMetadata(source: string | Readable, options?: ImportOptions): Promise<ImportResult> {
    return this.#run("importMetadata", undefined, () =>
      this.#features.transfer.importMetadata(source, options),
    );
  }

  watch(options?: WatchOptions): AsyncIterable<WatchEvent> {
    const asked = { op: "watch", path: options?.path };
    return this.#operations.iterate(asked, () => this.#features.watching.watch(options));
  }

  watchCursor(): Promise<string> {
    return this.#run("watchCursor", undefined, () => this.#features.watching.watchCursor());
  }

  close(): Promise<void> {
    if (this.#closing === undefined) {
      this.#closing = this.#operations.close(this.#release);
      this.#features.close();
    }
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #run<T>(op: string, path: string | undefined, operation: () => Promise<T>): Promise<T> {
    return this.#operations.run({ op, path }, operation);
  }
}
