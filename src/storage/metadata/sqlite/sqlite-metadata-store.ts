import { randomInt } from "node:crypto";
import type Database from "better-sqlite3";
import type { Clock, Scheduler } from "../../../model/clock.js";
import { NexusError } from "../../../model/errors.js";
import { type Failpoints, NO_FAILPOINTS } from "../../../model/failpoint.js";
import {
  type ContentHash,
  canBeGiven,
  type Ino,
  type PathId,
  type StagingId,
  type TenantId,
} from "../../../model/ids.js";
import { PathIdSource } from "../../../model/path-id.js";
import { runEach } from "../../../model/run-each.js";
import { timestampToMs } from "../../../model/timestamp.js";
import type { Logger } from "../../../telemetry/logger.js";
import type { Imported, ImportRequest } from "../import-store.js";
import type {
  At,
  AttributeFamily,
  AttributeName,
  AttributeSizes,
  ContentCommit,
  CreateRequest,
  DirectoryEntry,
  DirectoryEntryPlus,
  DirectoryPage,
  EntryName,
  FileActivity,
  FileDescription,
  InodeRecord,
  LinkRequest,
  MetadataStore,
  NamePage,
  PlaceFileRequest,
  Reaped,
  RenameRequest,
  RenameResult,
  SealedContent,
  SetAttributeRequest,
  SetAttributesRequest,
  StagedRecord,
  TenantUsage,
  Unlinked,
} from "../metadata-store.js";
import * as attributes from "../operations/attributes.js";
import * as contents from "../operations/contents.js";
import { create, createUnnamed, link, type NewInode } from "../operations/create.js";
import { findContent, importFiles } from "../operations/import.js";
import { isClaimed } from "../operations/import-work.js";
import { initialize, readNextId, renumberStore, reserveIds } from "../operations/initialize.js";
import { placeFiles } from "../operations/place.js";
import * as reading from "../operations/read.js";
import { orphans, reap, rmdir, unlink } from "../operations/remove.js";
import { rename } from "../operations/rename.js";
import { COUNT_USAGE, usageOf } from "../operations/usage.js";
import type { Checkpointer } from "./checkpointer.js";
import { DatabasePlace } from "./database-place.js";
import { Journal } from "./journal.js";
import { LogKeeper } from "./log-keeper.js";
import { migrate, type OpenOptions, openDatabase, storeNumber } from "./open-database.js";
import { Recording } from "./recording.js";
import { settleTables } from "./settle-tables.js";
import type { SpaceReserve } from "./space-reserve.js";
import { SqliteChangeStore } from "./sqlite-change-store.js";
import { SqliteEngine } from "./sqlite-engine.js";
import { isMaybeFull, sqliteError } from "./sqlite-error.js";
import { SqliteScrubStore } from "./sqlite-scrub-store.js";
import { SqliteWorkStore } from "./sqlite-work-store.js";
import { WalSync } from "./wal-sync.js";

/** Numbers are taken from the database in blocks; a crash skips what is left of one. */
const ID_BLOCK = 10_000;
/** Without a reserve: whether there is room for one is looked at so often. */
const HOLD_AGAIN_MS = 10_000;

export interface SqliteMetadataStoreOptions {
  readonly databasePath: string;
  readonly journalPath: string;
  /** Room for the day when the disk is full. */
  readonly reserve: SpaceReserve;
  readonly cacheSizeMb: number;
  /** Whether it counts what each tenant has. */
  readonly countsUsage?: boolean;
  /** Who owns the root directory, when this makes the store. */
  readonly owner: { readonly uid: number; readonly gid: number };
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly checkpointer: Checkpointer;
  readonly logger: Logger;
  readonly failpoints?: Failpoints;
}

/** The embedded {@link MetadataStore}: one SQLite file in WAL mode, written by this process alone. */
export class SqliteMetadataStore implements MetadataStore {
  readonly #database: Database.Database;
  readonly #place: DatabasePlace;
  readonly #journal: Journal;
  readonly #engine: SqliteEngine;
  readonly #walSync: WalSync;
  readonly #checkpointer: Checkpointer;
  readonly #log: LogKeeper;
  readonly #reserve: SpaceReserve;
  readonly #clock: Clock;
  readonly #failpoints: Failpoints;
  readonly #pathIds = new PathIdSource();
  readonly work: SqliteWorkStore;
  readonly changes: SqliteChangeStore;
  readonly scrub: SqliteScrubStore;
  #inodeCount: number | undefined;
  #closing: Promise<void> | undefined;
  #nextId = 0;
  #idLimit = 0;
  /** How many commits there were, that of the last process included, and how many are durable. */
  #commits = 1;
  #syncedCommits = 0;
  #holdAgainAtMs = 0;

  /**
   * Opens or makes the store, replays the journal and migrates.
   * Errors: `corrupt`, `not-supported` (a newer schema), `io-failure`, `no-space`.
   */
  constructor(options: SqliteMetadataStoreOptions) {
    const { databasePath, cacheSizeMb, clock, scheduler, logger } = options;
    const { failpoints = NO_FAILPOINTS } = options;
    this.#clock = clock;
    this.#failpoints = failpoints;
    this.#walSync = new WalSync(databasePath, { logger });
    this.#checkpointer = options.checkpointer;
    this.#reserve = options.reserve;
    const database = this.#open({ path: databasePath, cacheSizeMb });
    this.#database = database;
    let journal: Journal | undefined;
    let engine: SqliteEngine | undefined;
    try {
      const { reserve, checkpointer } = options;
      this.#log = new LogKeeper({ database, checkpointer, reserve, logger, failpoints });
      const isNew = database.pragma("user_version", { simple: true }) === 0;
      if (isNew) migrate(database, { failpoints });
      settleTables(database, databasePath);
      const place = new DatabasePlace(databasePath);
      this.#place = place;
      journal = new Journal(options.journalPath, { storeNumber: storeNumber(database) });
      this.#journal = journal;
      const onCommit = () => this.#committed();
      const makeRoom = () => this.#makeRoom();
      const tools = { clock, scheduler, logger, failpoints };
      const recording = new Recording({ clock });
      const onEvents = { onCommit, makeRoom };
      engine = new SqliteEngine({ database, place, journal, ...tools, recording, ...onEvents });
      this.#engine = engine;
      this.work = new SqliteWorkStore({ engine, clock });
      this.changes = new SqliteChangeStore({ engine, recording, ...tools });
      this.scrub = new SqliteScrubStore({ engine });
      const replayed = engine.recover();
      if (replayed > 0)
        logger.info({ operations: replayed }, "metadata recovered from the journal");
      // A journal speaks of the schema it was written for, so it goes first.
      if (!isNew) migrate(database, { failpoints });
      this.changes.resume();
      const now = clock.now();
      const pathId = this.#pathIds.next(timestampToMs(now));
      this.#engine.write(initialize({ pathId, now, ...options.owner }));
      this.#nextId = this.#engine.read(readNextId());
      this.#idLimit = this.#nextId;
      const number = randomInt(2 ** 32);
      this.#engine.write(renumberStore(number));
      this.commit();
      journal.renumber(number);
      if (options.countsUsage) database.exec(COUNT_USAGE);
    } catch (error) {
      engine?.close();
      journal?.close();
      database.close();
      throw sqliteError(error, `open ${databasePath}`);
    }
  }

  lookup(entry: EntryName): InodeRecord | undefined {
    return this.#engine.read(reading.lookup(entry));
  }

  getattr(ino: Ino): InodeRecord | undefined {
    return this.#engine.read(reading.getattr(ino));
  }

  inodeOf(pathId: PathId): Ino | undefined {
    return this.#engine.read(reading.inodeOf(pathId));
  }

  readlink(ino: Ino): Uint8Array {
    return this.#engine.read(reading.readlink(ino));
  }

  readdir(page: DirectoryPage): DirectoryEntry[] {
    return this.#engine.read(reading.readdir(page));
  }

  readdirPlus(page: DirectoryPage): DirectoryEntryPlus[] {
    return this.#engine.read(reading.readdirPlus(page));
  }

  readdirByName(page: NamePage): DirectoryEntryPlus[] {
    return this.#engine.read(reading.readdirByName(page));
  }

  describe(ino: Ino): FileDescription | undefined {
    return this.#engine.read(reading.describe(ino));
  }

  entryOf(ino: Ino): EntryName | undefined {
    return this.#engine.read(reading.entryOf(ino));
  }

  entriesOfContent(hash: ContentHash): EntryName[] {
    return this.#engine.read(reading.entriesOfContent(hash));
  }

  countInodes(): number {
    this.#inodeCount ??= this.#engine.read(reading.countInodes());
    return this.#inodeCount;
  }

  usageOf(tenantId: TenantId): TenantUsage {
    return this.#engine.read(usageOf(tenantId));
  }

  create(request: CreateRequest): InodeRecord {
    return this.#counted(1, this.#engine.write(create({ ...request, ...this.#newInode(request) })));
  }

  createUnnamed(request: Omit<CreateRequest, "parent" | "name">): InodeRecord {
    const script = createUnnamed({ ...request, ...this.#newInode(request) });
    return this.#counted(1, this.#engine.write(script));
  }

  link(request: LinkRequest): InodeRecord {
    const linked = this.#engine.write(link({ ...request, cookie: this.nextId() }));
    this.work.tell("ready");
    return linked;
  }

  unlink(request: EntryName & At): Unlinked {
    return this.#engine.write(unlink(request));
  }

  rmdir(request: EntryName & At): Unlinked {
    return this.#engine.write(rmdir(request));
  }

  rename(request: RenameRequest): RenameResult {
    const whiteoutInode = request.whiteout === undefined ? undefined : this.#newInode(request);
    const script = rename({ ...request, cookie: this.nextId(), whiteoutInode });
    const { moved, replaced, leftWhiteout } = this.#engine.write(script);
    this.work.tell("ready");
    return this.#counted(leftWhiteout ? 1 : 0, { moved, replaced });
  }

  setattr(request: SetAttributesRequest): InodeRecord {
    return this.#engine.write(attributes.setattr(request));
  }

  recordActivity(activities: readonly FileActivity[]): void {
    this.#engine.write(attributes.recordActivity(activities));
  }

  getAttribute(request: AttributeName): Uint8Array | undefined {
    return this.#engine.read(attributes.getAttribute(request));
  }

  listAttributes(request: { ino: Ino; family: AttributeFamily }): string[] {
    return this.#engine.read(attributes.listAttributes(request));
  }

  measureAttributes(request: { ino: Ino; family: AttributeFamily }): AttributeSizes {
    return this.#engine.read(attributes.measureAttributes(request));
  }

  setAttribute(request: SetAttributeRequest): void {
    this.setAttributes([request]);
  }

  setAttributes(requests: readonly SetAttributeRequest[]): void {
    this.#engine.write(attributes.setAttributes(requests));
    if (requests.some(({ family }) => family === "custom")) this.#engine.publish();
    const works = requests.flatMap(({ work }) => work ?? []);
    for (const { zone } of works) this.work.noteZone(zone);
    if (works.length > 0) this.work.tell("ready");
  }

  removeAttribute(request: AttributeName & At): boolean {
    const removed = this.#engine.write(attributes.removeAttribute(request));
    this.#publishAttribute(request);
    if (request.family === "custom") this.work.tell("ready");
    return removed;
  }

  stage(request: { ino: Ino; stagingId: StagingId }): void {
    this.#engine.write(contents.stage(request));
  }

  stagedContents(): StagedRecord[] {
    return this.#engine.read(contents.stagedContents());
  }

  announceContents(announced: readonly SealedContent[]): void {
    this.#engine.write(contents.announceContents(announced, { now: this.#clock.now() }));
  }

  commitContents(commits: readonly ContentCommit[]): ContentHash[] {
    return this.#engine.write(contents.commitContents(commits));
  }

  referenceContent(request: { from: Ino; to: Ino } & At): ContentHash | undefined {
    return this.#engine.write(contents.referenceContent(request));
  }

  placeFiles(requests: readonly PlaceFileRequest[]): ContentHash[] {
    const numbered = requests.map((request) => ({ ...request, cookie: this.nextId() }));
    return this.#engine.write(placeFiles(numbered));
  }

  findContent(hash: ContentHash): SealedContent | undefined {
    return this.#engine.read(findContent(hash));
  }

  importFiles(request: ImportRequest): Imported {
    // Numbers may take a transaction of their own, so they come before this one.
    const numbers = {
      directories: request.directories.map(() => this.#newInode(request)),
      files: request.files.map(({ target }) =>
        "ino" in target ? undefined : this.#newInode(request),
      ),
    };
    const made = numbers.directories.length + numbers.files.filter(Boolean).length;
    const imported = this.#counted(made, this.#engine.write(importFiles(request, numbers)));
    this.#engine.publish();
    for (const { work } of request.files) this.work.noteZone(work.zone);
    if (request.files.some(isClaimed)) this.work.noteLeases();
    this.work.tell("ready");
    return imported;
  }

  unreferencedContents(): ContentHash[] {
    return this.#engine.read(contents.unreferencedContents());
  }

  selectUnreferenced(hashes: readonly ContentHash[]): ContentHash[] {
    return this.#engine.read(contents.selectUnreferenced(hashes));
  }

  selectUnknown(hashes: readonly ContentHash[]): ContentHash[] {
    return this.#engine.read(contents.selectUnknown(hashes));
  }

  forgetContents(hashes: readonly ContentHash[]): void {
    this.#engine.write(contents.forgetContents(hashes));
  }

  orphans(): Ino[] {
    return this.#engine.read(orphans());
  }

  reap(inos: readonly Ino[]): Reaped {
    const reaped = this.#engine.write(reap(inos));
    return this.#counted(-reaped.count, reaped);
  }

  nextId(): number {
    if (this.#nextId === this.#idLimit) {
      if (!canBeGiven(this.#nextId + ID_BLOCK)) {
        throw new NexusError("no-space", "there are no numbers left for new files");
      }
      this.#engine.write(reserveIds(this.#nextId + ID_BLOCK));
      this.#idLimit += ID_BLOCK;
    }
    return this.#nextId++;
  }

  skipIds(highest: number): void {
    if (highest < this.#nextId) return;
    this.#nextId = highest + 1;
    if (this.#nextId <= this.#idLimit) return;
    this.#engine.write(reserveIds(this.#nextId));
    this.#idLimit = this.#nextId;
  }

  hasRoom(): boolean {
    if (this.#reserve.isGivenBack) this.#reserve.hold();
    return !this.#reserve.isGivenBack;
  }

  commit(): void {
    this.#engine.commit();
  }

  publish(): void {
    this.#engine.publish();
  }

  async sync(): Promise<void> {
    this.commit();
    const committed = this.#commits;
    if (this.#syncedCommits >= committed) return;
    await this.#walSync.sync();
    this.#failpoints.reach("metadata-synced");
    this.#syncedCommits = Math.max(this.#syncedCommits, committed);
  }

  close(): Promise<void> {
    this.#closing ??= this.#closeOnce();
    return this.#closing;
  }

  /** All of it, whatever fails on the way: what stayed open would keep the next start out. */
  #closeOnce(): Promise<void> {
    return runEach([
      () => this.#place.requireKept(),
      () => this.sync(),
      () => this.changes.close(),
      () => this.#engine.close(),
      () => this.#checkpointer.close(),
      () => this.#walSync.close(),
      () => this.#reserve.hold(),
      () => this.#journal.close(),
      // The last connection to close checkpoints and removes the log.
      () => this.#database.close(),
    ]);
  }

  /** Keeps the number of inodes, which takes a while to count, once it was counted. */
  #counted<T>(change: number, result: T): T {
    if (this.#inodeCount !== undefined) this.#inodeCount += change;
    return result;
  }

  /** People and queues look for custom metadata by SQL, so they shall see it at once. */
  #publishAttribute({ family }: AttributeName): void {
    if (family === "custom") this.#engine.publish();
  }

  #newInode({ now }: At): NewInode {
    return {
      ino: this.nextId() as Ino,
      pathId: this.#pathIds.next(timestampToMs(now)),
    };
  }

  /** On a full disk, opening already needs room: for the log and its index. */
  #open(options: OpenOptions): Database.Database {
    try {
      return openDatabase(options);
    } catch (error) {
      if (!isMaybeFull(error) || !this.#giveBack()) throw error;
      return openDatabase(options);
    }
  }

  /** The database has to have its room before the log can take all of it. */
  #makeRoom(): boolean {
    const hasGivenBack = this.#giveBack();
    return this.#log.empty() || hasGivenBack;
  }

  #giveBack(): boolean {
    this.#holdAgainAtMs = this.#clock.monotonicMs() + HOLD_AGAIN_MS;
    return this.#reserve.release();
  }

  #committed(): void {
    this.#commits += 1;
    if (!this.#reserve.isHeld && this.#clock.monotonicMs() >= this.#holdAgainAtMs) {
      this.#holdAgainAtMs = this.#clock.monotonicMs() + HOLD_AGAIN_MS;
      this.#reserve.hold();
    }
    this.#log.afterCommit();
  }
}
