import { realpathSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { compose, type Nexus } from "../compose.js";
import type { Config } from "../config/config.js";
import { TimerScheduler } from "../model/clock.js";
import { NexusError } from "../model/errors.js";
import { runEach } from "../model/run-each.js";
import { DataDirLock, type Patience } from "../storage/data-dir-lock.js";
import { lacksRestore, lostDatabase, type StorePlace } from "../storage/fit-to-open.js";
import { openLibraryLogger } from "../telemetry/logger.js";

/** How long contents are sealed at the last close; the rest is taken up at the next start. */
const DRAIN_MS = 30_000;
/** How long a daemon that was unmounted may take to finish. */
const FINISHING_MS = 70_000;
const ADVICE = "choose another data directory";

/** A program waits for a daemon that is on its way out, and for nobody else. */
const PATIENCE: Patience = {
  waitMs: FINISHING_MS,
  isFinishing: (holder) => holder?.hasEnded === true,
  onWait: () => undefined,
  advice: ADVICE,
};

/** What all clients of one store have in common. */
type StoreSettings = Pick<
  Config,
  "dbPath" | "namespaces" | "mounts" | "atime" | "readOnly" | "cacheSizeMb"
>;

interface SharedStore {
  readonly settings: StoreSettings;
  readonly opened: Promise<Opened>;
  users: number;
  closed: Promise<void> | undefined;
}

interface Opened {
  readonly nexus: Nexus;
  readonly lock: DataDirLock;
}

/** A client's share of an open store. */
export interface StoreShare {
  readonly nexus: Nexus;
  /** Gives it back; the last one closes the store, and waits until it is closed. */
  release(): Promise<void>;
}

/**
 * The open stores of this process, by their real directory. A process can open a store only once
 * (one writer, one lock), and only the process knows that two callers of `connect()` who never heard
 * of each other mean the same one: so this is the one piece of module state.
 */
const STORES = new Map<string, SharedStore>();

/**
 * Opens the store of a configuration, or shares the one that is open. Errors: `in-use` (another
 * process has it, or this one with other settings), those of `compose` and of the lock.
 */
export async function openStore(config: Config, patience = PATIENCE): Promise<StoreShare> {
  const key = realPath(config.dataDir);
  for (;;) {
    const shared = STORES.get(key);
    if (shared?.closed !== undefined) {
      await shared.closed.catch(() => undefined);
      continue;
    }
    if (shared !== undefined) requireSame(shared.settings, config);
    return await share(key, shared ?? begin(key, { config, patience }));
  }
}

/**
 * Whether opening this store would make it: its directory isn't there, or its database isn't and nobody is about to
 * make it. What can't be looked at is not missing, nor is what is left of a store without its database, nor a restore
 * that was cut short; opening says what is wrong with it.
 */
export function isStoreMissing(place: StorePlace): boolean {
  const { dataDir, dbPath } = place;
  if (isMissing(dataDir)) return true;
  if (!isMissing(dbPath) || DataDirLock.isHeld(dataDir)) return false;
  return lostDatabase(place) === undefined && !lacksRestore(place);
}

function isMissing(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) === undefined;
  } catch {
    return false;
  }
}

function begin(
  key: string,
  { config, patience }: { config: Config; patience: Patience },
): SharedStore {
  const { dbPath, namespaces, mounts, atime, readOnly, cacheSizeMb } = config;
  const settings = { dbPath, namespaces, mounts, atime, readOnly, cacheSizeMb };
  const store = { settings, opened: open(config, patience), users: 0, closed: undefined };
  STORES.set(key, store);
  return store;
}

async function share(key: string, store: SharedStore): Promise<StoreShare> {
  store.users += 1;
  try {
    const { nexus, lock } = await store.opened;
    let isReleased = false;
    return {
      nexus,
      release: async () => {
        if (isReleased) return;
        isReleased = true;
        store.users -= 1;
        if (store.users > 0) return;
        store.closed = close({ nexus, lock }).finally(() => forget(key, store));
        await store.closed;
      },
    };
  } catch (error) {
    forget(key, store);
    throw error;
  }
}

/** Unless another one has its place already. */
function forget(key: string, store: SharedStore): void {
  if (STORES.get(key) === store) STORES.delete(key);
}

async function open(config: Config, patience: Patience): Promise<Opened> {
  const { dataDir, logLevel, logFile } = config;
  const lock = await DataDirLock.acquire({
    dataDir,
    holder: { pid: process.pid, dataDir },
    ...patience,
  });
  try {
    const logger = openLibraryLogger({
      level: logLevel,
      file: logFile ?? join(dataDir, "nexus.log"),
    });
    return { nexus: compose({ config, scheduler: new TimerScheduler(), logger }), lock };
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function close({ nexus, lock }: Opened): Promise<void> {
  await runEach([() => nexus.close({ drainMs: DRAIN_MS }), () => lock.release()]);
}

/** Errors: `in-use` naming the setting. */
function requireSame(settings: StoreSettings, config: Config): void {
  for (const key of Object.keys(settings) as (keyof StoreSettings)[]) {
    if (isDeepStrictEqual(settings[key], config[key])) continue;
    throw new NexusError(
      "in-use",
      `the data directory ${config.dataDir} is open in this process with a different '${key}'; close that client first, or ${ADVICE}`,
      { path: config.dataDir },
    );
  }
}

/** Of a directory that may not exist yet. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    // What is wrong with it shows when it is opened.
    return dirname(path) === path ? path : join(realPath(dirname(path)), basename(path));
  }
}
