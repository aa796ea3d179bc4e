import {
  isWithin,
  type Limits,
  type QuotaTable,
  quotaExceeded,
  type Usage,
} from "../core/quota.js";
import type { TenantId } from "../model/ids.js";
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

  constructor(options: TenantQuotasOptions) {
    this.#options = options;
  }

  /** Asked before files are made. Errors: `quota-exceeded`. */
  requireFiles(
    tenantId: TenantId | undefined,
    { files, bytes }: { files: number; bytes: number },
  ): void {
    const limits = this.#options.table.of(tenantId);
    if (limits === undefined || tenantId === undefined) return;
    const more = { files, bytes };
    const fits = () => isWithin(limits, { usage: this.#usageOf(tenantId), more });
    if (fits()) return;
    // What was removed just now may still be counted.
    this.#options.reclaimer.reap();
    if (!fits()) throw quotaExceeded(tenantId, { limits, usage: this.#usageOf(tenantId), more });
  }

  /** Asked before a file gets this size. Errors: `quota-exceeded`. */
  requireSize(inode: Inode, { from, to }: { from: number; to: number }): void {
    if (to <= from) return;
    const { tenantId } = this.#options.metadata.describe(inode.ino) ?? {};
    this.requireFiles(tenantId, { files: 0, bytes: to - from });
  }

  /** A file got another size, which its row doesn't say yet. */
  noteSize(inode: Inode): void {
    const { metadata, table, activity } = this.#options;
    if (table.of(metadata.describe(inode.ino)?.tenantId) !== undefined) activity.tryRecord(inode);
  }

  /** The limits of a tenant and what it has; undefined for who has none. */
  stateOf(tenantId: TenantId | undefined): { limits: Limits; usage: Usage } | undefined {
    const limits = this.#options.table.of(tenantId);
    if (limits === undefined || tenantId === undefined) return undefined;
    return { limits, usage: this.#usageOf(tenantId) };
  }

  #usageOf(tenantId: TenantId): Usage {
    return this.#options.metadata.usageOf(tenantId);
  }
}
