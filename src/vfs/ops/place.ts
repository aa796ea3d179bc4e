import { mimeTypeOf } from "../../core/mime-type.js";
import type { Place } from "../../core/place.js";
import { requireRoom } from "../../core/room.js";
import { NexusError } from "../../model/errors.js";
import type { Caller } from "../../model/identity.js";
import type { Ino } from "../../model/ids.js";
import { runFew } from "../../model/run-few.js";
import type { InodeRecord } from "../../storage/metadata/metadata-store.js";
import { StagedContent } from "../content/staged-content.js";
import type { Entry, Placement } from "../file-system.js";
import type { Inode } from "../inode.js";
import type { Volume } from "../volume.js";
import { dropCapabilities, noteNewContent } from "./content-change.js";
import { requireSameZone } from "./entries.js";
import { dropSetIdOf } from "./open.js";
import { requirePreconditions } from "./precondition.js";

/** A target that is written again and again is waited for so often. */
const MOST_ROUNDS = 16;

/** Each content that is made durable has its file open meanwhile. */
const AT_ONCE = 32;

/** One placement, with what has the name now. */
interface Move {
  readonly placement: Placement;
  readonly source: Inode;
  readonly place: Place;
  readonly target: InodeRecord | undefined;
}

/**
 * Gives unnamed files their names, or their contents to the files that have the names.
 *
 * The order: what a target is doing comes to its end (a copy being made for a writer, a hash that a
 * precondition asks for); bytes that replace others are durable; then everything is looked at once
 * more and, if it is still so, done without a gap.
 */
export async function placeFiles(
  volume: Volume,
  { caller, placements }: { caller: Caller; placements: readonly Placement[] },
): Promise<Entry[]> {
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const moves = placements.map((placement) => moveOf(volume, { caller, placement }));
    requireDistinct(moves);
    const pending = moves.flatMap((move) => whatIsPending(volume, move));
    if (pending.length === 0) return apply(volume, { caller, moves });
    await runFew(pending, { atOnce: AT_ONCE });
  }
  const [first] = placements;
  throw new NexusError("busy", `'${first?.name}' is being changed all the time; try again later`);
}

/** Errors: as {@link FileSystem.placeFiles}, but for what the store says. */
function moveOf(
  volume: Volume,
  { caller, placement }: { caller: Caller; placement: Placement },
): Move {
  const { ino, parent, name } = placement;
  const source = volume.changeable(caller, ino);
  const place = volume.writableFilePlace(caller, { parent, name });
  requireSameZone(source.place, place);
  if (!source.isOrphan || !source.isLinkable || source.writers > 0) {
    throw new NexusError("invalid-argument", `inode ${ino} is no closed file without a name`);
  }
  if (volume.staging.of(ino)?.phase === "missing") {
    throw new NexusError("corrupt", `the content of inode ${ino} is missing`);
  }
  return { placement, source, place, target: volume.metadata.lookup({ parent, name }) };
}

/** One file can't get two contents at once. */
function requireDistinct(moves: readonly Move[]): void {
  const seen = new Set<string | Ino>();
  for (const { placement, source, target } of moves) {
    const place = target?.ino ?? `${placement.parent}/${placement.name}`;
    if (seen.has(place) || seen.has(source.ino)) {
      throw new NexusError("invalid-argument", `'${placement.name}' is named twice`);
    }
    seen.add(place);
    seen.add(source.ino);
  }
}

/** What has to come to its end before this can be done. */
function whatIsPending(
  volume: Volume,
  { placement, source, target }: Move,
): (() => Promise<unknown>)[] {
  const own = volume.staging.of(source.ino);
  // Sealing takes place on the inode that it began with.
  if (own !== undefined && own.phase !== "writable") return [() => volume.promotion.settle(own)];
  if (target === undefined) return [];
  const copyUp = volume.inodes.peek(target.ino)?.copyUp;
  // Should it fail, whoever wanted to write hears of it.
  const pending: (() => Promise<unknown>)[] =
    copyUp === undefined ? [] : [() => copyUp.catch(() => undefined)];
  const staged = volume.staging.of(target.ino);
  const hasWriters = (volume.inodes.peek(target.ino)?.writers ?? 0) > 0;
  const hasCondition = placement.ifMatch !== undefined || placement.ifNoneMatch !== undefined;
  if (staged !== undefined && hasCondition && !hasWriters && staged.phase !== "missing") {
    pending.push(() => volume.promotion.settle(staged));
  }
  if (own !== undefined && !own.isSynced) pending.push(() => syncIfCurrent(volume, own));
  return pending;
}

/** It may have had to wait for its turn. */
async function syncIfCurrent(volume: Volume, staged: StagedContent): Promise<void> {
  if (!volume.staging.isCurrent(staged)) return;
  await volume.staging.sync(staged);
  volume.failpoints.reach("replacement-synced");
}

/** Nothing else runs from here to its end. */
function apply(
  volume: Volume,
  { caller, moves }: { caller: Caller; moves: readonly Move[] },
): Entry[] {
  for (const { placement, target } of moves) requirePreconditions(volume, { placement, target });
  requireRoom(volume.metadata);
  requireQuotas(volume, moves);
  const now = volume.clock.now();
  const inodes = moves.map(({ source, target: record, place }) => {
    if (record !== undefined) return volume.countLookup({ record, place });
    source.lookups += 1;
    return source;
  });
  try {
    for (const inode of inodes) {
      dropSetIdOf(volume, { caller, inode });
      dropCapabilities(volume, inode);
    }
    for (const { source } of moves) volume.activity.record(source);
    const requests = moves.map(({ placement: { ino, parent, name } }) => {
      return { ino, parent, name, mimeType: mimeTypeOf(name), now };
    });
    volume.reclaimer.release(volume.metadata.placeFiles(requests));
  } catch (error) {
    for (const inode of inodes) {
      inode.lookups -= 1;
      volume.letGo(inode);
    }
    throw error;
  }
  return moves.map(({ placement, source, place }, index) => {
    const inode = inodes[index] ?? source;
    const record = volume.record(inode);
    if (inode === source) {
      noteNamed(volume, source);
      const { parent, name } = placement;
      volume.changes.note({ kind: "entry", parent, name }, caller);
    } else {
      noteReplaced(volume, { source, target: inode });
      noteNewContent(volume, { caller, inode, sizeBytes: record.sizeBytes });
    }
    return { ino: inode.ino, attributes: volume.attributes(caller, { record, place }) };
  });
}

/**
 * A file that is replaced keeps its tenant, whoever does it: then that one gets the content. Errors:
 * `quota-exceeded`.
 */
function requireQuotas(volume: Volume, moves: readonly Move[]): void {
  const { quotas, metadata } = volume;
  if (quotas === undefined) return;
  for (const { source, target } of moves) {
    if (target === undefined) continue;
    const [ours, theirs] = [source, target].map(({ ino }) => metadata.describe(ino)?.tenantId);
    if (ours === theirs) continue;
    quotas.requireBytes(target.ino, volume.sizeBytes(source) - target.sizeBytes);
  }
}

function noteNamed(volume: Volume, source: Inode): void {
  source.isOrphan = false;
  source.isLinkable = false;
  source.quotaCredit = undefined;
  const staged = volume.staging.of(source.ino);
  if (staged !== undefined) volume.promotion.enqueue(staged);
}

/** What the transaction said of both rows, in what is known of the two inodes. */
function noteReplaced(volume: Volume, { source, target }: { source: Inode; target: Inode }): void {
  volume.activity.drop(target);
  target.isAtimeSettled = false;
  volume.readers.close(target);
  const moved = volume.staging.of(source.ino);
  if (moved === undefined) {
    dropStaged(volume, target);
    return;
  }
  volume.promotion.dequeue(moved);
  volume.staging.remove(moved);
  const { id, sizeBytes, hasFile, copiedBytes } = moved;
  const staged = new StagedContent({ ino: target.ino, id, sizeBytes, hasFile, copiedBytes });
  if (moved.isSynced) staged.syncedStates = staged.states;
  staged.isClosed = moved.isClosed;
  volume.staging.adopt(staged);
  if (target.writers === 0) volume.promotion.enqueue(staged);
}

/** The content is a sealed one now, whatever was staged. */
function dropStaged(volume: Volume, { ino }: Inode): void {
  const staged = volume.staging.of(ino);
  if (staged === undefined) return;
  volume.staging.remove(staged);
  volume.promotion.supersede(staged);
}
