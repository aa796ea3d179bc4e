import type { AgentId, Ino, TenantId } from "./ids.js";

/**
 * On whose behalf an operation runs. Fixed for a mount or a client when it opens. Without a tenant
 * (agent) there is no tenant (agent) isolation; an admin passes both.
 */
export interface Identity {
  readonly tenantId?: TenantId;
  readonly agentId?: AgentId;
  readonly isAdmin: boolean;
}

/** Whether there are tenants or agents whose files the identity is kept out of. */
export function isBound({ tenantId, agentId, isAdmin }: Identity): boolean {
  return !isAdmin && (tenantId !== undefined || agentId !== undefined);
}

/** The operating system's view of who asks: it comes with every request, beside the identity. */
export interface Credentials {
  readonly uid: number;
  readonly gid: number;
  readonly pid: number;
}

/** Who asks, on both levels. */
export interface Caller extends Credentials {
  readonly identity: Identity;
  /** Undefined for a program that uses the library. */
  readonly origin?: Origin;
}

/** Through which mount a request came: the same object in all that belongs to this request. */
export interface Origin {
  readonly mount: symbol;
  /** The inode that it was sent to, which its kernel may keep locked until it has the answer. */
  readonly node: Ino;
  /**
   * What it does with that kernel's pages of the node: keeps some locked until it has the answer, or writes bytes
   * past them, so that they aren't there.
   */
  readonly pages?: "locked" | "passed" | undefined;
}
