import { isDeepStrictEqual } from "node:util";
import type { HostMount } from "../libc/host-mounts.js";
import { messageOf, NexusError } from "../model/errors.js";
import type { Logger } from "../telemetry/logger.js";
import { version } from "../telemetry/version.js";
import type { DeviceToServe } from "./device-sessions.js";
import type { ServedDevice } from "./fs-thread.js";
import type { MountHost } from "./mount-host.js";
import type { MountSpec } from "./mount-spec.js";

/** A mount that a daemon serves. */
export interface Mount {
  /** The daemon's own number for it, never used twice. */
  readonly id: number;
  readonly spec: MountSpec;
  readonly since: Date;
}

/** A mount and where it is at a moment. */
export interface ListedMount extends Mount {
  /** It was taken out of the tree, and lives on for those who have files of it open. */
  readonly isDetached: boolean;
}

/** What became of a mount that its users were asked to leave. */
export type Removal =
  /** It has ended. */
  | "ended"
  /** It is out of the tree, and ends when its last file is closed. */
  | "detached"
  /** Somebody has mounted over it; it was left where it is. */
  | "covered";

/** How to end a mount that is in use: refuse, detach it and let its users finish, or soon anyway. */
export type WhenBusy = "refuse" | "detach" | "end";

export interface MountsOptions {
  /** What serves the devices. */
  readonly server: { attach(device: DeviceToServe): Promise<ServedDevice> };
  readonly host: MountHost;
  readonly logger: Logger;
  /** For the log. */
  readonly dataDir: string;
  readonly now: () => Date;
  /** A mount came, or one has ended. */
  readonly onChange: () => void;
}

interface Entry extends Mount {
  readonly own: HostMount | undefined;
  readonly device: ServedDevice;
  /** Resolves when it is over and forgotten, however it ended. */
  readonly over: Promise<void>;
}

/** The mounts of one daemon: made and ended one by one, none at the expense of another. */
export class Mounts {
  readonly #options: MountsOptions;
  readonly #entries = new Map<number, Entry>();
  /** Made again after a crash; whoever had asked for them then may ask again. */
  readonly #restored = new Set<number>();
  /** Mounts are made one after the other: two may want one place. */
  #lastMaking: Promise<unknown> = Promise.resolve();
  #making = 0;
  #lastId = 0;
  #isClosed = false;

  constructor(options: MountsOptions) {
    this.#options = options;
  }

  /** Whether there is no mount, and none is being made. */
  get isEmpty(): boolean {
    return this.#entries.size === 0 && this.#making === 0;
  }

  /** In the order in which they were made. */
  list(): readonly ListedMount[] {
    return [...this.#entries.values()].map(({ id, spec, since, own }) => ({
      ...{ id, spec, since },
      isDetached: !this.#isAttached(own),
    }));
  }

  /**
   * Makes a mount and waits until it answers. Errors: `in-use` and `invalid-argument` (the place is, or
   * lies in, a mount of this daemon), `closed` (the daemon is ending), those of the mount point, of
   * mounting and of the store. What it had made by then is taken away again. One that was restored just so,
   * and that nobody has asked for since, is the answer itself: both a daemon and who joins it are started
   * again after a crash, in any order.
   */
  async add(spec: MountSpec): Promise<Mount> {
    return await this.#oneByOne(async () => this.#takeRestored(spec) ?? (await this.#make(spec)));
  }

  /** Makes a mount again that there was before a crash, unless it is there already. Errors: as above. */
  async restore(spec: MountSpec): Promise<void> {
    await this.#oneByOne(async () => {
      if (this.#at(spec.mountPoint) !== undefined) return;
      const { id } = await this.#make(spec);
      this.#restored.add(id);
    });
  }

  async #oneByOne<T>(make: () => Promise<T>): Promise<T> {
    this.#making += 1;
    const making = this.#lastMaking.then(make);
    this.#lastMaking = making.catch(() => undefined);
    try {
      return await making;
    } finally {
      this.#making -= 1;
      this.#options.onChange();
    }
  }

  /**
   * Ends the newest mount at this place. Resolves when it has ended or is detached. Errors:
   * `not-found`, `busy` where that is refused, those of unmounting.
   */
  async remove(mountPoint: string, { whenBusy }: { whenBusy: WhenBusy }): Promise<Removal> {
    const entry = this.#at(mountPoint);
    if (entry === undefined) {
      throw new NexusError("not-found", `this daemon has no mount at ${mountPoint}`, {
        path: mountPoint,
      });
    }
    return await this.#end(entry, whenBusy);
  }

  /** Resolves when this mount is over; at once when there is none of that number. */
  async whenOver(id: number): Promise<void> {
    await this.#entries.get(id)?.over;
  }

  /** Resolves when none of the mounts that there are now is left. */
  async whenAllOver(): Promise<void> {
    await Promise.all([...this.#entries.values()].map(({ over }) => over));
  }

  /** Ends all mounts, also those in use, after a grace period, and takes no new ones from now on. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#lastMaking;
    await Promise.all([...this.#entries.values()].map((entry) => this.#end(entry, "end")));
    await this.whenAllOver();
  }

  #at(mountPoint: string): Entry | undefined {
    return [...this.#entries.values()].findLast(
      ({ spec, own }) => spec.mountPoint === mountPoint && this.#isAttached(own),
    );
  }

  #takeRestored(spec: MountSpec): Mount | undefined {
    const entry = this.#at(spec.mountPoint);
    if (entry === undefined || !isDeepStrictEqual(entry.spec, spec)) return undefined;
    return this.#restored.delete(entry.id) ? entry : undefined;
  }

  async #make(spec: MountSpec): Promise<Mount> {
    const { host, server, logger, dataDir, now } = this.#options;
    const { mountPoint, identity, identities, allowOther, readOnly } = spec;
    if (this.#isClosed) throw new NexusError("closed", "the daemon is ending");
    this.#requireApart(mountPoint);
    const { clearedStale, madeDirectory } = await host.prepare(spec);
    if (clearedStale) logger.warn({ mountPoint }, "cleared a mount whose daemon was gone");
    let own: HostMount | undefined;
    try {
      const mounted = await host.mount(spec);
      own = mounted.own;
      const id = ++this.#lastId;
      const device = await server.attach({
        ...{ mount: id, fd: mounted.fd },
        ...(mounted.native === undefined ? {} : { native: mounted.native }),
        ...{ identity, identities, allowOther, readOnly },
      });
      const over = device.ended.then(
        () => this.#forget(id),
        (error) => this.#lose(id, error),
      );
      const entry = { id, spec, since: now(), own, device, over };
      this.#entries.set(id, entry);
      const fields = { mount: id, mountPoint, identity, dataDir, version: version() };
      logger.info(fields, "mounted");
      return entry;
    } catch (error) {
      await this.#detach(own);
      if (madeDirectory) host.removeDirectory(mountPoint);
      throw error;
    }
  }

  /** A mount of our own can't be asked for what is there: we would wait for ourselves. */
  #requireApart(mountPoint: string): void {
    const { host } = this.#options;
    const isOwn = (mount: HostMount | undefined) =>
      mount !== undefined &&
      [...this.#entries.values()].some(({ own }) => own?.device === mount.device);
    const there = host.mountOver(mountPoint, { itself: true });
    if (there?.mountPoint === mountPoint && isOwn(there)) {
      throw new NexusError("in-use", `a Nexus namespace is mounted at ${mountPoint} already`, {
        path: mountPoint,
      });
    }
    const outer = host.mountOver(mountPoint, { itself: false });
    if (!isOwn(outer)) return;
    throw new NexusError(
      "invalid-argument",
      `the mount point ${mountPoint} lies inside the mount at ${outer?.mountPoint}, which is of the same store; choose a directory outside of it`,
      { path: mountPoint },
    );
  }

  async #end(entry: Entry, whenBusy: WhenBusy): Promise<Removal> {
    const { host, logger } = this.#options;
    const { own, device, over, spec } = entry;
    let state: Awaited<ReturnType<MountHost["unmount"]>>;
    try {
      state = await host.unmount(own, { lazy: whenBusy === "detach" });
    } catch (error) {
      if (whenBusy !== "end") throw error;
      const reason = messageOf(error);
      logger.warn({ mountPoint: own?.mountPoint, reason }, "still in use: detaching");
      state = (await this.#detach(own)) ?? "gone";
    }
    if (state === "covered") {
      logger.warn({ mountPoint: spec.mountPoint }, "another mount covers it: left where it is");
      if (whenBusy !== "end") return "covered";
    }
    // Whatever became of it: one that somebody had detached, or that is bound elsewhere or covered,
    // would go on for as long as it is used.
    if (whenBusy === "end") device.end();
    if (whenBusy === "refuse") {
      await over;
      return "ended";
    }
    return this.#entries.has(entry.id) ? "detached" : "ended";
  }

  /** Takes a mount out of the tree without asking it for anything; what is in the way is only logged. */
  async #detach(own: HostMount | undefined): Promise<Awaited<ReturnType<MountHost["unmount"]>>> {
    const { host, logger } = this.#options;
    try {
      return await host.unmount(own, { lazy: true });
    } catch (error) {
      logger.error({ err: error, mountPoint: own?.mountPoint }, "can't be unmounted");
      return "gone";
    }
  }

  #isAttached(own: HostMount | undefined): boolean {
    return own !== undefined && this.#options.host.isAttached(own);
  }

  #forget(id: number): void {
    const entry = this.#entries.get(id);
    this.#entries.delete(id);
    this.#restored.delete(id);
    this.#options.logger.info({ mount: id, mountPoint: entry?.spec.mountPoint }, "unmounted");
    this.#options.onChange();
  }

  /** It isn't served any more: its users get errors as soon as it is out of the tree. */
  async #lose(id: number, error: unknown): Promise<void> {
    const entry = this.#entries.get(id);
    this.#options.logger.error({ err: error, mount: id }, "a mount has failed");
    await this.#detach(entry?.own);
    this.#forget(id);
  }
}
