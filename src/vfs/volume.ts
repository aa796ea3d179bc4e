import { authorize, authorizeChange, isBoundWithin, mayBeFile } from "../core/isolation.js";
import { isStructural, type Place } from "../core/place.js";
import type { Router } from "../core/router.js";
import { type Attributes, isDirectory } from "../model/attributes.js";
import type { Clock } from "../model/clock.js";
import { NexusError } from "../model/errors.js";
import type { Failpoints } from "../model/failpoint.js";
import type { Caller } from "../model/identity.js";
import type { Ino } from "../model/ids.js";
import type { Timestamp } from "../model/timestamp.js";
import type { ContentStore } from "../storage/content/content-store.js";
import type { InodeRecord, MetadataStore, Unlinked } from "../storage/metadata/metadata-store.js";
import type { Logger } from "../telemetry/logger.js";
import type { ActivityRecorder } from "./activity-recorder.js";
import type { Changes } from "./changes.js";
import type { Promotion } from "./content/promotion.js";
import type { Reclaimer } from "./content/reclaimer.js";
import type { SealedReaders } from "./content/sealed-readers.js";
import type { Staging } from "./content/staging.js";
import type { Entry } from "./file-system.js";
import type { HandleTable } from "./handle-table.js";
import type { Inode } from "./inode.js";
import type { InodeTable } from "./inode-table.js";
import type { TenantQuotas } from "./tenant-quotas.js";

/** When reading a file moves its access time; mount(8). */
export type AtimePolicy = "relatime" | "strictatime" | "noatime";

export interface VolumeParts {
  readonly metadata: MetadataStore;
  readonly contents: ContentStore;
  readonly router: Router;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly inodes: InodeTable;
  readonly handles: HandleTable;
  readonly readers: SealedReaders;
  readonly staging: Staging;
  readonly promotion: Promotion;
  readonly reclaimer: Reclaimer;
  readonly activity: ActivityRecorder;
  readonly changes: Changes;
  readonly atimePolicy: AtimePolicy;
  /** Undefined when no tenant has a limit. */
  readonly quotas: TenantQuotas | undefined;
  readonly failpoints: Failpoints;
}

/**
 * What all operations share: the stores, the tables of what is open, and the few steps that every
 * operation begins or ends with. The operations themselves are in `ops/`.
 */
export class Volume {
  readonly metadata: MetadataStore;
  readonly contents: ContentStore;
  readonly router: Router;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly inodes: InodeTable;
  readonly handles: HandleTable;
  readonly readers: SealedReaders;
  readonly staging: Staging;
  readonly promotion: Promotion;
  readonly reclaimer: Reclaimer;
  readonly activity: ActivityRecorder;
  readonly changes: Changes;
  readonly atimePolicy: AtimePolicy;
  readonly quotas: TenantQuotas | undefined;
  readonly failpoints: Failpoints;
  /** Directories with names that are none, of which the log has been told. */
  readonly misnamed = new WeakSet<Inode>();

  constructor(parts: VolumeParts) {
    this.metadata = parts.metadata;
    this.contents = parts.contents;
    this.router = parts.router;
    this.clock = parts.clock;
    this.logger = parts.logger;
    this.inodes = parts.inodes;
    this.handles = parts.handles;
    this.readers = parts.readers;
    this.staging = parts.staging;
    this.promotion = parts.promotion;
    this.reclaimer = parts.reclaimer;
    this.activity = parts.activity;
    this.changes = parts.changes;
    this.atimePolicy = parts.atimePolicy;
    this.quotas = parts.quotas;
    this.failpoints = parts.failpoints;
    this.activity.whenRecorded((inode) => this.letGoUnused(inode));
    this.staging.whenCopied((inode) => this.letGoUnused(inode));
  }

  /** The inode, once the caller may see it. Errors: `stale`, `access-denied`. */
  readable(caller: Caller, ino: Ino): Inode {
    const inode = this.inodes.get(ino);
    authorize(caller.identity, { place: inode.place, access: "read" });
    return inode;
  }

  /** The inode, once the caller may change it. Errors: `stale`, `access-denied`, `read-only`. */
  changeable(caller: Caller, ino: Ino): Inode {
    const inode = this.inodes.get(ino);
    authorizeChange(caller.identity, inode.place);
    return inode;
  }

  /** The place of a name in a directory, once the caller may look there. */
  readablePlace(caller: Caller, { parent, name }: { parent: Ino; name: string }): Place {
    const place = this.router.child(this.inodes.get(parent).place, name);
    authorize(caller.identity, { place, access: "read" });
    return place;
  }

  /** The same, once the caller may make something there. */
  writablePlace(caller: Caller, { parent, name }: { parent: Ino; name: string }): Place {
    const place = this.router.child(this.inodes.get(parent).place, name);
    authorize(caller.identity, { place, access: "write" });
    return place;
  }

  /** The same for anything but a directory. Errors: `not-permitted` where {@link mayBeFile} says no. */
  writableFilePlace(caller: Caller, entry: { parent: Ino; name: string }): Place {
    const place = this.writablePlace(caller, entry);
    this.requireFilePlace(caller, { place, ...entry });
    return place;
  }

  /** The second half of it. */
  requireFilePlace(
    { identity }: Caller,
    { place, parent, name }: { place: Place; parent: Ino; name: string },
  ): void {
    if (mayBeFile(identity, { place, parent: this.inodes.get(parent).place })) return;
    throw new NexusError("not-permitted", `'${name}' can only be a directory here`, {
      path: place.path ?? name,
    });
  }

  /**
   * The same, once the caller may take away what is there. The roots of namespaces stay: `busy`.
   */
  removablePlace(caller: Caller, { parent, name }: { parent: Ino; name: string }): Place {
    const parentPlace = this.inodes.get(parent).place;
    const place = this.router.child(parentPlace, name);
    authorizeChange(caller.identity, place);
    if (parentPlace.awaits === "namespace" && place.zone.namespace !== undefined) {
      throw new NexusError("busy", `'${name}' is the root of a namespace`, {
        path: place.path ?? name,
      });
    }
    return place;
  }

  /** What stat(2) tells: the row, and what happened since. */
  attributes(caller: Caller, { record, place }: { record: InodeRecord; place: Place }): Attributes {
    const current = this.activity.appliedTo(record, this.inodes.peek(record.ino));
    const isShared = isDirectory(record.mode) && isStructural(place);
    return isShared && !seesAll(caller, place) ? withoutTraces(current) : current;
  }

  /** What a name led to, with one look-up counted. */
  admit(caller: Caller, { record, place }: { record: InodeRecord; place: Place }): Entry {
    const inode = this.countLookup({ record, place });
    return { ino: record.ino, attributes: this.attributes(caller, { record, place: inode.place }) };
  }

  countLookup({ record, place }: { record: InodeRecord; place: Place }): Inode {
    const inode = this.inodes.admit({ ino: record.ino, mode: record.mode, place });
    inode.lookups += 1;
    return inode;
  }

  /** The row of an inode. Errors: `not-found`. */
  record(inode: Inode): InodeRecord {
    const record = this.metadata.getattr(inode.ino);
    if (record === undefined) throw new NexusError("not-found", `inode ${inode.ino} is gone`);
    return record;
  }

  /** The size of a regular file as it is now. */
  sizeBytes(inode: Inode): number {
    return this.staging.of(inode.ino)?.sizeBytes ?? this.record(inode).sizeBytes;
  }

  /** An inode lost a name at this time; with the last one it becomes an orphan. */
  noteUnlinked(
    { ino, nlink }: Unlinked,
    { now, caller }: { now: Timestamp; caller: Caller },
  ): void {
    this.changes.note({ kind: "attributes", ino }, caller);
    const inode = this.inodes.peek(ino);
    if (inode !== undefined) this.activity.raiseCtime(inode, now);
    if (nlink > 0) return;
    if (inode === undefined) this.reclaimer.orphan(ino);
    else inode.isOrphan = true;
  }

  /** Lets go of an inode that was known only until something was done, if that is so still. */
  letGoUnused(inode: Inode): void {
    if (!inode.isInUse && this.inodes.peek(inode.ino) === inode) this.letGo(inode);
  }

  /**
   * A look-up or a handle went: lets go of what only they kept. What can't be recorded now keeps the
   * inode known, so that whoever comes next is told of it, until it is.
   */
  letGo(inode: Inode): void {
    if (inode.handles === 0) {
      this.readers.close(inode);
      this.staging.of(inode.ino)?.close();
    }
    if (inode.isInUse) return;
    if (!inode.isOrphan && !this.activity.tryRecord(inode)) return;
    this.inodes.delete(inode);
    if (inode.isOrphan) this.reclaimer.orphan(inode.ino);
  }
}

/** Whether no entry of a directory is closed to the caller. */
function seesAll({ identity }: Caller, place: Place): boolean {
  return identity.isAdmin || !isBoundWithin(place, identity);
}

/**
 * The links and times of a directory that tenants or agents share would tell of entries that the
 * caller may not know of. One link says "not counted", as btrfs does.
 */
function withoutTraces(record: InodeRecord): InodeRecord {
  const { btime } = record;
  return { ...record, nlink: 1, atime: btime, mtime: btime, ctime: btime };
}
