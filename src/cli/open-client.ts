import { loadConfig } from "../config/load.js";
import { isKind, NexusError } from "../model/errors.js";
import type { Patience } from "../sdk/backup.js";
import type { NexusClient } from "../sdk/client.js";
import { connectWith } from "../sdk/connect.js";
import { isStoreMissing } from "../sdk/open-store.js";
import type { OpenRequest } from "./frame.js";

/** How long a daemon that was unmounted may take to finish. */
const FINISHING_MS = 70_000;
/** How long another command may take: most are done in less than a second. */
const COMMAND_MS = 10_000;

/**
 * Opens the store that a command line names. One that another command has is waited for, so that two
 * commands beside each other both work. Errors: those of `connect()`; `not-found` when there is no store
 * and none is to be made.
 */
export async function openClient(request: OpenRequest): Promise<NexusClient> {
  const { settings, configPath, signal, patience } = request;
  const config = loadConfig({ explicit: settings, configPath, face: "command" });
  if (request.missingStore === "refuse") requireStore(config);
  const deadline = performance.now() + COMMAND_MS;
  let mounted: { readonly mountPoint: string; readonly pid: number } | undefined;
  try {
    return await connectWith(config, {
      patience: {
        waitMs: patience === "none" ? 0 : FINISHING_MS,
        isFinishing: (holder) => {
          const { mountPoint, pid = 0, hasEnded = false } = holder ?? {};
          mounted = mountPoint === undefined || hasEnded ? undefined : { mountPoint, pid };
          if (signal.aborted || patience === "none") return false;
          return hasEnded || (mountPoint === undefined && performance.now() < deadline);
        },
        onWait: request.onWait,
        advice: "choose another --data-dir",
      },
    });
  } catch (error) {
    signal.throwIfAborted();
    if (mounted === undefined || !isKind(error, "in-use")) throw error;
    const { mountPoint, pid } = mounted;
    throw new NexusError(
      "in-use",
      `${config.dataDir} is mounted at ${mountPoint}, and the daemon (process ${pid}) has no socket to ask it through; its log says why. Work with the files there, or unmount it first with nexus umount ${mountPoint}`,
      { path: config.dataDir, cause: error },
    );
  }
}

/** Errors: `not-found` when there is no store. */
export function requireStore(config: Parameters<typeof isStoreMissing>[0]): void {
  if (!isStoreMissing(config)) return;
  throw new NexusError(
    "not-found",
    `there is no store at ${config.dataDir}; make one with nexus init, or name another with --data-dir`,
    { path: config.dataDir },
  );
}

/** For who opens the store otherwise: other commands are waited for, and who is on its way out. */
export function patienceOf({ signal, onWait }: Pick<OpenRequest, "signal" | "onWait">): Patience {
  const deadline = performance.now() + COMMAND_MS;
  return {
    waitMs: FINISHING_MS,
    isFinishing: (holder) => {
      const { mountPoint, hasEnded = false } = holder ?? {};
      if (signal.aborted) return false;
      return hasEnded || (mountPoint === undefined && performance.now() < deadline);
    },
    onWait,
    advice: "choose another --data-dir",
  };
}
