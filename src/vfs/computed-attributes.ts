import { isRegular } from "../model/attributes.js";
import type { Caller } from "../model/identity.js";
import { type MaybePromise, whenReady } from "../model/maybe-promise.js";
import { formatTimestamp } from "../model/timestamp.js";
import type { FileDescription } from "../storage/metadata/metadata-store.js";
import type { Inode } from "./inode.js";
import { visibleReferences } from "./visible-references.js";
import type { Volume } from "./volume.js";

const PREFIX = "user.nexus.";

interface Computed {
  /** What has to be sealed first: this content, or also those that may be equal to it. */
  readonly seals: "nothing" | "own" | "alike";
  readonly value: (file: FileDescription, asked: Asked) => string | number | undefined;
}

interface Asked {
  readonly volume: Volume;
  readonly caller: Caller;
}

/** The attributes that are computed: readable by name, never listed, never set. DESIGN, section 7. */
const COMPUTED: ReadonlyMap<string, Computed> = new Map([
  ["etag", { seals: "own", value: (file) => file.contentHash }],
  ["version", { seals: "own", value: (file) => file.version }],
  ["ref_count", { seals: "alike", value: refCount }],
  ["path_id", { seals: "nothing", value: (file) => file.pathId }],
  ["mime_type", { seals: "nothing", value: (file) => file.mimeType }],
  ["tenant", { seals: "nothing", value: (file) => file.tenantId }],
  ["agent", { seals: "nothing", value: (file) => file.agentId }],
  ["created_at", { seals: "nothing", value: (file) => formatTimestamp(file.createdAt) }],
] satisfies [string, Computed][]);

/** Nobody is told what lies where they may not go. */
function refCount(file: FileDescription, { volume, caller: { identity } }: Asked): number {
  const { contentHash: hash, refCount } = file;
  return hash === undefined || identity.isAdmin
    ? refCount
    : visibleReferences(volume, { identity, hash });
}

/** Whether a name is in the computed family, known or not. */
export function isComputed(name: string): boolean {
  return name.startsWith(PREFIX);
}

/**
 * The value; undefined when this inode has none: the etag of a directory, or of a file that
 * somebody is writing to. A content that waits to be sealed is sealed now, so the answer may take as
 * long as hashing does. For admins, `ref_count` has a file that was removed until the kernel has
 * forgotten it, some milliseconds after rm(1).
 */
export function computedAttribute(
  volume: Volume,
  { caller, inode, name }: { caller: Caller; inode: Inode; name: string },
): MaybePromise<Uint8Array | undefined> {
  const computed = COMPUTED.get(name.slice(PREFIX.length));
  if (computed === undefined) return undefined;
  const value = () => computedValue({ volume, caller }, { inode, computed });
  if (computed.seals === "nothing") return value();
  if (!isRegular(inode.mode)) return undefined;
  return whenReady(seal(volume, { inode, computed }), () =>
    volume.staging.of(inode.ino) === undefined ? value() : undefined,
  );
}

function seal(
  volume: Volume,
  { inode, computed }: { inode: Inode; computed: Computed },
): Promise<void> | undefined {
  if (computed.seals === "own" || volume.staging.size === 0) return settleOwn(volume, inode);
  return volume.promotion.settleAlike(volume.sizeBytes(inode)).then(() => settleOwn(volume, inode));
}

/** Has the content of an inode sealed, if it waits for that; undefined when there is nothing to do. */
export function settleOwn(volume: Volume, { ino }: Inode): Promise<void> | undefined {
  const staged = volume.staging.of(ino);
  return staged === undefined ? undefined : volume.promotion.settle(staged);
}

function computedValue(
  asked: Asked,
  { inode, computed }: { inode: Inode; computed: Computed },
): Uint8Array | undefined {
  const file = asked.volume.metadata.describe(inode.ino);
  const value = file === undefined ? undefined : computed.value(file, asked);
  return value === undefined ? undefined : Buffer.from(String(value), "utf8");
}
