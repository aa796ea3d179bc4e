import { join } from "node:path";
import { compose, routerOf } from "./compose.js";
import type { Config } from "./config/config.js";
import { namespaceTable } from "./core/namespace.js";
import { zonePath } from "./core/place.js";
import { SystemClock, TimerScheduler } from "./model/clock.js";
import { NexusError } from "./model/errors.js";
import { type CheckOptions, checkStore } from "./storage/check/check-store.js";
import type { CheckReport } from "./storage/check/report.js";
import { reportWithoutTables } from "./storage/check/without-tables.js";
import type { Zones } from "./storage/check/wrong-zones.js";
import { layoutOf } from "./storage/content/local/layout.js";
import { LocalContentJobs } from "./storage/content/local/local-content-jobs.js";
import { LocalContentStore } from "./storage/content/local/local-content-store.js";
import { lostDatabase, requireOwnStore } from "./storage/fit-to-open.js";
import { lacksTables } from "./storage/metadata/check/lacks-tables.js";
import { FOUND_NAMESPACE } from "./storage/metadata/check/lost-and-found.js";
import { checkpoint } from "./storage/metadata/sqlite/checkpoint.js";
import type { Checkpointer } from "./storage/metadata/sqlite/checkpointer.js";
import { journalIn } from "./storage/metadata/sqlite/journal.js";
import { SpaceReserve } from "./storage/metadata/sqlite/space-reserve.js";
import { SqliteMetadataStore } from "./storage/metadata/sqlite/sqlite-metadata-store.js";
import type { Logger } from "./telemetry/logger.js";

/** How long what a crash has left is sealed when a repair is over; the rest is for the next start. */
const DRAIN_MS = 30_000;

/**
 * Checks the data of a configuration. Errors: those of `checkStore` and `requireOwnStore`; `invalid-config` for a
 * repair that would show somebody what was hidden.
 */
export async function composeCheck(
  { config, logger }: { config: Config; logger: Logger },
  options: CheckOptions,
): Promise<CheckReport> {
  const { dataDir, dbPath: databasePath } = config;
  requireOwnStore(config);
  if (options.action === "repair") requirePrivatePlace(config);
  if (lacksTables(databasePath)) {
    return reportWithoutTables(lostDatabase(config), { dataDir, mode: options.mode });
  }
  const journalPath = journalIn(dataDir);
  const layout = layoutOf(dataDir);
  const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const clock = new SystemClock();
  const scheduler = new TimerScheduler();
  const replay = async () => {
    const metadata = new SqliteMetadataStore({
      ...{ databasePath, journalPath, owner, clock, scheduler, logger },
      reserve: new SpaceReserve(join(databasePath, "..", "metadata.reserve")),
      cacheSizeMb: config.cacheSizeMb,
      checkpointer: checkpointer(databasePath),
    });
    await metadata.close();
  };
  const openContents = () => {
    const jobs = new LocalContentJobs(layout);
    return new LocalContentStore({ layout, jobs, clock });
  };
  const start = async () => {
    const nexus = compose({ config: { ...config, readOnly: false }, scheduler, logger });
    await nexus.close({ drainMs: DRAIN_MS });
  };
  const router = routerOf(config);
  const zones: Zones = {
    rules: router.rules,
    of: (path) => zonePath(router.resolve(path).zone),
  };
  const place = { dataDir, databasePath, journalPath, layout };
  const store = { ...place, owner, zones, replay, openContents, start };
  return await checkStore(store, options);
}

/** What is found again was somebody's, and nobody knows whose: see `lost-and-found.ts`. */
function requirePrivatePlace({ namespaces }: Config): void {
  if (namespaceTable(namespaces).get(FOUND_NAMESPACE)?.adminOnly === true) return;
  throw new NexusError(
    "invalid-config",
    `a repair puts what it finds again into /${FOUND_NAMESPACE}, which this configuration opens to others: repair with one that doesn't redefine '${FOUND_NAMESPACE}'`,
  );
}

/** On the spot: nobody waits for this thread. */
function checkpointer(databasePath: string): Checkpointer {
  return {
    run: async () => {
      checkpoint(databasePath);
      return true;
    },
    close: async () => undefined,
  };
}
