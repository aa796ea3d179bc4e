import type { Config } from "../config/config.js";
import type { KernelOption } from "../fuse/mount-options.js";
import { MOUNT_FLAGS } from "../libc/mount.js";
import { messageOf, NexusError } from "../model/errors.js";
import type { Identity } from "../model/identity.js";
import type { AgentId, TenantId } from "../model/ids.js";
import { checkName } from "../model/path.js";

/**
 * One mount as it was asked for. Plain JSON: it comes through the socket, and stands in the state file
 * from which mounts are made again.
 */
export interface MountSpec {
  /** Absolute, without symlinks: whoever asks has resolved it where they stand. */
  readonly mountPoint: string;
  readonly identity: Identity;
  readonly allowOther: boolean;
  readonly readOnly: boolean;
  /** What the kernel carries out itself; `ro` goes with `readOnly`. */
  readonly kernelOptions: readonly KernelOption[];
  /** The directory may have files, which the mount hides. */
  readonly allowNonEmpty: boolean;
}

/** What a configuration says about a mount. */
export function mountSpec(
  config: Pick<
    Config,
    "tenantId" | "agentId" | "isAdmin" | "allowOther" | "readOnly" | "atime" | "dataDir"
  >,
  asked: {
    readonly mountPoint: string;
    readonly kernelOptions: ReadonlySet<KernelOption>;
    readonly allowNonEmpty: boolean;
  },
): MountSpec {
  const { tenantId, agentId, isAdmin, allowOther, readOnly, atime } = config;
  const kernelOptions = new Set(asked.kernelOptions);
  if (readOnly) kernelOptions.add("ro");
  if (atime !== "relatime") kernelOptions.add(atime);
  return {
    mountPoint: asked.mountPoint,
    identity: {
      isAdmin,
      ...(tenantId === undefined ? {} : { tenantId }),
      ...(agentId === undefined ? {} : { agentId }),
    },
    allowOther,
    readOnly,
    kernelOptions: [...kernelOptions],
    allowNonEmpty: asked.allowNonEmpty,
  };
}

/** Reads one that comes from elsewhere. Errors: `invalid-argument` naming what is wrong. */
export function parseMountSpec(value: unknown): MountSpec {
  const { mountPoint, identity, allowOther, readOnly, kernelOptions, allowNonEmpty } = record(
    value,
    "a mount",
  );
  return {
    mountPoint: parseMountPoint(mountPoint),
    identity: parseIdentity(identity),
    allowOther: flag(allowOther, "allowOther"),
    readOnly: flag(readOnly, "readOnly"),
    kernelOptions: parseKernelOptions(kernelOptions),
    allowNonEmpty: flag(allowNonEmpty, "allowNonEmpty"),
  };
}

/** An absolute path as the kernel lists it. Errors: `invalid-argument`. */
export function parseMountPoint(value: unknown): string {
  const isResolved =
    typeof value === "string" &&
    /^(\/[^/]+)+$/.test(value) &&
    !value.includes("\0") &&
    !/\/\.\.?(\/|$)/.test(value);
  if (!isResolved) {
    throw wrong("mountPoint", { found: value, allowed: "an absolute path without '.' and '..'" });
  }
  return value;
}

/** What comes as an object. Errors: `invalid-argument`. */
export function record(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw wrong(what, { found: value, allowed: "an object" });
}

/** True or false; false when it isn't given. Errors: `invalid-argument`. */
export function flag(value: unknown, name: string): boolean {
  if (value === undefined) return false;
  if (typeof value === "boolean") return value;
  throw wrong(name, { found: value, allowed: "true or false" });
}

function parseIdentity(value: unknown): Identity {
  const { tenantId, agentId, isAdmin } = record(value, "identity");
  return {
    isAdmin: flag(isAdmin, "isAdmin"),
    ...(tenantId === undefined ? {} : { tenantId: name(tenantId, "tenantId") as TenantId }),
    ...(agentId === undefined ? {} : { agentId: name(agentId, "agentId") as AgentId }),
  };
}

function name(value: unknown, key: string): string {
  if (typeof value !== "string") throw wrong(key, { found: value, allowed: "a text" });
  try {
    return checkName(value);
  } catch (error) {
    throw new NexusError("invalid-argument", `${key}: ${messageOf(error)}`, { cause: error });
  }
}

function parseKernelOptions(value: unknown): KernelOption[] {
  const known = Object.keys(MOUNT_FLAGS);
  const allowed = `a list of ${known.join(", ")}`;
  if (!Array.isArray(value)) throw wrong("kernelOptions", { found: value, allowed });
  const stranger = value.find((option) => !known.includes(option));
  if (stranger !== undefined) throw wrong("kernelOptions", { found: stranger, allowed });
  return value as KernelOption[];
}

function wrong(what: string, { found, allowed }: { found: unknown; allowed: string }): NexusError {
  const shown = found === undefined ? "nothing" : JSON.stringify(found);
  return new NexusError("invalid-argument", `${what}: found ${shown}; allowed: ${allowed}`);
}
