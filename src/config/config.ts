import type { MountEntry } from "../core/mount-table.js";
import type { NamespaceDeclaration } from "../core/namespace.js";
import type { QuotaRule } from "../core/quota.js";
import type { ArmedFailpoint } from "../model/failpoint.js";
import type { Identity } from "../model/identity.js";
import type { AgentId, TenantId } from "../model/ids.js";
import type { LogLevel } from "../telemetry/log-level.js";

/** Everything that can be configured, complete and checked. */
export interface Config {
  /** Absolute. */
  readonly dataDir: string;
  /** Absolute; inside `dataDir` unless told otherwise. */
  readonly dbPath: string;
  readonly tenantId: TenantId | undefined;
  readonly agentId: AgentId | undefined;
  readonly isAdmin: boolean;
  /** Beyond the five default ones; one of the same name redefines it. */
  readonly namespaces: readonly NamespaceDeclaration[];
  /** Beyond the default one, which gives `/` to the local backend. */
  readonly mounts: readonly MountEntry[];
  /**
   * What the users of a mount are, by who they are to the operating system; the first one that fits
   * counts. Without any, everybody has the mount's own identity.
   */
  readonly identities: readonly IdentityRule[];
  /** What each tenant may have that has no entry in `quotas`; undefined for no limit. */
  readonly quotaBytes: number | undefined;
  readonly quotaFiles: number | undefined;
  /** What one tenant may have. */
  readonly quotas: readonly QuotaRule[];
  /** For pages of the metadata database. */
  readonly cacheSizeMb: number;
  /** How often what nothing needs is collected; 0 for never by itself. */
  readonly gcIntervalHours: number;
  /** What is younger isn't collected. */
  readonly gcGraceMinutes: number;
  /** How fast contents are read to see whether they are still whole: MiB a second; 0 for never. */
  readonly scrubRateMb: number;
  /** How often each content is. */
  readonly scrubIntervalDays: number;
  readonly binding: Binding;
  readonly atime: "relatime" | "strictatime" | "noatime";
  readonly allowOther: boolean;
  readonly readOnly: boolean;
  readonly logLevel: LogLevel;
  readonly logFile: string | undefined;
  /** Where this process shall kill itself: no setting, only tests ask for that. */
  readonly failpoint?: ArmedFailpoint;
}

/** How a mount is connected to the kernel: by the FUSE device itself, or through the package fuse-native. */
export const BINDINGS = ["device", "fuse-native"] as const;
export type Binding = (typeof BINDINGS)[number];

/** In place of a user's name in an {@link IdentityRule}: everybody else. */
export const EVERYBODY = "*";

/**
 * Some users of this machine, and on whose behalf they act here. Names are those of /etc/passwd and
 * /etc/group. At most one of `uid` and `user` is there, and of `gid` and `group`; with one of each,
 * both have to fit.
 */
export interface IdentityRule {
  readonly uid?: number;
  readonly user?: string;
  readonly gid?: number;
  readonly group?: string;
  readonly identity: Identity;
}

/** Where a setting came from, for messages: `--tenant`, `NEXUS_TENANT_ID`, `./nexus.yaml`. */
export interface Setting {
  readonly value: unknown;
  readonly source: string;
}

/** Settings by their snake_case key. */
export type Settings = ReadonlyMap<string, Setting>;
