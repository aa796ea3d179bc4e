import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { composeOn, type Nexus, type StoresAndTools } from "../../src/compose.js";
import type { Config } from "../../src/config/config.js";
import type { Caller, Identity } from "../../src/model/identity.js";
import {
  type AgentId,
  type ContentHash,
  type Ino,
  ROOT_INO,
  type TenantId,
} from "../../src/model/ids.js";
import type { ContentStore } from "../../src/storage/content/content-store.js";
import type { MetadataStore } from "../../src/storage/metadata/metadata-store.js";
import type { FileSystem, OpenFlags } from "../../src/vfs/file-system.js";
import { arrived, featuresOf } from "../support/client-kind.js";
import { afterKill } from "../support/crash.js";
import { FakeClock } from "../support/fake-clock.js";
import { type LogLine, recordingLogger } from "../support/silent-logger.js";
import { openContentStore, openMetadataStore } from "../support/stores.js";
import { testDir } from "../support/temp-dir.js";

export function caller(tenant?: string, agent?: string, { isAdmin = false } = {}): Caller {
  const identity: Identity = {
    isAdmin,
    ...(tenant === undefined ? {} : { tenantId: tenant as TenantId }),
    ...(agent === undefined ? {} : { agentId: agent as AgentId }),
  };
  return { uid: 0, gid: 0, pid: 1, identity };
}

export const ANYBODY = caller();

export function flags(changes: Partial<OpenFlags> = {}): OpenFlags {
  const none = { truncate: false, noAtime: false, killSetId: false };
  return { access: "both", ...none, ...changes };
}

export interface WorldOptions {
  readonly dataDir?: string;
  readonly clock?: FakeClock;
  readonly config?: Partial<Config>;
  readonly collection?: StoresAndTools["collection"];
  readonly scrubbing?: StoresAndTools["scrubbing"];
  readonly mostReaders?: number;
  /** What stands between the file system and the stores. */
  readonly wrapContents?: (store: ContentStore) => ContentStore;
  readonly wrapMetadata?: (store: MetadataStore) => MetadataStore;
}

/**
 * A file system in this process, on real stores and a clock that stands still, with few words for
 * what tests do to it. Paths are names in the root; every look-up that it makes is forgotten.
 */
export class World {
  readonly dataDir: string;
  readonly clock: FakeClock;
  readonly lines: LogLine[];
  readonly metadata: MetadataStore;
  readonly contents: ContentStore;
  readonly nexus: Nexus;
  /** The same, with features that are in this process whatever the run is for. */
  readonly local: Nexus;
  readonly fs: FileSystem;
  #isClosed = false;

  constructor(options: WorldOptions = {}) {
    this.dataDir = options.dataDir ?? testDir();
    this.clock = options.clock ?? new FakeClock();
    const { logger, lines } = recordingLogger();
    this.lines = lines;
    const { clock } = this;
    const tools = { clock, scheduler: clock, logger };
    const metadata = openMetadataStore(this.dataDir, tools);
    const contents = openContentStore(this.dataDir, tools);
    this.metadata = options.wrapMetadata?.(metadata) ?? metadata;
    this.contents = options.wrapContents?.(contents) ?? contents;
    this.local = composeOn({
      config: { namespaces: [], mounts: [], atime: "relatime", readOnly: false, ...options.config },
      metadata: this.metadata,
      contents: this.contents,
      ...tools,
      owner: { uid: 0, gid: 0 },
      ...(options.collection && { collection: options.collection }),
      ...(options.scrubbing && { scrubbing: options.scrubbing }),
      ...(options.mostReaders && { mostReaders: options.mostReaders }),
    });
    // Each with a client of the kind that the run of the tests is for.
    const { local } = this;
    const featuresFor = (identity: Identity) => featuresOf(local.featuresFor(identity), identity);
    this.nexus = { ...local, featuresFor };
    this.fs = local.fileSystem;
    onTestFinished(() => this.close());
  }

  /** Ends as a daemon does that has no time. */
  async close({ drainMs = 0 } = {}): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.nexus.close({ drainMs });
  }

  /** The next process, after this one was killed. */
  killed(): World {
    return new World({ dataDir: afterKill(this.dataDir), clock: this.clock });
  }

  /** Makes a file and opens it for reading and writing. */
  async create(name: string, text: string | Uint8Array = ""): Promise<OpenFile> {
    const request = { parent: ROOT_INO, name, mode: 0o644, flags: flags(), exclusive: true };
    const { entry, opened } = await this.fs.create(ANYBODY, request);
    const file = new OpenFile(this, { ino: entry.ino, handle: opened.handle });
    if (text.length > 0) await file.write(text);
    return file;
  }

  /** Makes a file with these bytes, and closes it. */
  async write(name: string, text: string | Uint8Array): Promise<Ino> {
    const file = await this.create(name, text);
    file.close();
    return file.ino;
  }

  async open(name: string, changes: Partial<OpenFlags> = {}): Promise<OpenFile> {
    const ino = this.lookup(name);
    const { handle } = await this.fs.open(ANYBODY, { ino, flags: flags(changes) });
    return new OpenFile(this, { ino, handle });
  }

  /** What a file holds. */
  async read(name: string): Promise<string> {
    const file = await this.open(name, { access: "read" });
    try {
      return await file.read();
    } finally {
      file.close();
    }
  }

  /** Counts a look-up. */
  lookup(name: string): Ino {
    const entry = this.fs.lookup(ANYBODY, { parent: ROOT_INO, name });
    if (entry === undefined || entry instanceof Promise) throw new Error(`${name} isn't there`);
    return entry.ino;
  }

  forget(ino: Ino, count = 1): void {
    this.fs.forget({ ino, count });
  }

  async unlink(name: string): Promise<void> {
    await this.fs.unlink(ANYBODY, { parent: ROOT_INO, name });
  }

  async attribute(ino: Ino, name: string): Promise<string | undefined> {
    const value = await this.fs.getxattr(ANYBODY, { ino, name: `user.nexus.${name}` });
    return value === undefined ? undefined : Buffer.from(value).toString();
  }

  /** The sealed content that the row of a name says it has. */
  hash(name: string): ContentHash | undefined {
    return this.metadata.lookup({ parent: ROOT_INO, name })?.contentHash;
  }

  hasBlob(hash: ContentHash): boolean {
    const path = join(this.dataDir, "cas", hash.slice(0, 2), hash.slice(2, 4), hash);
    return existsSync(path);
  }

  /** The hashes of all blobs, in their order. */
  get blobs(): string[] {
    return readdirSync(join(this.dataDir, "cas"), { recursive: true, encoding: "utf8" })
      .flatMap((path) => path.split("/")[2] ?? [])
      .sort();
  }

  /** Lets time pass, and what falls due be done. */
  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await this.settle();
  }

  /** Lets everything that is under way come to its end, but for what waits for time to pass. */
  async settle(): Promise<void> {
    await arrived();
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Waits for what comes without time passing. */
  async until(condition: () => boolean): Promise<void> {
    await expect.poll(condition, { interval: 2, timeout: 10_000 }).toBe(true);
  }

  /** Lets these be sealed. */
  async sealed(...names: string[]): Promise<void> {
    this.clock.advance(1100);
    await this.until(() => names.every((name) => this.hash(name) !== undefined));
    await this.settle();
  }

  /** Lets all that isn't needed be removed. */
  async swept(): Promise<void> {
    const isClean = () => this.contents.stagingIds().length === 0;
    for (let sweep = 0; sweep < 3; sweep++) await this.pass(1000);
    await this.until(isClean);
  }

  /** Errors and warnings. */
  get trouble(): LogLine[] {
    return this.lines.filter(({ level }) => level >= 40);
  }
}

/** A handle, with the look-up that led to it. */
export class OpenFile {
  readonly ino: Ino;
  readonly handle: number;
  readonly #world: World;
  #isOpen = true;

  constructor(world: World, { ino, handle }: { ino: Ino; handle: number }) {
    this.#world = world;
    this.ino = ino;
    this.handle = handle;
  }

  async write(text: string | Uint8Array, offset: number | "end" = 0): Promise<void> {
    const data = typeof text === "string" ? Buffer.from(text) : text;
    const request = { handle: this.handle, offset, data, killSetId: false };
    await this.#world.fs.write(ANYBODY, request);
  }

  async read({ offset = 0, length = 1 << 20 } = {}): Promise<string> {
    const into = Buffer.alloc(length);
    const request = { handle: this.handle, offset, into };
    const count = await this.#world.fs.read(ANYBODY, request);
    return into.toString("utf8", 0, count);
  }

  async truncate(sizeBytes: number): Promise<void> {
    const { ino, handle } = this;
    await this.#world.fs.setattr(ANYBODY, { ino, handle, sizeBytes });
  }

  async fsync(): Promise<void> {
    await this.#world.fs.fsync(ANYBODY, { ino: this.ino });
  }

  /** Releases the handle, but keeps the look-up. */
  release(): void {
    if (this.#isOpen) this.#world.fs.release({ handle: this.handle });
    this.#isOpen = false;
  }

  close(): void {
    this.release();
    this.#world.forget(this.ino);
  }
}
