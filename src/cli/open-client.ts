import { loadConfig } from "../config/load.js";
import type { NexusClient } from "../sdk/client.js";
import { connectWith } from "../sdk/connect.js";
import type { OpenRequest } from "./frame.js";

/** How long a daemon that was unmounted may take to finish. */
const FINISHING_MS = 40_000;
/** How long another command may take: most are done in less than a second. */
const COMMAND_MS = 10_000;

/**
 * Opens the store that a command line names. One that another command has is waited for, so that two
 * commands beside each other both work. Errors: those of `connect()`.
 */
export async function openClient(request: OpenRequest): Promise<NexusClient> {
  const { settings, configPath, signal, patience } = request;
  const config = loadConfig({ explicit: settings, configPath, face: "command" });
  const deadline = performance.now() + COMMAND_MS;
  try {
    return await connectWith(config, {
      patience: {
        waitMs: patience === "none" ? 0 : FINISHING_MS,
        isFinishing: (holder) => {
          if (signal.aborted || patience === "none") return false;
          const isProgram = holder?.mountPoint === undefined;
          return holder?.hasEnded === true || (isProgram && performance.now() < deadline);
        },
        onWait: request.onWait,
        advice: "work with the files of its mount, if it has one, or choose another --data-dir",
      },
    });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}
