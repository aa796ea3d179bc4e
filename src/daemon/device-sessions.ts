import { closeSync } from "node:fs";
import type { Nexus } from "../compose.js";
import type { Pump } from "../fuse/pump.js";
import { Session } from "../fuse/session.js";
import type { Scheduler } from "../model/clock.js";
import type { NexusError } from "../model/errors.js";
import type { Identity } from "../model/identity.js";
import type { Logger } from "../telemetry/logger.js";

/** How long a detached mount is served for those who still have files open. */
const GRACE_MS = 3000;

/** A device to serve: which mount of the daemon's it is, and as whom. */
export interface DeviceToServe {
  /** The daemon's own number for the mount. */
  readonly mount: number;
  /** An open /dev/fuse that was mounted; closed here. */
  readonly fd: number;
  readonly identity: Identity;
  readonly readOnly: boolean;
}

/** What the kernel holds of one mount, and what it has asked. */
export interface DeviceFigures {
  readonly mount: number;
  readonly requestsServed: number;
  readonly lookupsHeld: number;
  readonly openHandles: number;
}

export interface DeviceSessionsOptions {
  readonly pump: Pick<Pump, "add" | "remove"> & Scheduler;
  readonly nexus: Pick<Nexus, "fileSystem" | "readOnlyFileSystem" | "welcome">;
  readonly logger: Logger;
  /** The mount answers. */
  readonly onReady: (mount: number) => void;
  /** The mount is over; with the reason when the kernel and we never agreed. */
  readonly onEnd: (mount: number, failure: NexusError | undefined) => void;
}

/** The devices that the fs thread serves, on one pump and one store. */
export class DeviceSessions {
  readonly #options: DeviceSessionsOptions;
  readonly #sessions = new Map<number, Session>();

  constructor(options: DeviceSessionsOptions) {
    this.#options = options;
  }

  /** Serves a device until its mount ends, and closes it then. Errors: those of the store; it is closed. */
  attach({ mount, fd, identity, readOnly }: DeviceToServe): void {
    const { pump, nexus, logger, onReady, onEnd } = this.#options;
    try {
      if (!readOnly) nexus.welcome(identity);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    const session = new Session({
      fd,
      fs: readOnly ? nexus.readOnlyFileSystem : nexus.fileSystem,
      identify: ({ uid, gid, pid }) => ({ uid, gid, pid, identity }),
      logger,
      onReady: () => onReady(mount),
      onEnd: (failure) => {
        this.#sessions.delete(mount);
        // The number of a closed descriptor may be the next device's at once.
        pump.remove(session);
        closeSync(fd);
        logger.info({ mount, requests: session.requestsServed }, "the mount has ended");
        onEnd(mount, failure);
      },
    });
    this.#sessions.set(mount, session);
    pump.add(session);
  }

  /** The mount is detached: ends it after a grace period, also if somebody still holds it. */
  end(mount: number): void {
    this.#options.pump.after(GRACE_MS, () => this.#sessions.get(mount)?.abort());
  }

  figures(): DeviceFigures[] {
    return [...this.#sessions].map(([mount, { requestsServed, lookupsHeld, openHandles }]) => ({
      mount,
      requestsServed,
      lookupsHeld,
      openHandles,
    }));
  }
}
