import type { Clock } from "../../../model/clock.js";
import { type Failpoints, NO_FAILPOINTS } from "../../../model/failpoint.js";
import type { StagingId } from "../../../model/ids.js";
import { SMALL_CONTENT_BYTES, SmallContent } from "./small-content.js";
import type { StagingLog } from "./staging-log.js";
import type { LogChange } from "./staging-log-records.js";

/** All small contents together take no more memory than this; then new ones are files at once. */
const MEMORY_BYTES = 128 * 1024 * 1024;

/** The staged contents that live in memory and in the log. */
export class SmallContents {
  readonly #log: StagingLog;
  readonly #clock: Clock;
  readonly #failpoints: Failpoints;
  /** Also what the log takes for the contents as they are, when it has to write one anew. */
  readonly #contents: Map<StagingId, SmallContent>;
  #memoryBytes = 0;

  /** Brings back what the log has. */
  constructor({
    log,
    clock,
    failpoints = NO_FAILPOINTS,
  }: {
    log: StagingLog;
    clock: Clock;
    failpoints?: Failpoints;
  }) {
    this.#log = log;
    this.#clock = clock;
    this.#failpoints = failpoints;
    this.#contents = log.recover();
    for (const content of this.#contents.values()) {
      this.#memoryBytes += content.capacityBytes;
      // The dead process may have promised it.
      content.isPromised = true;
    }
  }

  get ids(): StagingId[] {
    return [...this.#contents.keys()];
  }

  get(id: StagingId): SmallContent | undefined {
    return this.#contents.get(id);
  }

  /** Whether a content may grow to this size without becoming a file. */
  hasRoomFor(sizeBytes: number): boolean {
    return sizeBytes <= SMALL_CONTENT_BYTES && this.#memoryBytes + sizeBytes <= MEMORY_BYTES;
  }

  /** A new, empty one. Nothing is logged until it changes. */
  create(id: StagingId): SmallContent {
    const content = new SmallContent(id, this.#clock.now());
    this.#contents.set(id, content);
    return content;
  }

  /** Logs a change and applies it; when it throws, nothing has changed. */
  apply(content: SmallContent, change: Exclude<LogChange, { kind: "spilled" }>): void {
    const { id } = content;
    const mtime = change.kind === "times" ? change.mtime : this.#clock.now();
    this.#log.rotate();
    this.#log.append(id, { change, mtime });
    const before = content.capacityBytes;
    content.mtime = mtime;
    if (change.kind === "write") content.write({ from: change.data, offset: change.offset });
    else if (change.kind === "truncate") content.truncate(change.sizeBytes);
    else if (change.kind === "snapshot") content.write({ from: change.data, offset: 0 });
    this.#memoryBytes += content.capacityBytes - before;
  }

  /** A file has all of the content now. */
  noteSpilled(content: SmallContent): void {
    this.#failpoints.reach("small-content-copied");
    this.#log.append(content.id, { change: { kind: "spilled" }, mtime: content.mtime });
    this.#failpoints.reach("small-content-spilled");
    this.#forget(content);
  }

  /** False when it was none of these. */
  discard(id: StagingId): boolean {
    const content = this.#contents.get(id);
    if (content === undefined) return false;
    this.#log.release(id);
    this.#forget(content);
    return true;
  }

  sync(): Promise<void> {
    return this.#log.sync();
  }

  /** Resolves when the log says durably that this content is a file, if it became one. */
  syncSpill(id: StagingId): Promise<void> {
    return this.#log.syncSpill(id);
  }

  close(): void {
    this.#log.close();
  }

  #forget(content: SmallContent): void {
    this.#contents.delete(content.id);
    this.#memoryBytes -= content.capacityBytes;
  }
}
