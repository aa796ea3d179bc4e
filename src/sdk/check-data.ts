import { join } from "node:path";
import { composeCheck } from "../compose-check.js";
import type { Config } from "../config/config.js";
import { isKind, NexusError } from "../model/errors.js";
import type { CheckReport } from "../storage/check/report.js";
import { DataDirLock, readHolder } from "../storage/data-dir-lock.js";
import { requireOwnStore } from "../storage/fit-to-open.js";
import { openLibraryLogger } from "../telemetry/logger.js";
import { isStoreMissing } from "./open-store.js";
import { keptAwake } from "./operations.js";

export type { Finding } from "../storage/check/finding.js";
export type { CheckReport } from "../storage/check/report.js";

export interface CheckDataOptions {
  readonly config: Config;
  readonly action: "check" | "repair";
  readonly onProgress: (progress: {
    readonly doneBytes: number;
    readonly totalBytes: number;
  }) => void;
  readonly signal: AbortSignal;
}

/**
 * Checks a data directory: all of it when nobody has it open, and what can be told beside a daemon otherwise. A
 * repair wants it for itself. Errors: `not-found` (no store), `in-use` (a repair, while somebody has it), `corrupt` (a
 * restore that was cut short), `not-supported` (a newer schema, a backup), `io-failure`; the reason of `signal`.
 */
export async function checkData(options: CheckDataOptions): Promise<CheckReport> {
  requireStore(options.config);
  // What a repair has a start do is done by threads that keep nobody awake.
  return await keptAwake(check(options));
}

async function check({ config, ...options }: CheckDataOptions): Promise<CheckReport> {
  const { dataDir, logLevel, logFile } = config;
  const logger = openLibraryLogger({
    level: logLevel,
    file: logFile ?? join(dataDir, "nexus.log"),
  });
  const lock = await lockOf(dataDir);
  if (lock === undefined) {
    if (options.action === "repair") throw beingUsed(dataDir);
    return await composeCheck({ config, logger }, { ...options, mode: "online" });
  }
  try {
    return await composeCheck({ config, logger }, { ...options, mode: "offline" });
  } finally {
    lock.release();
  }
}

/** Undefined when somebody else has it. */
async function lockOf(dataDir: string): Promise<DataDirLock | undefined> {
  try {
    return await DataDirLock.acquire({
      dataDir,
      holder: { pid: process.pid, dataDir },
    });
  } catch (error) {
    if (isKind(error, "in-use")) return undefined;
    throw error;
  }
}

function requireStore(config: Config): void {
  const { dataDir } = config;
  requireOwnStore(config);
  if (!isStoreMissing(config)) return;
  throw new NexusError(
    "not-found",
    `there is no store at ${dataDir}; name another with --data-dir`,
    { path: dataDir },
  );
}

function beingUsed(dataDir: string): NexusError {
  const holder = readHolder(dataDir);
  const who = holder === undefined ? "another process" : `process ${holder.pid}`;
  const how =
    holder?.mountPoint === undefined && holder?.mounts === undefined
      ? "end that first"
      : `end its daemon first, with nexus umount --all --data-dir ${dataDir}`;
  return new NexusError(
    "in-use",
    `a repair needs ${dataDir} for itself, and ${who} has it: ${how}`,
    { path: dataDir },
  );
}
