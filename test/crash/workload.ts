import { createHash } from "node:crypto";
import { type FileHandle, link, mkdir, open, rename, rmdir, unlink } from "node:fs/promises";
import { join } from "node:path";
import { copyRangeLater } from "../../src/libc/files.js";
import { Random } from "../differ/random.js";
import { bytesOfLength } from "../support/bytes.js";
import { getAttribute, setAttribute } from "./attribute-calls.js";
import type { History, Names } from "./history.js";
import type { Syncs } from "./syncs.js";
import { TrackedFile } from "./tracked-file.js";
import { TAG } from "./verify.js";

/** Around the size up to which contents live in the log: 64 KiB. */
const SIZES = [0, 1, 700, 4096, 30_000, 65_536, 65_537, 70_000, 150_000];
/** The sizes of single writes, so that files grow in pieces. */
const PIECE_BYTES = 50_000;
const NAMES = ["a", "b", "c", "d", "e", "f", "g", "h"];
const DIRECTORIES = ["x", "y"];
/** Few different contents, so that some are equal. */
const CONTENTS = 30;
/** As much as makes the staging log go on in another file, and SQLite's log worth a checkpoint. */
const LOG_ROUNDS = 290;
const LOG_BYTES = 60_000;
const TAG_ROUNDS = 300;

/** What a workload does most. */
export type Focus = "everything" | "the staging log" | "metadata";

/**
 * A program that changes files in a directory of its own, as the seed says, without end. Each call that changes
 * something goes through its history. It ends with the error of the first call that failed.
 */
export class Workload {
  readonly #directory: string;
  readonly #history: History;
  readonly #syncs: Syncs;
  readonly #random: Random;
  readonly #focus: Focus;

  constructor(options: {
    directory: string;
    history: History;
    syncs: Syncs;
    seed: number;
    focus: Focus;
  }) {
    this.#directory = options.directory;
    this.#history = options.history;
    this.#syncs = options.syncs;
    this.#random = new Random(options.seed);
    this.#focus = options.focus;
  }

  /** Never resolves: rejects with what a call said when the file system had gone. */
  async run(): Promise<never> {
    for (;;) {
      if (this.#focus === "the staging log") await this.#fillStagingLog();
      else if (this.#focus === "metadata") await this.#fillMetadataLog();
      await this.#act();
    }
  }

  /** Syncs all files, and takes away those that can't be read. */
  async settle(unreadable: readonly string[]): Promise<void> {
    for (const name of unreadable) await this.#remove(name);
    for (const [name, file] of this.#files()) await this.#sync(name, file);
  }

  /** Has the directory itself survive from now on. */
  async settleDirectory(): Promise<void> {
    await this.#syncDirectory();
  }

  async #act(): Promise<void> {
    const actions: readonly (readonly [number, () => Promise<void>])[] = [
      [6, () => this.#create()],
      [3, () => this.#withFile((name, file) => this.#append(name, file))],
      [3, () => this.#withFile((name, file) => this.#overwrite(name, file))],
      [3, () => this.#withFile((name, file) => this.#rewrite(name, file))],
      [2, () => this.#withFile((name, file) => this.#truncate(name, file))],
      [4, () => this.#replace()],
      [2, () => this.#withFile((name) => this.#rename(name))],
      [1, () => this.#withFile((name, file) => this.#link(name, file))],
      [2, () => this.#withFile((name) => this.#remove(name))],
      [1, () => this.#directories()],
      [2, () => this.#withFile((name, file) => this.#tag(name, file))],
      [2, () => this.#withFile((name, file) => this.#copy(name, file))],
      [2, () => this.#withFile((name, file) => this.#sync(name, file))],
      [1, () => this.#syncDirectory()],
      [3, () => this.#withFile((name, file) => this.#seal(name, file))],
    ];
    await this.#random.weighted(actions)();
  }

  async #create(): Promise<void> {
    const name = this.#freeName();
    if (name !== undefined) await this.#make(name, this.#someBytes());
  }

  /** Writes a new file. */
  async #make(name: string, bytes: Buffer): Promise<TrackedFile> {
    const file = new TrackedFile();
    const handle = await this.#openNew(name, file);
    await this.#finish({ handle, file, offset: 0 }, bytes);
    return file;
  }

  async #openNew(name: string, file: TrackedFile): Promise<FileHandle> {
    let handle: FileHandle | undefined;
    await this.#changeNames(
      async () => {
        handle = await open(this.#path(name), "wx");
      },
      (names) => names.set(name, file),
    );
    if (handle === undefined) throw new Error("it isn't open");
    return handle;
  }

  async #append(name: string, file: TrackedFile): Promise<void> {
    const handle = await open(this.#path(name), "a");
    const bytes = this.#someBytes().subarray(0, 9000);
    await this.#finish({ handle, file, offset: file.bytes.length }, bytes);
  }

  async #overwrite(name: string, file: TrackedFile): Promise<void> {
    const handle = await open(this.#path(name), "r+");
    const offset = this.#random.below(file.bytes.length + 1);
    await this.#finish({ handle, file, offset }, this.#someBytes());
  }

  async #rewrite(name: string, file: TrackedFile): Promise<void> {
    const handle = await this.#emptied(name, file);
    await this.#finish({ handle, file, offset: 0 }, this.#someBytes());
  }

  async #emptied(name: string, file: TrackedFile): Promise<FileHandle> {
    let handle: FileHandle | undefined;
    await this.#history.do({ kind: "size", file, sizeBytes: 0 }, async () => {
      handle = await open(this.#path(name), "w");
      return undefined;
    });
    if (handle === undefined) throw new Error("it isn't open");
    return handle;
  }

  /** Writes in pieces, syncs sometimes, and closes. */
  async #finish(
    { handle, file, offset }: { handle: FileHandle; file: TrackedFile; offset: number },
    bytes: Buffer,
  ): Promise<void> {
    try {
      for (let done = 0; done < bytes.length; ) {
        const data = bytes.subarray(done, done + PIECE_BYTES);
        const at = offset + done;
        done += await this.#history.do({ kind: "write", file, offset: at, data }, async () => {
          const { bytesWritten } = await handle.write(data, 0, data.length, at);
          return bytesWritten;
        });
      }
      if (this.#random.chance(15)) await this.#covering(() => handle.sync(), file);
    } finally {
      await closeAnyway(handle);
    }
  }

  async #truncate(name: string, file: TrackedFile): Promise<void> {
    const sizeBytes = this.#random.pick(SIZES);
    const handle = await open(this.#path(name), "r+");
    try {
      await this.#history.do({ kind: "size", file, sizeBytes }, async () => {
        await handle.truncate(sizeBytes);
        return undefined;
      });
    } finally {
      await closeAnyway(handle);
    }
  }

  /** As editors save: another file takes the name. */
  async #replace(): Promise<void> {
    const [name] = this.#random.pick([...this.#files(), ["", undefined] as const]);
    if (name === "") return;
    const draft = `${name}.new`;
    if (this.#names.has(draft)) return;
    const file = await this.#make(draft, this.#someBytes());
    const to = this.#path(name);
    await this.#changeNames(
      () => rename(this.#path(draft), to),
      (names) => {
        names.delete(draft);
        names.set(name, file);
      },
      file,
    );
  }

  async #rename(name: string): Promise<void> {
    const to = this.#freeName();
    if (to === undefined) return;
    await this.#changeNames(
      () => rename(this.#path(name), this.#path(to)),
      (names) => {
        const node = names.get(name);
        names.delete(name);
        if (node !== undefined) names.set(to, node);
      },
    );
  }

  async #link(name: string, file: TrackedFile): Promise<void> {
    const to = this.#freeName();
    if (to === undefined) return;
    await this.#changeNames(
      () => link(this.#path(name), this.#path(to)),
      (names) => names.set(to, file),
    );
  }

  async #remove(name: string): Promise<void> {
    await this.#changeNames(
      () => unlink(this.#path(name)),
      (names) => names.delete(name),
    );
  }

  async #directories(): Promise<void> {
    const name = this.#random.pick(DIRECTORIES);
    if (!this.#names.has(name)) {
      await this.#changeNames(
        () => mkdir(this.#path(name)),
        (names) => names.set(name, "directory"),
      );
    } else if (![...this.#names.keys()].some((other) => other.startsWith(`${name}/`))) {
      await this.#changeNames(
        () => rmdir(this.#path(name)),
        (names) => names.delete(name),
      );
    }
  }

  async #tag(name: string, file: TrackedFile): Promise<void> {
    const tag = String(this.#random.below(1_000_000));
    await this.#history.do({ kind: "tag", file, tag }, async () => {
      await setAttribute(this.#path(name), { name: TAG, value: tag });
      return undefined;
    });
  }

  async #copy(name: string, from: TrackedFile): Promise<void> {
    const to = this.#freeName();
    if (to === undefined || from.bytes.length === 0) return;
    const file = new TrackedFile();
    const source = await open(this.#path(name), "r");
    try {
      const target = await this.#openNew(to, file);
      try {
        await this.#history.do({ kind: "copy", file, bytes: from.bytes }, async () => {
          const span = { to: target.fd, offset: 0, toOffset: 0, length: from.bytes.length };
          const copied = await copyRangeLater(source.fd, span);
          if (copied !== from.bytes.length) throw new Error(`copied ${copied} bytes`);
          return undefined;
        });
      } finally {
        await closeAnyway(target);
      }
    } finally {
      await closeAnyway(source);
    }
  }

  async #sync(name: string, file: TrackedFile): Promise<void> {
    const handle = await open(this.#path(name), "r");
    try {
      await this.#covering(() => handle.sync(), file);
    } finally {
      await closeAnyway(handle);
    }
  }

  async #syncDirectory(): Promise<void> {
    const handle = await open(this.#directory, "r");
    try {
      await this.#covering(() => handle.sync());
    } finally {
      await closeAnyway(handle);
    }
  }

  /** Asking for the hash seals the content now, and not when it has been quiet for a while. */
  async #seal(name: string, file: TrackedFile): Promise<void> {
    const etag = await getAttribute(this.#path(name), "user.nexus.etag");
    if (etag === undefined) return;
    const hash = createHash("sha256").update(file.bytes).digest("hex");
    if (etag !== hash) throw new Error(`${name} has the etag ${etag}, and its bytes ${hash}`);
    file.noteSealed();
  }

  /** So much that the log goes on in another file; then all is sealed, so that the first one isn't needed. */
  async #fillStagingLog(): Promise<void> {
    const name = this.#freeName();
    if (name === undefined) return;
    const file = await this.#make(name, bytesOfLength(LOG_BYTES));
    for (let round = 0; round < LOG_ROUNDS; round++) {
      const handle = await open(this.#path(name), "r+");
      const data = bytesOfLength(LOG_BYTES, 1 + (round % 3));
      await this.#finish({ handle, file, offset: 0 }, data);
    }
    for (const [each, its] of this.#files()) await this.#seal(each, its);
  }

  /** Each attribute is a commit. */
  async #fillMetadataLog(): Promise<void> {
    for (let round = 0; round < TAG_ROUNDS; round++) {
      await this.#withFile((name, file) => this.#tag(name, file));
    }
  }

  async #covering(sync: () => Promise<unknown>, file?: TrackedFile): Promise<void> {
    const succeeded = this.#syncs.begin(file);
    await sync();
    succeeded();
  }

  async #changeNames(
    call: () => Promise<unknown>,
    apply: (names: Map<string, TrackedFile | "directory">) => void,
    replacing?: TrackedFile,
  ): Promise<void> {
    const change = { kind: "names", apply, ...(replacing && { replacing }) } as const;
    await this.#history.do(change, async () => {
      await call();
      return undefined;
    });
  }

  async #withFile(act: (name: string, file: TrackedFile) => Promise<void>): Promise<void> {
    const files = this.#files();
    if (files.length === 0) return await this.#create();
    await act(...this.#random.pick(files));
  }

  get #names(): Names {
    return this.#history.now.names;
  }

  #files(): (readonly [string, TrackedFile])[] {
    return [...this.#names].flatMap(([name, node]) =>
      node instanceof TrackedFile ? [[name, node] as const] : [],
    );
  }

  #freeName(): string | undefined {
    const directories = ["", ...DIRECTORIES.filter((name) => this.#names.has(name))];
    const all = directories.flatMap((directory) => NAMES.map((name) => join(directory, name)));
    const free = all.filter((name) => !this.#names.has(name));
    return free.length === 0 ? undefined : this.#random.pick(free);
  }

  #someBytes(): Buffer {
    return bytesOfLength(this.#random.pick(SIZES), 1 + this.#random.below(CONTENTS));
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }
}

/** Of a file system that has gone, too: what it said before counts. */
async function closeAnyway(handle: FileHandle): Promise<void> {
  await handle.close().catch(() => undefined);
}
