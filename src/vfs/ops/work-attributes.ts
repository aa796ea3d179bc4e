import { isUtf8 } from "node:buffer";
import { authorize, refusal } from "../../core/isolation.js";
import { zonePath } from "../../core/place.js";
import { isDirectory, isRegular } from "../../model/attributes.js";
import { isKind, NexusError } from "../../model/errors.js";
import type { Caller } from "../../model/identity.js";
import { type Ino, ROOT_INO } from "../../model/ids.js";
import { splitPath } from "../../model/path.js";
import {
  CLAIM_KEY,
  DEFAULT_LEASE_MS,
  type DependencyReference,
  parseDependencies,
  parseWorker,
  WORK_KEY,
} from "../../model/work.js";
import type { AttributeFamily } from "../../storage/metadata/metadata-store.js";
import type { ResolvedReference, WorkContext } from "../../storage/metadata/work-store.js";
import type { Inode } from "../inode.js";
import { findPlace } from "../visible-references.js";
import type { Volume } from "../volume.js";

// What the extended attributes of a work item mean: DESIGN, section 8. The rules of the queue are the
// store's; here is what takes a look at names and at who asks.

export const CLAIM_ATTRIBUTE = `user.${CLAIM_KEY}`;

const INDEXED_KEYS: readonly string[] = [WORK_KEY.status, WORK_KEY.priority, WORK_KEY.dependsOn];

interface Change {
  readonly caller: Caller;
  readonly inode: Inode;
}

/**
 * What the store has to know of a value that means something to the queue; undefined for one that
 * doesn't. Errors: `invalid-argument`; `access-denied` for a dependency on a place that the caller may
 * not see, whether or not there is such a file.
 */
export function workContext(
  volume: Volume,
  {
    caller,
    inode,
    value,
    attribute,
  }: Change & {
    value: Uint8Array;
    attribute: { family: AttributeFamily; key: string };
  },
): WorkContext | undefined {
  const { family, key } = attribute;
  if (family !== "custom" || !INDEXED_KEYS.includes(key) || !isRegular(inode.mode))
    return undefined;
  const text = requireText(value, key);
  const zone = zonePath(inode.place.zone);
  if (key !== WORK_KEY.dependsOn) return { zone };
  return { zone, dependencies: resolveDependencies(volume, { caller, text }) };
}

/** The files that the references of a `depends_on` mean, as far as they are there. Errors as above. */
export function resolveDependencies(
  volume: Volume,
  { caller, text }: { caller: Caller; text: string },
): ResolvedReference[] {
  return parseDependencies(text).map((reference) => ({
    reference,
    ino: resolveReference(volume, { caller, reference }),
  }));
}

/**
 * `setfattr -n user.claim -v worker`: the caller's worker gets the item, or keeps it for longer. Errors:
 * `busy`, `try-again`, `invalid-argument`.
 */
export function claim(volume: Volume, { inode, value }: Change & { value: Uint8Array }): void {
  requireFile(inode);
  const workerId = parseWorker(requireText(value, CLAIM_KEY));
  const request = { ino: inode.ino, workerId, leaseMs: DEFAULT_LEASE_MS, now: volume.clock.now() };
  volume.metadata.work.claimWork(request);
  volume.metadata.publish();
}

/** Who has the item, if somebody has. */
export function claimant(volume: Volume, inode: Inode): Uint8Array | undefined {
  const item = volume.metadata.work.workItem(inode.ino);
  if (item?.state !== "in_progress" || item.workerId === undefined) return undefined;
  return Buffer.from(item.workerId, "utf8");
}

/** `setfattr -x user.claim`: gives the item back. Errors: `no-attribute` when nobody has it. */
export function release(volume: Volume, { inode }: Change): void {
  if (claimant(volume, inode) === undefined) {
    throw new NexusError("no-attribute", "nobody has claimed this file", { op: "removexattr" });
  }
  const now = volume.clock.now();
  const request = { ino: inode.ino, workerId: undefined, countAttempt: false, now };
  volume.metadata.work.finishWork({ ...request, outcome: "ready" });
  volume.metadata.publish();
}

/** A program sees only EINVAL; who runs it finds the reason in the log. */
export function explained<T>(volume: Volume, apply: () => T): T {
  try {
    return apply();
  } catch (error) {
    if (isKind(error, "invalid-argument")) volume.logger.info({ reason: error.message }, "EINVAL");
    throw error;
  }
}

function resolveReference(
  volume: Volume,
  { caller, reference }: { caller: Caller; reference: DependencyReference },
): Ino | undefined {
  if (reference.by === "path-id") {
    const ino = volume.metadata.inodeOf(reference.pathId);
    return ino !== undefined && maySee(volume, { caller, ino }) ? ino : undefined;
  }
  const { path } = reference;
  authorize(caller.identity, { place: volume.router.resolve(path), access: "read" });
  let ino: Ino = ROOT_INO;
  let mode = 0;
  for (const name of splitPath(path)) {
    const record = volume.metadata.lookup({ parent: ino, name });
    if (record === undefined) return undefined;
    ({ ino, mode } = record);
  }
  if (!isRegular(mode)) {
    const what = isDirectory(mode) ? "a directory" : "no regular file";
    throw new NexusError("invalid-argument", `${path} is ${what}; only files are work`, { path });
  }
  return ino;
}

/** A path_id of somebody else's file means as little as one that nobody has. */
function maySee(volume: Volume, { caller, ino }: { caller: Caller; ino: Ino }): boolean {
  const entry = volume.metadata.entryOf(ino);
  const parent = entry === undefined ? undefined : findPlace(volume, entry.parent);
  if (entry === undefined || parent === undefined) return false;
  const place = volume.router.child(parent, entry.name);
  return refusal(caller.identity, { place, access: "read" }) === undefined;
}

function requireFile({ mode }: Inode): void {
  if (isRegular(mode)) return;
  throw new NexusError("invalid-argument", "only regular files can be claimed", { op: "claim" });
}

function requireText(value: Uint8Array, key: string): string {
  if (isUtf8(value)) return Buffer.from(value).toString("utf8");
  throw new NexusError("invalid-argument", `the value of '${key}' has to be text in UTF-8`);
}
