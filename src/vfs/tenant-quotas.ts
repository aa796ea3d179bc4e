import {
  isWithin,
  type Limits,
  type QuotaTable,
  quotaExceeded,
  type Usage,
} from "../core/quota.js";
import { NexusError } from "../model/errors.js";
import type { Ino, TenantId } from "../model/ids.js";
import type { MetadataStore } from "../storage/metadata/metadata-store.js";
import type { ActivityRecorder } from "./activity-recorder.js";
import type { Reclaimer } from "./content/reclaimer.js";
import type { Inode } from "./inode.js";

export interface TenantQuotasOptions {
  readonly table: QuotaTable;
  /** Opened so that it counts what tenants have. */
  readonly metadata: Pick<MetadataStore, "describe" | "usageOf">;
  readonly activity: Pick<ActivityRecorder, "record" | "tryRecord">;
  readonly reclaimer: Pick<Reclaimer, "reap">;
}

/**
 * Keeps tenants within their limits. What an inode takes is its tenant's: that of the place where it was made, or
 * else of whoever made it. A file without a name counts for as long as somebody has it open.
 *
 * The rows are what counts, so the size of a file whose tenant has limits is in its row after each change.
 */
export class TenantQuotas {
  readonly #options: TenantQuotasOptions;
  /** No inode ever changes its tenant, and each growing write asks for it. */
  readonly #tenants = new WeakMap<Inode, TenantId | "nobody">();

  constructor(options: TenantQuotasOptions) {
    this.#options = options;
  }

  /** Asked before files are made. So many bytes are counted twice just now. Errors: `quota-exceeded`. */
  requireFiles(
    tenantId: TenantId | undefined,
    { files, bytes, creditBytes = 0 }: { files: number; bytes: number; creditBytes?: number },
  ): void {
    const limits = this.#options.table.of(tenantId);
    if (limits === undefined || tenantId === undefined) return;
    const more = { files, bytes };
    const usage = () => {
      const counted = this.#usageOf(tenantId);
      return { ...counted, bytes: counted.bytes - creditBytes };
    };
    if (isWithin(limits, { usage: usage(), more })) return;
    // What was removed just now may still be counted.
    this.#options.reclaimer.reap();
    if (isWithin(limits, { usage: usage(), more })) return;
    throw quotaExceeded(tenantId, { limits, usage: usage(), more });
  }

  /**
   * Asked before a file gets this size. What doesn't become its size is `isUncounted`, and nobody with limits may
   * have that. Errors: `quota-exceeded`, `not-supported`.
   */
  requireSize(
    inode: Inode,
    { from, to, isUncounted = false }: { from: number; to: number; isUncounted?: boolean },
  ): void {
    if (to <= from) return;
    const tenantId = this.#knownTenantOf(inode);
    if (isUncounted && this.#options.table.of(tenantId) !== undefined) {
      const message = "with a quota, blocks can't be taken past the end of a file";
      throw new NexusError("not-supported", message, { op: "fallocate" });
    }
    const { quotaCredit: creditBytes = 0 } = inode;
    this.requireFiles(tenantId, { files: 0, bytes: to - from, creditBytes });
  }

  /** Asked before something else of an inode grows by so much. Errors: `quota-exceeded`. */
  requireBytes(ino: Ino, bytes: number): void {
    if (bytes > 0) this.requireFiles(this.#tenantOf(ino), { files: 0, bytes });
  }

  /** A file got another size, which its row doesn't say yet. */
  noteSize(inode: Inode): void {
    const { table, activity } = this.#options;
    if (table.of(this.#knownTenantOf(inode)) !== undefined) activity.tryRecord(inode);
  }

  /** The limits of a tenant and what it has; undefined for who has none. */
  stateOf(tenantId: TenantId | undefined): { limits: Limits; usage: Usage } | undefined {
    const limits = this.#options.table.of(tenantId);
    if (limits === undefined || tenantId === undefined) return undefined;
    return { limits, usage: this.#usageOf(tenantId) };
  }

  #tenantOf(ino: Ino): TenantId | undefined {
    return this.#options.metadata.describe(ino)?.tenantId;
  }

  #knownTenantOf(inode: Inode): TenantId | undefined {
    let known = this.#tenants.get(inode);
    if (known === undefined) {
      known = this.#tenantOf(inode.ino) ?? "nobody";
      this.#tenants.set(inode, known);
    }
    return known === "nobody" ? undefined : known;
  }

  #usageOf(tenantId: TenantId): Usage {
    return this.#options.metadata.usageOf(tenantId);
  }
}
