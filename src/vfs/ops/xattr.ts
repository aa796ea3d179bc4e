import { requireRoom } from "../../core/room.js";
import { NAME_MAX_BYTES, VALUE_MAX_BYTES } from "../../model/attributes.js";
import { NexusError } from "../../model/errors.js";
import type { Caller } from "../../model/identity.js";
import type { Ino } from "../../model/ids.js";
import type { MaybePromise } from "../../model/maybe-promise.js";
import type {
  AttributeFamily,
  SetAttributeRequest,
} from "../../storage/metadata/metadata-store.js";
import { computedAttribute, isComputed } from "../computed-attributes.js";
import type { InodeRequest, SetXattrRequest, XattrRequest } from "../file-system.js";
import type { Volume } from "../volume.js";
import { CAPABILITIES, requireOwnerOrWriter } from "./content-change.js";
import {
  CLAIM_ATTRIBUTE,
  claim,
  claimant,
  explained,
  release,
  workContext,
} from "./work-attributes.js";

/** XATTR_LIST_MAX of the kernel, xattr(7). */
export const LIST_MAX_BYTES = 64 * 1024;

const USER_PREFIX = "user.";
const TRUSTED = "trusted.";
const SYSTEM_PREFIXES = [TRUSTED, "security."];

export function getxattr(
  volume: Volume,
  { caller, ino, name }: XattrRequest & { caller: Caller },
): MaybePromise<Uint8Array | undefined> {
  const inode = volume.readable(caller, ino);
  if (isComputed(name)) return computedAttribute(volume, { caller, inode, name });
  if (name === CLAIM_ATTRIBUTE) return claimant(volume, inode);
  return volume.metadata.getAttribute({ ino, ...attributeOf(name) });
}

export function listxattr(
  volume: Volume,
  { caller, ino }: InodeRequest & { caller: Caller },
): string[] {
  volume.readable(caller, ino);
  // xattr(7): who lacks the privilege doesn't see trusted attributes in a listing either.
  return allNames(volume, ino).filter((name) => caller.uid === 0 || !name.startsWith(TRUSTED));
}

export function setxattr(
  volume: Volume,
  { caller, ...request }: SetXattrRequest & { caller: Caller },
): void {
  if (request.name !== CLAIM_ATTRIBUTE) {
    setxattrs(volume, { caller, requests: [request] });
    return;
  }
  const inode = volume.changeable(caller, request.ino);
  requireRoom(volume.metadata);
  explained(volume, () => claim(volume, { caller, inode, value: request.value }));
}

/** All is checked before anything is set. */
export function setxattrs(
  volume: Volume,
  { caller, requests }: { caller: Caller; requests: readonly SetXattrRequest[] },
): void {
  /** Names that each inode is going to have. */
  const added = new Map<Ino, Set<string>>();
  const growth = new Map<Ino, number>();
  const changes = requests.map((request) => {
    const inode = volume.changeable(caller, request.ino);
    const names = added.get(request.ino) ?? new Set();
    const more = requireSettable(volume, { request, added: names });
    growth.set(request.ino, (growth.get(request.ino) ?? 0) + more);
    added.set(request.ino, names);
    return { inode, ...request };
  });
  requireRoom(volume.metadata);
  for (const [ino, bytes] of growth) volume.quotas?.requireBytes(ino, bytes);
  const now = volume.clock.now();
  const prepare = ({ inode, name, value }: (typeof changes)[number]): SetAttributeRequest => {
    const attribute = attributeOf(name);
    const work = workContext(volume, { caller, inode, value, attribute });
    const request = { ino: inode.ino, ...attribute, value, mode: "any" as const, now };
    return work === undefined ? request : { ...request, work };
  };
  explained(volume, () => {
    const prepared = changes.map(prepare);
    for (const { inode } of changes) volume.activity.record(inode);
    volume.metadata.setAttributes(prepared);
  });
  for (const { inode, name } of changes) {
    if (name === CAPABILITIES) inode.mayHaveCapabilities = true;
    inode.isAtimeSettled = false;
    volume.changes.note({ kind: "attributes", ino: inode.ino }, caller);
  }
}

export function removexattr(
  volume: Volume,
  { caller, ino, name }: XattrRequest & { caller: Caller },
): void {
  const inode = volume.changeable(caller, ino);
  if (name === CLAIM_ATTRIBUTE) {
    release(volume, { caller, inode });
    return;
  }
  const attribute = writableAttribute(name);
  if (name === CAPABILITIES) requireOwnerOrWriter(volume, { caller, inode });
  volume.activity.record(inode);
  if (!volume.metadata.removeAttribute({ ino, ...attribute, now: volume.clock.now() })) {
    throw new NexusError("no-attribute", `no attribute '${name}'`, { op: "removexattr" });
  }
  volume.changes.note({ kind: "attributes", ino }, caller);
}

/**
 * Checks a change, after others that add these names to the inode; a new name is added to them. Returns how many
 * bytes more the inode's attributes have then. Errors: as setxattr(2).
 */
function requireSettable(
  volume: Volume,
  { request, added }: { request: SetXattrRequest; added: Set<string> },
): number {
  const { ino, name, value, mode } = request;
  const attribute = writableAttribute(name);
  if (name === CLAIM_ATTRIBUTE) {
    throw new NexusError("invalid-argument", `'${name}' is an action, and is set alone`);
  }
  if (value.length > VALUE_MAX_BYTES) {
    throw new NexusError("attribute-too-large", `a value has at most ${VALUE_MAX_BYTES} bytes`);
  }
  const before = volume.metadata.getAttribute({ ino, ...attribute });
  const exists = added.has(name) || before !== undefined;
  if (exists && mode.startsWith("create")) {
    throw new NexusError("already-exists", `attribute '${name}' exists already`, {
      op: "setxattr",
    });
  }
  if (!exists && mode.endsWith("replace")) {
    throw new NexusError("no-attribute", `no attribute '${name}'`, { op: "setxattr" });
  }
  if (exists) return value.length - (before?.length ?? 0);
  added.add(name);
  let listBytes = listedBytes(volume, ino);
  for (const other of added) listBytes += Buffer.byteLength(other) + 1;
  if (listBytes > LIST_MAX_BYTES) {
    throw new NexusError(
      "no-space",
      `the names of all attributes have at most ${LIST_MAX_BYTES} bytes`,
    );
  }
  return attribute.key.length + value.length;
}

/** How long the list of an inode's names is, each ended by NUL. The names themselves may be thousands. */
function listedBytes({ metadata }: Volume, ino: Ino): number {
  const custom = metadata.measureAttributes({ ino, family: "custom" });
  const system = metadata.measureAttributes({ ino, family: "system" });
  return custom.keys * (USER_PREFIX.length + 1) + custom.bytes + system.keys + system.bytes;
}

function allNames(volume: Volume, ino: Ino): string[] {
  const custom = volume.metadata.listAttributes({ ino, family: "custom" });
  const system = volume.metadata.listAttributes({ ino, family: "system" });
  return [...custom.map((key) => USER_PREFIX + key), ...system];
}

function writableAttribute(name: string): { family: AttributeFamily; key: string } {
  if (isComputed(name)) {
    throw new NexusError("not-permitted", `'${name}' is computed; it can't be set or removed`);
  }
  return attributeOf(name);
}

/** Errors: `not-supported` for ACLs and all other families, `invalid-argument`, `buffer-too-small`. */
function attributeOf(name: string): { family: AttributeFamily; key: string } {
  if (Buffer.byteLength(name) > NAME_MAX_BYTES) {
    throw new NexusError("buffer-too-small", `a name has at most ${NAME_MAX_BYTES} bytes`);
  }
  if (name.startsWith(USER_PREFIX)) {
    const key = name.slice(USER_PREFIX.length);
    if (key === "") throw new NexusError("invalid-argument", "a name needs more than its prefix");
    return { family: "custom", key };
  }
  if (SYSTEM_PREFIXES.some((prefix) => name.startsWith(prefix))) {
    return { family: "system", key: name };
  }
  throw new NexusError("not-supported", `attributes like '${name}' are not supported`);
}
