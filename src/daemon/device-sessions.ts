import { closeSync } from "node:fs";
import type { Nexus } from "../compose.js";
import type { IdentityRule } from "../config/config.js";
import type { NativeMount } from "../fuse/binding/fuse-native/mount-native.js";
import { PathSession } from "../fuse/binding/fuse-native/path-session.js";
import type { Coherence } from "../fuse/invalidation/coherence.js";
import { NotifierProcess } from "../fuse/invalidation/notifier/notifier-process.js";
import type { Pump } from "../fuse/pump.js";
import { Session } from "../fuse/session.js";
import type { NexusError } from "../model/errors.js";
import type { Identity } from "../model/identity.js";
import type { Logger } from "../telemetry/logger.js";
import { Callers } from "./callers/callers.js";
import { readUserDatabase } from "./callers/user-database.js";

/** How long a detached mount is served for those who still have files open. */
const GRACE_MS = 3000;

/** A device to serve: which mount of the daemon's it is, and as whom. */
export interface DeviceToServe {
  /** The daemon's own number for the mount. */
  readonly mount: number;
  /** An open /dev/fuse that was mounted; closed here. */
  readonly fd: number;
  /** What its requests come by, if not the device itself. */
  readonly native?: NativeMount;
  readonly identity: Identity;
  readonly readOnly: boolean;
  /** On whose behalf its users act, if not all of them on that of `identity`. */
  readonly identities: readonly IdentityRule[];
  readonly allowOther: boolean;
}

/** What the kernel holds of one mount, and what it has asked. */
export interface DeviceFigures {
  readonly mount: number;
  readonly requestsServed: number;
  readonly lookupsHeld: number;
  readonly openHandles: number;
}

export interface DeviceSessionsOptions {
  readonly pump: Pump;
  readonly nexus: Pick<Nexus, "fileSystem" | "readOnlyFileSystem" | "welcome">;
  /** What keeps the kernels of all of them from telling what isn't so any more. */
  readonly coherence: Coherence;
  readonly logger: Logger;
  /** The mount answers. */
  readonly onReady: (mount: number) => void;
  /** The mount is over; with the reason when the kernel and we never agreed. */
  readonly onEnd: (mount: number, failure: NexusError | undefined) => void;
}

/** The devices that the fs thread serves, on one pump and one store. */
export class DeviceSessions {
  readonly #options: DeviceSessionsOptions;
  readonly #sessions = new Map<number, Session | PathSession>();
  readonly #notifiers: NotifierProcess;

  constructor(options: DeviceSessionsOptions) {
    this.#options = options;
    this.#notifiers = new NotifierProcess(options);
  }

  /**
   * Serves a device until its mount ends, and closes it then. Errors: those of the store, `invalid-config`
   * (a user whom this machine doesn't know); it is closed.
   */
  attach(device: DeviceToServe): void {
    const { logger } = this.#options;
    const { mount, fd, readOnly, native } = device;
    let callers: Callers | undefined;
    try {
      callers = callersOf(device);
      if (!readOnly) this.#welcome(device, callers);
    } catch (error) {
      closeSync(fd);
      native?.port.close();
      throw error;
    }
    if (callers !== undefined && !device.allowOther) {
      logger.warn({ mount }, "'identities' without 'allow_other': nobody but who mounts comes in");
    }
    this.#sessions.set(
      mount,
      native === undefined ? this.#serve(device, callers) : this.#serveNative(device, native),
    );
    // The first of their changes shall not wait for it.
    if (this.#sessions.size > 1) this.#notifiers.warmUp();
  }

  /** A mount whose requests come by the device itself. */
  #serve(device: DeviceToServe, callers: Callers | undefined): Session {
    const { pump, coherence, logger, onReady } = this.#options;
    const { mount, fd, identity } = device;
    const session = new Session({
      ...{ fd, fs: this.#fsOf(device), logger },
      identify: (credentials) => (callers === undefined ? identity : callers.identify(credentials)),
      callersDiffer: callers !== undefined,
      sharing: {
        coherence,
        startNotifier: (opened, events) => this.#notifiers.start(opened, events),
        scheduler: pump,
      },
      onReady: () => onReady(mount),
      onEnd: (failure) => {
        pump.remove(session);
        this.#forget(device, session, failure);
      },
    });
    pump.add(session);
    return session;
  }

  /** One whose callbacks come on the main thread; the kernel has agreed with libfuse before. */
  #serveNative(device: DeviceToServe, native: NativeMount): PathSession {
    const { pump, coherence, logger, onReady } = this.#options;
    const { mount, identity } = device;
    const session = new PathSession({
      ...{ mount: native, fs: this.#fsOf(device), identity, logger, coherence },
      user: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 },
      onEnd: () => {
        pump.remove(session);
        pump.remove(session.end);
        this.#forget(device, session);
      },
    });
    pump.add(session);
    pump.add(session.end);
    onReady(mount);
    return session;
  }

  #fsOf({ readOnly }: DeviceToServe): Nexus["fileSystem"] {
    const { nexus } = this.#options;
    return readOnly ? nexus.readOnlyFileSystem : nexus.fileSystem;
  }

  /** It is out of the pump: the number of a closed descriptor may be the next device's at once. */
  #forget(
    { mount, fd }: DeviceToServe,
    session: Session | PathSession,
    failure?: NexusError,
  ): void {
    const { logger, onEnd } = this.#options;
    this.#sessions.delete(mount);
    closeSync(fd);
    logger.info({ mount, requests: session.requestsServed }, "the mount has ended");
    onEnd(mount, failure);
  }

  /** No mount is left. */
  close(): void {
    this.#notifiers.close();
  }

  /** What is there stays as it is: the directories of several users have to be open to them. */
  #welcome({ identity }: DeviceToServe, callers: Callers | undefined): void {
    const { nexus } = this.#options;
    for (const { identity: theirs, owner } of callers?.welcomes ?? []) {
      nexus.welcome(theirs, { owner });
    }
    nexus.welcome(identity);
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

/** Undefined when all users of a mount have its own identity. */
function callersOf({ identities: rules, identity: own }: DeviceToServe): Callers | undefined {
  if (rules.length === 0) return undefined;
  const ownerUid = process.getuid?.() ?? 0;
  return new Callers({ rules, own, ownerUid, users: readUserDatabase() });
}
