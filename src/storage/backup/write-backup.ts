import { fsError } from "../../libc/system-error.js";
import type { NexusError } from "../../model/errors.js";
import type { ContentHash } from "../../model/ids.js";
import { BehindNote, lacksChanges } from "../behind-note.js";
import { type Layout, layoutOf, stagingPath } from "../content/local/layout.js";
import { restOf } from "../going-on-behind.js";
import type { BackupDirectory, Draft } from "./backup-directory.js";
import type { BackupSource } from "./backup-source.js";
import { type Content, ContentCopier, type ContentProblem } from "./content-copier.js";
import { describeDatabase } from "./database-file.js";
import type { SnapshotManifest } from "./manifest.js";
import { isForLackOfRoom, noRoom } from "./no-room.js";
import type { Pruned } from "./prune.js";
import { type PruneResult, pruneNoted } from "./prune-snapshots.js";
import { forgetReplaced, putAside, putDirectoryAside } from "./put-aside.js";
import {
  type CapturedFile,
  copyDatabase,
  SnapshotDatabase,
  type StagedFile,
} from "./snapshot-database.js";
import type { Lacking } from "./sweep.js";
import { isSwept, takeSweptNote, writeSweptNote } from "./swept-note.js";
import { Turns } from "./turns.js";

/** How many staged contents are asked for at a time: 4 MiB at most. */
const STAGED_A_CALL = 64;

export interface BackupOptions {
  readonly source: BackupSource;
  readonly directory: BackupDirectory;
  /** Also reads what is there already, and copies what isn't as it should be. */
  readonly verify: boolean;
  /** How many snapshots to keep, this one included; all if it isn't given. */
  readonly keep?: number | undefined;
  /** Of this program. */
  readonly version: string;
  readonly nowMs: () => number;
  readonly signal: AbortSignal;
  /** Told how much there is to copy, or to read, before that begins. */
  readonly onPlan: (plan: Amount) => Promise<void> | void;
  readonly onProgress: (done: Amount) => void;
}

export interface Amount {
  readonly contents: number;
  readonly bytes: number;
}

/** A content that the store should have and hasn't, or that can't be read. */
export interface Damage {
  readonly problem: ContentProblem;
  /** Undefined for one that was never sealed. */
  readonly hash: ContentHash | undefined;
  /** One path of each file that has it. */
  readonly paths: readonly string[];
}

export interface BackupResult {
  readonly snapshot: string;
  /** Whether a new directory of backups was begun with it: what was meant may be on a disk that isn't mounted. */
  readonly isNewDirectory: boolean;
  /** ISO 8601. */
  readonly takenAt: string;
  readonly files: number;
  /** What the snapshot has. */
  readonly contents: number;
  readonly bytes: number;
  readonly copied: Amount;
  readonly damaged: readonly Damage[];
  /** How many snapshots there are now. */
  readonly snapshots: number;
  /** Undefined when nothing was to be removed, or that failed. */
  readonly removed: Pruned | undefined;
  /** Kept snapshots that aren't whole any more, as far as that was looked at. */
  readonly lacking: readonly Lacking[];
  /** Why older snapshots weren't removed, which takes nothing from this one. */
  readonly pruneFailure: NexusError | undefined;
}

/**
 * Makes a snapshot of a store. The order: first the bytes of what is staged, and the database, both of one moment;
 * then the contents that the database names and that aren't there yet; all of that durable; last the name of the
 * snapshot. So at whatever point this ends, the snapshots before it are whole, and the next run goes on with what it
 * has copied.
 *
 * A file that is open for writing is in it as cp(1) would read it; all others are as they were at that moment.
 *
 * Errors: `corrupt` (the database), `no-space`, `io-failure`, `not-permitted` (a directory of another store's),
 * the reasons of the two signals.
 */
export async function writeBackup(options: BackupOptions): Promise<BackupResult> {
  const { source } = options;
  const run = new BackupRun(options);
  try {
    const collected = await run.collect().catch((error) => {
      source.lost.throwIfAborted();
      throw error;
    });
    source.letGo();
    return await run.publish(collected);
  } catch (error) {
    const { path } = options.directory;
    const failure = fsError(error, { op: "back up to", path });
    // The store is only read.
    throw isForLackOfRoom(failure) ? noRoom(failure, path) : failure;
  } finally {
    run.close();
  }
}

/** What of a snapshot is there before it has its name. */
interface Collected
  extends Pick<
    SnapshotManifest,
    "takenAt" | "store" | "schemaVersion" | "behind" | "lacks" | "files" | "contents" | "bytes"
  > {
  readonly draft: Draft;
}

class BackupRun {
  readonly #options: BackupOptions;
  readonly #signal: AbortSignal;
  readonly #turns: Turns;
  readonly #layout: Layout;
  readonly #copier: ContentCopier;
  readonly #captured: CapturedFile[] = [];
  /** Large staged contents, which are copied when the database has been: its log can't start over before. */
  readonly #large: StagedFile[] = [];
  readonly #damaged: Damage[] = [];
  #done = { contents: 0, bytes: 0 };
  #swept: readonly string[] | undefined;

  constructor(options: BackupOptions) {
    const { source, directory, signal } = options;
    this.#options = options;
    this.#signal = AbortSignal.any([signal, source.lost]);
    this.#turns = new Turns(this.#signal);
    this.#layout = layoutOf(source.dataDir);
    this.#copier = new ContentCopier({
      layout: directory.layout,
      incomingDirectory: directory.layout.incomingDirectory,
      namesAre: options.verify ? "doubted" : "trusted",
      putDirectoryAside: (hash) => putDirectoryAside(directory.layout, hash),
      turns: this.#turns,
      onBytes: (bytes) => {
        this.#done.bytes += bytes;
        options.onProgress(this.#done);
      },
    });
  }

  /** All that the snapshot names is in the directory, durably. */
  async collect(): Promise<Collected> {
    const { source, directory, nowMs } = this.#options;
    const draft = directory.begin(nowMs());
    const noted = new BehindNote(source.dataDir).read();
    // Who hasn't repaired it in that time goes on with what there is.
    const lacking = noted !== undefined && restOf(noted, nowMs()) > 0 ? noted : undefined;
    const behind = lacking?.why;
    const lacks = lacking === undefined || lacksChanges(lacking) ? undefined : "rows";
    this.#swept = takeSweptNote(directory.layout);
    let takenAt = "";
    await copyDatabase({
      ...{ from: source.databasePath, to: draft.databasePath },
      whileItLasts: async (staged) => {
        takenAt = new Date(nowMs()).toISOString();
        await this.#capture(staged);
        if (this.#large.length === 0) await source.letStagedGo();
      },
    });
    if (this.#large.length > 0) {
      await this.#copyLarge();
      await source.letStagedGo();
    }
    // What was staged is looked for by its name, like all that the database names.
    await this.#copier.flush();
    const database = new SnapshotDatabase(draft.databasePath);
    try {
      database.seal(this.#captured);
      database.becomeItsOwn();
      database.check();
      const { store, schemaVersion } = database;
      directory.claim(store);
      await this.#copySealed(database);
      await this.#copier.finish();
      forgetReplaced(directory.layout);
      this.#noteLost(database);
      // Whatever was removed since nobody kept it for us may be missing.
      this.#signal.throwIfAborted();
      return { draft, takenAt, store, schemaVersion, behind, lacks, ...database.measure() };
    } finally {
      database.close();
    }
  }

  async publish({ draft, ...collected }: Collected): Promise<BackupResult> {
    const { source, directory, version, signal } = this.#options;
    directory.publish(draft, {
      ...{ ...collected, version, dataDir: source.dataDir, damaged: this.#damaged.length },
      database: await describeDatabase(draft.databasePath, new Turns(signal)),
    });
    const { takenAt, files, contents, bytes } = collected;
    return {
      isNewDirectory: directory.isNew,
      ...{ snapshot: draft.id, takenAt, files, contents, bytes },
      ...{ damaged: this.#damaged, copied: this.#copier.copied },
      ...(await this.#prune(draft.id)),
    };
  }

  close(): void {
    this.#copier.close();
  }

  /** What it fails with takes nothing from the snapshot that was made. */
  async #prune(made: string): Promise<Pick<BackupResult, keyof PruneResult | "pruneFailure">> {
    const { directory, keep, signal } = this.#options;
    let pruneFailure: NexusError | undefined;
    if (keep !== undefined) {
      try {
        const pruned = await pruneNoted(directory, { keep, made, swept: this.#swept, signal });
        return { ...pruned, pruneFailure };
      } catch (error) {
        signal.throwIfAborted();
        pruneFailure = fsError(error, { op: "remove backups from", path: directory.path });
      }
    }
    if (isSwept(directory.layout, this.#swept)) writeSweptNote(directory.layout);
    return {
      ...{ removed: undefined, pruneFailure, lacking: [] },
      snapshots: directory.countSnapshots(),
    };
  }

  /** Takes the bytes of what is staged while it is kept for us: the small ones at once. */
  async #capture(staged: readonly StagedFile[]): Promise<void> {
    const { source } = this.#options;
    for (let from = 0; from < staged.length; from += STAGED_A_CALL) {
      const files = staged.slice(from, from + STAGED_A_CALL);
      const found = await source.stagedBytes(files.map(({ id }) => id));
      for (const [index, file] of files.entries()) {
        const bytes = found[index];
        if (bytes?.kind === "bytes") {
          this.#captured.push({ ...file, content: await this.#copier.copyBytes(bytes.bytes) });
        } else if (bytes?.kind === "file") {
          this.#large.push(file);
        } else {
          // The file is made by the first write: until then there is nothing, and nothing is missing.
          const isEmpty = file.sizeBytes === 0;
          const content = isEmpty ? await this.#copier.copyBytes(new Uint8Array(0)) : undefined;
          this.#captured.push({ ...file, content });
        }
      }
    }
  }

  async #copyLarge(): Promise<void> {
    for (const file of this.#large) {
      const copied = await this.#copier.copyFile(stagingPath(this.#layout, file.id));
      this.#captured.push({ ...file, content: typeof copied === "string" ? undefined : copied });
    }
  }

  async #copySealed(database: SnapshotDatabase): Promise<void> {
    const { verify, onPlan } = this.#options;
    const missing: Content[] = [];
    const present: Content[] = [];
    for (const content of database.contents()) {
      if (!this.#copier.has(content)) missing.push(content);
      else if (verify) present.push(content);
      await this.#turns.take();
    }
    const bytes = [...missing, ...present].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    await onPlan({ contents: missing.length + present.length, bytes });
    this.#done = { contents: 0, bytes: 0 };
    const copy = async (content: Content) => {
      const problem = await this.#copier.copy(content, this.#layout);
      if (problem === undefined) return;
      const paths = database.pathsOf(content.hash);
      this.#damaged.push({ problem, hash: content.hash, paths });
    };
    for (const content of missing) {
      await copy(content);
      this.#done.contents += 1;
    }
    for (const content of present) {
      if (!(await this.#copier.isWhole(content))) {
        putAside(this.#options.directory.layout, content.hash);
        await copy(content);
      }
      this.#done.contents += 1;
    }
  }

  /** What was staged and isn't there. */
  #noteLost(database: SnapshotDatabase): void {
    for (const { ino, content } of this.#captured) {
      if (content !== undefined) continue;
      this.#damaged.push({ problem: "missing", hash: undefined, paths: [database.pathOf(ino)] });
    }
  }
}
