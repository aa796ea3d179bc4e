import type { Scheduler } from "../../model/clock.js";
import type { Failpoints } from "../../model/failpoint.js";
import { canBeGiven } from "../../model/ids.js";
import { timestampToMs } from "../../model/timestamp.js";
import type { ContentStore } from "../../storage/content/content-store.js";
import type { MetadataStore, StagedRecord } from "../../storage/metadata/metadata-store.js";
import type { Logger } from "../../telemetry/logger.js";
import type { Promotion } from "./promotion.js";
import type { Reclaimer } from "./reclaimer.js";
import { StagedContent } from "./staged-content.js";
import type { Staging } from "./staging.js";

/**
 * A row and its staging file were written at the same moment if their times are this close: the
 * host's clock for files ticks every few milliseconds, ours doesn't.
 */
const SAME_MOMENT_MS = 20;

export interface RecoveryParts {
  readonly metadata: MetadataStore;
  readonly contents: ContentStore;
  readonly staging: Staging;
  readonly promotion: Promotion;
  readonly reclaimer: Reclaimer;
  readonly logger: Logger;
  readonly failpoints: Failpoints;
  readonly scheduler: Pick<Scheduler, "after">;
  /**
   * How long contents stay that no file has, as the files may be what the database lacks: 0 for a database that
   * lacks nothing, Infinity for as long as this process lives.
   */
  readonly restMs: number;
}

/**
 * Takes up what the last process left, however it ended: contents that were staged go on to be
 * sealed, with the size and time that their files have; inodes without a name are deleted; files
 * that nothing refers to are removed, when their rest is over. Call it once, before the first request.
 */
export function recover(parts: RecoveryParts): void {
  const { metadata, contents, staging, promotion, reclaimer, logger } = parts;
  const records = metadata.stagedContents();
  // A power failure can take back what the metadata said of its numbers, and leave a file that has
  // one: it must not be given to another content while this one waits to be removed.
  const ids = contents.stagingIds();
  // One that isn't given needn't be skipped: with all below it, there would be none left.
  metadata.skipIds(ids.filter(canBeGiven).reduce((highest, id) => Math.max(highest, id), 0));
  for (const record of records) {
    const staged = resume(parts, record);
    if (staged !== undefined) promotion.enqueue(staging.adopt(staged));
  }

  const known = new Set(records.map(({ stagingId }) => stagingId));
  const strays = ids.filter((id) => !known.has(id));
  const unreferenced = metadata.unreferencedContents();
  const letGo = () => {
    reclaimer.discard(strays);
    reclaimer.release(unreferenced);
  };
  if (parts.restMs === 0) letGo();
  else parts.scheduler.after(parts.restMs, letGo);
  const orphans = metadata.orphans();
  for (const ino of orphans) reclaimer.orphan(ino);
  parts.failpoints.reach("contents-recovered");
  if (records.length + strays.length + orphans.length + unreferenced.length > 0) {
    const counts = {
      staged: records.length,
      strays: strays.length,
      orphans: orphans.length,
      unreferenced: unreferenced.length,
    };
    logger.info(counts, "took up what the last process left");
  }
}

/**
 * The bytes were written before anybody could record it: what the file says goes. When it is missing
 * although the row gives it a size, a power failure took what nobody had synced; then the file has
 * the sealed content again that it had before. Without one it is damage, and stays visible as such:
 * reading it fails.
 */
function resume(parts: RecoveryParts, record: StagedRecord): StagedContent | undefined {
  const { metadata, contents, logger } = parts;
  const { ino, stagingId: id } = record;
  const stat = contents.statStaging(id);
  if (stat === undefined) {
    const isDamaged = record.sizeBytes > 0;
    if (isDamaged && goBack(parts, record)) return undefined;
    const content = { ino, id, sizeBytes: record.sizeBytes, hasFile: isDamaged };
    const staged = new StagedContent(content);
    if (isDamaged) {
      logger.error({ ino, stagingId: id }, "a staged content is missing");
      staged.phase = "missing";
    }
    return staged;
  }
  const { sizeBytes, blocks, mtime } = stat;
  const apartMs = Math.abs(timestampToMs(mtime) - timestampToMs(record.mtime));
  if (sizeBytes !== record.sizeBytes || apartMs > SAME_MOMENT_MS) {
    metadata.recordActivity([{ ino, sizeBytes, blocks, mtime, ctime: mtime }]);
  }
  const staged = new StagedContent({ ino, id, sizeBytes, hasFile: true });
  if (stat.isFrozen) staged.phase = "frozen";
  return staged;
}

/** Gives an inode the sealed content that its row still names; false when there is none. */
function goBack(
  { metadata, contents, reclaimer, logger }: RecoveryParts,
  { ino, stagingId, mtime }: StagedRecord,
): boolean {
  const hash = metadata.getattr(ino)?.contentHash;
  const content = hash === undefined ? undefined : contents.statSealed(hash);
  if (content === undefined) return false;
  // The reference is the one that there is, so the time goes nowhere.
  const commit = { ino, stagingId, ...content, now: mtime };
  reclaimer.release(metadata.commitContents([commit]));
  logger.warn({ ino, stagingId, hash }, "changes that were not synced are lost");
  return true;
}
