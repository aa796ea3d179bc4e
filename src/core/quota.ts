import { NexusError } from "../model/errors.js";
import type { TenantId } from "../model/ids.js";

/** How much a tenant may have. What isn't set has no limit. */
export interface Limits {
  /** Of all of its files' sizes together: each counts in full, also where contents are shared, or are holes. */
  readonly bytes?: number;
  /** Of everything that has an inode: files, directories, symlinks. */
  readonly files?: number;
}

/** The limits of one tenant. */
export interface QuotaRule extends Limits {
  readonly tenantId: TenantId;
}

/** How much a tenant has. */
export interface Usage {
  readonly bytes: number;
  readonly files: number;
}

/** Which limits hold for a tenant: its own, or else those that every tenant has. */
export class QuotaTable {
  readonly #all: Limits | undefined;
  readonly #own: ReadonlyMap<TenantId, Limits>;

  constructor({ all, own }: { all: Limits; own: readonly QuotaRule[] }) {
    this.#all = hasLimit(all) ? all : undefined;
    this.#own = new Map(own.map((rule) => [rule.tenantId, rule]));
  }

  /** Whether there is no limit for anybody. */
  get isEmpty(): boolean {
    return this.#all === undefined && this.#own.size === 0;
  }

  /** Undefined for who has none. What belongs to no tenant has none. */
  of(tenantId: TenantId | undefined): Limits | undefined {
    if (tenantId === undefined) return undefined;
    const limits = this.#own.get(tenantId) ?? this.#all;
    return limits !== undefined && hasLimit(limits) ? limits : undefined;
  }
}

/** Whether a tenant that has so much may have so much more. Who is past a limit already may still take away. */
export function isWithin(limits: Limits, { usage, more }: { usage: Usage; more: Usage }): boolean {
  return excess(limits, { usage, more }) === undefined;
}

/** The error for who may not. */
export function quotaExceeded(
  tenantId: TenantId,
  { limits, usage, more }: { limits: Limits; usage: Usage; more: Usage },
): NexusError {
  const what = excess(limits, { usage, more }) ?? "bytes";
  return new NexusError(
    "quota-exceeded",
    `the tenant '${tenantId}' may have ${limits[what]} ${what}, has ${usage[what]}, and needs ${more[what]} more`,
  );
}

function excess(
  limits: Limits,
  { usage, more }: { usage: Usage; more: Usage },
): "bytes" | "files" | undefined {
  return (["bytes", "files"] as const).find((what) => {
    const limit = limits[what];
    return limit !== undefined && more[what] > 0 && usage[what] + more[what] > limit;
  });
}

function hasLimit({ bytes, files }: Limits): boolean {
  return bytes !== undefined || files !== undefined;
}
