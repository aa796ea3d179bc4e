import { dirname, join } from "node:path";
import type { Config } from "./config/config.js";
import { MountTable } from "./core/mount-table.js";
import { namespaceTable } from "./core/namespace.js";
import { QuotaTable } from "./core/quota.js";
import { Router } from "./core/router.js";
import { VisibleZones } from "./core/visible-zones.js";
import type { Features } from "./features/features.js";
import { PathFiles } from "./features/files/path-files.js";
import { PathMetadata } from "./features/metadata/path-metadata.js";
import { LeaseKeeper } from "./features/queue/lease-keeper.js";
import { StoreQueue } from "./features/queue/store-queue.js";
import { FileSearch } from "./features/search/file-search.js";
import { NamespaceTransfer } from "./features/transfer/namespace-transfer.js";
import { StoreWatch } from "./features/watch/store-watch.js";
import { makeDirectoriesDurably } from "./libc/durability.js";
import { failpointsFor } from "./libc/killing-failpoints.js";
import { mostDescriptors } from "./libc/limits.js";
import { fsError } from "./libc/system-error.js";
import { type Clock, type Scheduler, SystemClock } from "./model/clock.js";
import { NexusError } from "./model/errors.js";
import { type Failpoints, NO_FAILPOINTS } from "./model/failpoint.js";
import type { Identity } from "./model/identity.js";
import { ROOT_INO } from "./model/ids.js";
import { runEach } from "./model/run-each.js";
import { forgetRestore } from "./storage/backup/unfinished-restore.js";
import { BehindNote } from "./storage/behind-note.js";
import type { ContentStore } from "./storage/content/content-store.js";
import { startContentJobsThread } from "./storage/content/local/content-jobs-worker.js";
import { layoutOf } from "./storage/content/local/layout.js";
import { LocalContentStore } from "./storage/content/local/local-content-store.js";
import { WorkerContentJobs } from "./storage/content/local/worker-content-jobs.js";
import { requireFitToOpen } from "./storage/fit-to-open.js";
import { noteIfBehind, restAfter } from "./storage/going-on-behind.js";
import type { MetadataStore } from "./storage/metadata/metadata-store.js";
import { startCheckpointThread } from "./storage/metadata/sqlite/checkpoint-worker.js";
import { journalIn } from "./storage/metadata/sqlite/journal.js";
import { SpaceReserve } from "./storage/metadata/sqlite/space-reserve.js";
import { SqliteMetadataStore } from "./storage/metadata/sqlite/sqlite-metadata-store.js";
import { WorkerCheckpointer } from "./storage/metadata/sqlite/worker-checkpointer.js";
import type { WorkCounts } from "./storage/metadata/work-store.js";
import type { Logger } from "./telemetry/logger.js";
import { version } from "./telemetry/version.js";
import { ActivityRecorder } from "./vfs/activity-recorder.js";
import { type ChangeSource, Changes } from "./vfs/changes.js";
import { AutomaticCollection } from "./vfs/content/automatic-collection.js";
import type { CollectedPart } from "./vfs/content/collect-all.js";
import { Collector } from "./vfs/content/collector.js";
import { Hold } from "./vfs/content/hold.js";
import { KnownDamage } from "./vfs/content/known-damage.js";
import { Promotion } from "./vfs/content/promotion.js";
import { Reclaimer } from "./vfs/content/reclaimer.js";
import { recover } from "./vfs/content/recovery.js";
import { Scrub, type ScrubFigures, scrubFigures } from "./vfs/content/scrub.js";
import { SealedReaders } from "./vfs/content/sealed-readers.js";
import { Sealing } from "./vfs/content/sealing.js";
import { Staging } from "./vfs/content/staging.js";
import type { FileSystem } from "./vfs/file-system.js";
import { HandleTable } from "./vfs/handle-table.js";
import { ensureDirectory } from "./vfs/home.js";
import { InodeTable } from "./vfs/inode-table.js";
import { NexusFileSystem } from "./vfs/nexus-file-system.js";
import { readOnlyView } from "./vfs/read-only-view.js";
import { TenantQuotas } from "./vfs/tenant-quotas.js";
import { VirtualFileSystem } from "./vfs/virtual/virtual-file-system.js";
import { Volume } from "./vfs/volume.js";
import { updateWorkIndex } from "./vfs/work-index.js";

const MINUTE_MS = 60_000;
const MEBIBYTE = 1024 * 1024;
/** Sealed contents that stay open at once, where the process may have so many descriptors. */
const MOST_READERS = 4096;

/** A namespace, open and running. */
export interface Nexus {
  readonly fileSystem: FileSystem;
  /** The same, through which nothing can be changed. */
  readonly readOnlyFileSystem: FileSystem;
  /** What is changed, by whichever face. */
  readonly changes: ChangeSource;
  /**
   * Makes the directories that belong to an identity, before it looks for them. With `users`, who has the
   * identity isn't who runs this program: an agent's workspace is its one user's then. What several users
   * share is open to all of them, because isolation alone says who gets there.
   */
  welcome(identity: Identity, users?: { readonly owner: Owner | undefined }): void;
  /** What is going on, in numbers. */
  figures(): StoreFigures;
  /** For who reads the files of the store beside it; it keeps nothing before it is begun. */
  hold(): Hold;
  /** Finds, or removes, what takes room and nothing needs, in one of `COLLECTOR_PARTS`. */
  readonly collect: (part: number, action: "remove" | "look") => Promise<CollectedPart>;
  /** What one identity can do, by path. */
  featuresFor(identity: Identity): Features;
  /**
   * Seals what waits, as far as `drainMs` reaches, and closes. What isn't done by then is taken up
   * at the next start.
   */
  close(options: { drainMs: number }): Promise<void>;
}

/** What a store does at a moment. */
export interface StoreFigures {
  /** Inodes that some kernel or client remembers. */
  readonly inodesKnown: number;
  readonly openHandles: number;
  /** Contents that aren't sealed yet, and their bytes. */
  readonly stagedFiles: number;
  readonly stagedBytes: number;
  /** Those of them that nobody writes to: they are sealed next. */
  readonly waitingToSeal: number;
  /** Work items of all tenants, by where they stand. */
  readonly work: WorkCounts;
  readonly scrub: ScrubFigures;
}

/** Who owns the directories that the system itself makes. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Opens the data directory and builds the running system. The only file that knows every class.
 * Errors: `invalid-config`, `corrupt`, `not-supported`, `io-failure`, `no-space`, `access-denied`.
 */
export function compose({
  config,
  scheduler,
  logger,
}: {
  config: Config;
  scheduler: Scheduler;
  logger: Logger;
}): Nexus {
  const { dataDir, dbPath, cacheSizeMb, failpoint } = config;
  requireFitToOpen(config);
  forgetRestore({ dataDir, databasePath: dbPath });
  const failpoints = failpointsFor(failpoint);
  if (failpoint !== undefined) {
    logger.warn({ failpoint }, "a failpoint is armed, as only tests do: this process kills itself");
  }
  const quotas = quotaTable(config);
  makeDirectory(dataDir);
  const clock = new SystemClock();
  const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  makeDirectory(dirname(dbPath));
  const journalPath = journalIn(dataDir);
  const behind = new BehindNote(dataDir);
  noteIfBehind({ databasePath: dbPath, journalPath }, { note: behind, clock, logger });
  const metadata = new SqliteMetadataStore({
    databasePath: dbPath,
    journalPath,
    // On the disk where the database needs it.
    reserve: new SpaceReserve(join(dirname(dbPath), "metadata.reserve")),
    cacheSizeMb,
    countsUsage: !quotas.isEmpty,
    owner,
    clock,
    scheduler,
    checkpointer: new WorkerCheckpointer({
      databasePath: dbPath,
      startThread: () => startCheckpointThread({ failpoint }),
      logger,
    }),
    logger,
    failpoints,
  });
  const layout = layoutOf(dataDir);
  const startThread = () => startContentJobsThread({ layout, failpoint });
  const jobs = new WorkerContentJobs({ startThread, clock, logger });
  const contents = new LocalContentStore({ layout, jobs, clock, failpoints });
  const collection = {
    graceMs: config.gcGraceMinutes * MINUTE_MS,
    intervalMs: config.gcIntervalHours * 60 * MINUTE_MS,
    restMs: restAfter(behind, { clock }),
  };
  const scrubbing = {
    bytesPerSecond: config.scrubRateMb * MEBIBYTE,
    intervalMs: config.scrubIntervalDays * 24 * 60 * MINUTE_MS,
  };
  const tools = { clock, scheduler, logger, failpoints };
  // The others are for contents that are being written, clients, and whatever is opened for a moment.
  const mostReaders = Math.min(MOST_READERS, Math.ceil(mostDescriptors() / 4));
  const settings = { config, quotas, collection, scrubbing, mostReaders };
  return composeOn({ metadata, contents, owner, ...settings, ...tools });
}

/** What the settings say of tenants' limits. */
export function quotaTable({
  quotaBytes,
  quotaFiles,
  quotas,
}: Pick<Config, "quotaBytes" | "quotaFiles" | "quotas">): QuotaTable {
  const all = {
    ...(quotaBytes === undefined ? {} : { bytes: quotaBytes }),
    ...(quotaFiles === undefined ? {} : { files: quotaFiles }),
  };
  return new QuotaTable({ all, own: quotas });
}

export interface StoresAndTools {
  readonly config: Pick<Config, "namespaces" | "mounts" | "atime" | "readOnly">;
  /** With any, the metadata store counts what tenants have. */
  readonly quotas?: QuotaTable;
  readonly metadata: MetadataStore;
  readonly contents: ContentStore;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly logger: Logger;
  readonly owner: Owner;
  /** When what nothing needs is collected: without it, when asked to, whatever its age. */
  readonly collection?: {
    readonly graceMs: number;
    /** 0: when asked to. */
    readonly intervalMs: number;
    /** Before that is over, when asked to; and nothing is removed that the last process left without a file. */
    readonly restMs?: number;
  };
  /** How fast contents are read to see whether they are whole, and how often: without it, or at 0 a second, never. */
  readonly scrubbing?: { readonly bytesPerSecond: number; readonly intervalMs: number };
  readonly failpoints?: Failpoints;
  /** How many sealed contents may stay open; thousands, if it isn't said. */
  readonly mostReaders?: number;
}

/** What paths mean by a configuration. Errors: `invalid-config`. */
export function routerOf(config: Pick<Config, "mounts" | "namespaces" | "readOnly">): Router {
  const mounts = new MountTable(config.mounts);
  return new Router({
    namespaces: namespaceTable(config.namespaces),
    // The kernel's own flag is set too, but root can remount without it.
    mounts: config.readOnly ? mounts.asReadonly() : mounts,
  });
}

/**
 * Puts a file system on two open stores, takes up what the last process left, and owns both stores
 * from then on.
 */
export function composeOn(options: StoresAndTools): Nexus {
  const { config, quotas: table, metadata, contents, clock, scheduler, logger, owner } = options;
  const { failpoints = NO_FAILPOINTS } = options;
  const router = routerOf(config);
  const inodes = new InodeTable();
  const damage = new KnownDamage({ scrub: metadata.scrub, logger });
  const readers = new SealedReaders({ most: options.mostReaders ?? MOST_READERS });
  const staging = new Staging({ metadata, contents, inodes, readers, damage, failpoints });
  const reclaimer = new Reclaimer({
    ...{ metadata, contents, staging, scheduler, logger },
    failpoints,
  });
  const parts = {
    ...{ metadata, contents, staging, inodes, reclaimer, damage, clock, scheduler, logger },
    failpoints,
  };
  const sealing = new Sealing(parts);
  const promotion = new Promotion({ ...parts, sealing });
  const { graceMs, intervalMs, restMs = 0 } = options.collection ?? { graceMs: 0, intervalMs: 0 };
  const collector = new Collector({ ...parts, graceMs });
  const handles = new HandleTable();
  const changes = new Changes();
  const activity = new ActivityRecorder(parts);
  const atimePolicy = config.atime;
  const hasQuotas = table !== undefined && !table.isEmpty;
  const quotas = hasQuotas ? new TenantQuotas({ ...parts, table, activity }) : undefined;
  const volume = new Volume({
    ...parts,
    router,
    handles,
    readers,
    promotion,
    activity,
    changes,
    atimePolicy,
    quotas,
  });
  admitRoot(volume);
  recover({ ...parts, promotion, restMs });
  updateWorkIndex(volume);
  for (const name of router.namespaceNames) ensureDirectory(volume, { path: `/${name}`, owner });
  const visible = new VisibleZones({ router });
  const leases = new LeaseKeeper({ work: metadata.work, ...parts });
  const fileSystem = new VirtualFileSystem({
    inner: new NexusFileSystem(volume),
    work: metadata.work,
    visible,
    clock,
    owner,
    version: version(),
  });

  const automatic =
    intervalMs > 0 && Number.isFinite(restMs)
      ? new AutomaticCollection({ collector, scheduler, logger, intervalMs, restMs })
      : undefined;
  const { scrubbing } = options;
  const scrub =
    scrubbing !== undefined && scrubbing.bytesPerSecond > 0
      ? new Scrub({ ...parts, ...scrubbing })
      : undefined;

  return {
    fileSystem,
    changes,
    readOnlyFileSystem: readOnlyView(fileSystem),
    figures: () => ({
      inodesKnown: inodes.size,
      openHandles: handles.size,
      stagedFiles: staging.size,
      stagedBytes: staging.bytes,
      waitingToSeal: promotion.waiting,
      work: metadata.work.countWork({ zones: "all" }),
      scrub: scrubFigures(metadata),
    }),
    hold: () => new Hold({ metadata, contents, staging, promotion, reclaimer, activity }),
    collect: (part, action) => collector.collect(part, action),
    featuresFor: (identity) => {
      // Who runs the program is who asks.
      const caller = { ...owner, pid: process.pid, identity };
      const parts = { fs: fileSystem, router, caller, scheduler };
      const files = new PathFiles(parts);
      const custom = new PathMetadata(parts);
      const queue = new StoreQueue({ ...parts, metadata, clock, visible });
      const watching = new StoreWatch({ ...parts, changes: metadata.changes, visible });
      return {
        caller,
        files,
        metadata: custom,
        transfer: new NamespaceTransfer({ fileSystem, caller, clock, files, metadata: custom }),
        search: new FileSearch({ files }),
        queue,
        watching,
        close: () => {
          queue.close();
          watching.close();
        },
      };
    },
    welcome: (identity, users) => {
      for (const path of router.homesOf(identity)) {
        const isAgents = router.resolve(path).zone.agentId !== undefined;
        const one = isAgents ? users?.owner : undefined;
        const own =
          one === undefined ? { owner, permissions: 0o777 } : { owner: one, permissions: 0o755 };
        ensureDirectory(volume, { path, owner, last: users === undefined ? undefined : own });
      }
    },
    close: ({ drainMs }) => {
      const deadlineMs = clock.monotonicMs() + drainMs;
      return runEach([
        () => leases.close(),
        () => automatic?.close(),
        () => collector.close(),
        () => scrub?.close(),
        () => activity.recordAll(),
        () => promotion.drain(deadlineMs),
        () => reclaimer.drain(),
        () => metadata.close(),
        () => contents.close(),
      ]);
    },
  };
}

/** The root is known without a look-up, for as long as the volume is open. */
function admitRoot(volume: Volume): void {
  const record = volume.metadata.getattr(ROOT_INO);
  if (record === undefined) throw new NexusError("corrupt", "the store has no root directory");
  const { ino, mode } = record;
  volume.inodes.admit({ ino, mode, place: volume.router.root }).lookups += 1;
}

function makeDirectory(path: string): void {
  try {
    makeDirectoriesDurably(path);
  } catch (error) {
    throw fsError(error, { op: "make the directory", path });
  }
}
