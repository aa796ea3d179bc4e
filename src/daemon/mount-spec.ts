import { BINDINGS, type Binding, type Config, type IdentityRule } from "../config/config.js";
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
  /** On whose behalf its users act; without any, on that of `identity`. */
  readonly identities: readonly IdentityRule[];
  readonly allowOther: boolean;
  readonly readOnly: boolean;
  /** What the kernel carries out itself; `ro` goes with `readOnly`. */
  readonly kernelOptions: readonly KernelOption[];
  /** The directory may have files, which the mount hides. */
  readonly allowNonEmpty: boolean;
  readonly binding: Binding;
}

/** What a configuration says about a mount. */
export function mountSpec(
  config: Pick<
    Config,
    | "tenantId"
    | "agentId"
    | "isAdmin"
    | "identities"
    | "allowOther"
    | "readOnly"
    | "atime"
    | "binding"
    | "dataDir"
  >,
  asked: {
    readonly mountPoint: string;
    readonly kernelOptions: ReadonlySet<KernelOption>;
    readonly allowNonEmpty: boolean;
  },
): MountSpec {
  const { tenantId, agentId, isAdmin, identities, allowOther, readOnly, atime, binding } = config;
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
    identities,
    allowOther,
    readOnly,
    kernelOptions: [...kernelOptions],
    allowNonEmpty: asked.allowNonEmpty,
    binding,
  };
}

/** Reads one that comes from elsewhere. Errors: `invalid-argument` naming what is wrong. */
export function parseMountSpec(value: unknown): MountSpec {
  const spec = record(value, "a mount");
  const { mountPoint, identity, identities, allowOther, readOnly, kernelOptions, allowNonEmpty } =
    spec;
  return {
    mountPoint: parseMountPoint(mountPoint),
    identity: parseIdentity(identity, "identity"),
    identities: parseRules(identities),
    allowOther: flag(allowOther, "allowOther"),
    readOnly: flag(readOnly, "readOnly"),
    kernelOptions: parseKernelOptions(kernelOptions),
    allowNonEmpty: flag(allowNonEmpty, "allowNonEmpty"),
    binding: parseBinding(spec.binding),
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

function parseRules(value: unknown): IdentityRule[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw wrong("identities", { found: value, allowed: "a list" });
  return value.map((rule: unknown, index) => {
    const at = `identities[${index}]`;
    const { uid, user, gid, group, identity } = record(rule, at);
    return {
      ...(uid === undefined ? {} : { uid: id(uid, `${at}.uid`) }),
      ...(user === undefined ? {} : { user: word(user, `${at}.user`) }),
      ...(gid === undefined ? {} : { gid: id(gid, `${at}.gid`) }),
      ...(group === undefined ? {} : { group: word(group, `${at}.group`) }),
      identity: parseIdentity(identity, `${at}.identity`),
    };
  });
}

function id(value: unknown, key: string): number {
  if (Number.isSafeInteger(value) && Number(value) >= 0) return Number(value);
  throw wrong(key, { found: value, allowed: "a number of a user or a group" });
}

function word(value: unknown, key: string): string {
  if (typeof value === "string") return value;
  throw wrong(key, { found: value, allowed: "a text" });
}

function parseIdentity(value: unknown, what: string): Identity {
  const { tenantId, agentId, isAdmin } = record(value, what);
  return {
    isAdmin: flag(isAdmin, "isAdmin"),
    ...(tenantId === undefined ? {} : { tenantId: name(tenantId, "tenantId") as TenantId }),
    ...(agentId === undefined ? {} : { agentId: name(agentId, "agentId") as AgentId }),
  };
}

function name(value: unknown, key: string): string {
  const text = word(value, key);
  try {
    return checkName(text);
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

/** Older versions have one alone, and don't say which. */
function parseBinding(value: unknown): Binding {
  const found = value === undefined ? "device" : BINDINGS.find((binding) => binding === value);
  if (found !== undefined) return found;
  throw wrong("binding", { found: value, allowed: BINDINGS.join(", ") });
}

function wrong(what: string, { found, allowed }: { found: unknown; allowed: string }): NexusError {
  const shown = found === undefined ? "nothing" : JSON.stringify(found);
  return new NexusError("invalid-argument", `${what}: found ${shown}; allowed: ${allowed}`);
}
