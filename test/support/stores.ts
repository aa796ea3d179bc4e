import { join } from "node:path";
import { composeOn, type Nexus, quotaTable } from "../../src/compose.js";
import type { Config } from "../../src/config/config.js";
import type { Clock, Scheduler } from "../../src/model/clock.js";
import { SystemClock, TimerScheduler } from "../../src/model/clock.js";
import { layoutOf } from "../../src/storage/content/local/layout.js";
import { LocalContentJobs } from "../../src/storage/content/local/local-content-jobs.js";
import { LocalContentStore } from "../../src/storage/content/local/local-content-store.js";
import { checkpoint } from "../../src/storage/metadata/sqlite/checkpoint.js";
import type { Checkpointer } from "../../src/storage/metadata/sqlite/checkpointer.js";
import { SpaceReserve } from "../../src/storage/metadata/sqlite/space-reserve.js";
import { SqliteMetadataStore } from "../../src/storage/metadata/sqlite/sqlite-metadata-store.js";
import type { Logger } from "../../src/telemetry/logger.js";
import { silentLogger } from "./silent-logger.js";

// The real stores, on the thread of the test: the jobs that have threads of their own in the daemon
// run right here.

/** Tools for stores; what isn't given is real and silent. */
export interface Tools {
  readonly clock?: Clock;
  readonly scheduler?: Scheduler;
  readonly logger?: Logger;
  /** What does the checkpoints of the metadata store; without it they are done on the spot. */
  readonly checkpointer?: Checkpointer;
  /** Whether the metadata store counts what tenants have. */
  readonly countsUsage?: boolean;
}

function inlineCheckpointer(databasePath: string): Checkpointer {
  return {
    run: async () => {
      try {
        checkpoint(databasePath);
        return true;
      } catch {
        return false;
      }
    },
    close: async () => undefined,
  };
}

export function openMetadataStore(dataDir: string, tools: Tools = {}): SqliteMetadataStore {
  const databasePath = join(dataDir, "metadata.db");
  return new SqliteMetadataStore({
    databasePath,
    journalPath: join(dataDir, "metadata.journal"),
    reserve: new SpaceReserve(join(dataDir, "metadata.reserve")),
    cacheSizeMb: 8,
    countsUsage: tools.countsUsage ?? false,
    owner: { uid: 0, gid: 0 },
    clock: tools.clock ?? new SystemClock(),
    scheduler: tools.scheduler ?? new TimerScheduler(),
    checkpointer: tools.checkpointer ?? inlineCheckpointer(databasePath),
    logger: tools.logger ?? silentLogger,
  });
}

export function openContentStore(dataDir: string, tools: Tools = {}): LocalContentStore {
  const layout = layoutOf(dataDir);
  const jobs = new LocalContentJobs(layout);
  return new LocalContentStore({ layout, jobs, clock: tools.clock ?? new SystemClock() });
}

/** A whole namespace in this process. */
export function openNexus(
  dataDir: string,
  { config = {}, ...tools }: Omit<Tools, "countsUsage"> & { config?: Partial<Config> } = {},
): Nexus {
  const { quotaBytes, quotaFiles, quotas: own = [] } = config;
  const quotas = quotaTable({ quotaBytes, quotaFiles, quotas: own });
  return composeOn({
    config: { namespaces: [], mounts: [], atime: "relatime", readOnly: false, ...config },
    quotas,
    metadata: openMetadataStore(dataDir, { ...tools, countsUsage: !quotas.isEmpty }),
    contents: openContentStore(dataDir, tools),
    clock: tools.clock ?? new SystemClock(),
    scheduler: tools.scheduler ?? new TimerScheduler(),
    logger: tools.logger ?? silentLogger,
    owner: { uid: 0, gid: 0 },
  });
}
