import { NexusError } from "../../model/errors.js";
import type { Failpoints } from "../../model/failpoint.js";
import type { Ino, StagingId } from "../../model/ids.js";
import type { MaybePromise } from "../../model/maybe-promise.js";
import type {
  ContentReader,
  ContentStore,
  StagingFile,
} from "../../storage/content/content-store.js";
import type { InodeRecord, MetadataStore } from "../../storage/metadata/metadata-store.js";
import type { Inode } from "../inode.js";
import type { InodeTable } from "../inode-table.js";
import { type Keep, KeptContents } from "./kept-contents.js";
import type { KnownDamage } from "./known-damage.js";
import type { SealedReaders } from "./sealed-readers.js";
import { StagedContent } from "./staged-content.js";

export interface StagingOptions {
  readonly metadata: MetadataStore;
  readonly contents: ContentStore;
  readonly inodes: InodeTable;
  readonly damage: KnownDamage;
  readonly readers: SealedReaders;
  readonly failpoints: Failpoints;
}

/** The staged contents of all inodes, and how an inode's content becomes one. */
export class Staging {
  readonly #metadata: MetadataStore;
  readonly #contents: ContentStore;
  readonly #inodes: InodeTable;
  readonly #damage: KnownDamage;
  readonly #readers: SealedReaders;
  readonly #failpoints: Failpoints;
  readonly #staged = new Map<Ino, StagedContent>();
  readonly #kept = new KeptContents();
  #noteSuperseded: (staged: StagedContent) => void = () => undefined;
  #noteCopied: (inode: Inode) => void = () => undefined;

  constructor(options: StagingOptions) {
    this.#metadata = options.metadata;
    this.#contents = options.contents;
    this.#inodes = options.inodes;
    this.#readers = options.readers;
    this.#damage = options.damage;
    this.#failpoints = options.failpoints;
  }

  /** Tells of each content that another one of the same inode took the place of. */
  whenSuperseded(note: (staged: StagedContent) => void): void {
    this.#noteSuperseded = note;
  }

  get size(): number {
    return this.#staged.size;
  }

  /** The sizes of all of them together. */
  get bytes(): number {
    let bytes = 0;
    for (const { sizeBytes } of this.#staged.values()) bytes += sizeBytes;
    return bytes;
  }

  of(ino: Ino): StagedContent | undefined {
    return this.#staged.get(ino);
  }

  /** Whether this is still the content of its inode. */
  isCurrent(staged: StagedContent): boolean {
    return this.#staged.get(staged.ino) === staged;
  }

  /** Takes note of what the metadata says is staged already. */
  adopt(staged: StagedContent): StagedContent {
    const before = this.#staged.get(staged.ino);
    this.#staged.set(staged.ino, staged);
    if (before !== undefined) this.#noteSuperseded(before);
    return staged;
  }

  /** The inode's content isn't staged any more. */
  remove(staged: StagedContent): void {
    if (this.isCurrent(staged)) this.#staged.delete(staged.ino);
    staged.close();
  }

  /** Tells of each inode whose content was copied, or couldn't be: it may have been known for that alone. */
  whenCopied(note: (inode: Inode) => void): void {
    this.#noteCopied = note;
  }

  /** A content that starts empty; the metadata learns of it in the caller's own transaction. */
  startEmpty(ino: Ino, id: StagingId): StagedContent {
    return this.adopt(new StagedContent({ ino, id }));
  }

  /** Keeps contents that nobody writes to as they are, for who reads their files: changing one copies it first. */
  keep(): Keep {
    return this.#kept.begin();
  }

  /** Whether a content can be changed where it is. */
  isChangeable(staged: StagedContent | undefined): boolean {
    return staged?.isWritable === true && !this.#kept.has(staged);
  }

  /**
   * The inode's content, ready to be changed. A sealed or kept one is copied first, its first `keepBytes`
   * at least; a large copy takes its time, and whoever comes meanwhile waits for the same one.
   */
  writable(inode: Inode, keepBytes = Number.POSITIVE_INFINITY): MaybePromise<StagedContent> {
    if (inode.copyUp !== undefined) return inode.copyUp;
    const staged = this.#staged.get(inode.ino);
    if (staged !== undefined && this.isChangeable(staged)) {
      if (staged.phase === "hashing") this.#contents.cancelHash(staged.id);
      staged.phase = "writable";
      staged.isClosed = false;
      staged.noteChange();
      return staged;
    }
    return this.#copyUp(inode, { staged, keepBytes });
  }

  /** The open file of a content, opened or made if need be. */
  file(staged: StagedContent): StagingFile {
    if (staged.file === undefined) {
      staged.file = staged.hasFile
        ? this.#contents.openStaging(staged.id)
        : this.#contents.createStaging(staged.id);
      staged.hasFile = true;
    }
    return staged.file;
  }

  /** Closes the file of a content, unless a handle will want it again soon. */
  letGo(staged: StagedContent): void {
    if ((this.#inodes.peek(staged.ino)?.handles ?? 0) === 0) staged.close();
  }

  /** Resolves when the bytes of a content survive a power failure. Errors: `io-failure`. */
  async sync(staged: StagedContent): Promise<void> {
    if (staged.isSynced) return;
    if (!staged.hasFile) this.#makeFile(staged);
    const { states } = staged;
    try {
      await this.file(staged).sync();
      staged.syncedStates = states;
    } finally {
      this.letGo(staged);
    }
  }

  /** A reader of its own of a sealed content, which the caller closes; undefined for an empty one. */
  openSealed({ ino, contentHash, sizeBytes }: InodeRecord): ContentReader | undefined {
    if (sizeBytes === 0) return undefined;
    if (contentHash === undefined) {
      throw new NexusError("corrupt", `inode ${ino} has a size and no content`);
    }
    if (this.#damage.isChanged(contentHash)) {
      throw new NexusError("corrupt", `the content ${contentHash} was found to be damaged`);
    }
    return this.#contents.open({ hash: contentHash, sizeBytes });
  }

  /**
   * An empty content has no bytes to sync. But what is written later may get lost with the power, and its row stay:
   * then recovery has to find that there was an empty one.
   */
  #makeFile(staged: StagedContent): void {
    const { ino } = staged;
    const mtime = this.#inodes.peek(ino)?.activity?.mtime ?? this.#metadata.getattr(ino)?.mtime;
    if (mtime !== undefined) this.file(staged).setModified(mtime);
    // Whoever is sealing it takes it for one without a file.
    staged.noteChange();
  }

  #copyUp(
    inode: Inode,
    { staged, keepBytes }: { staged: StagedContent | undefined; keepBytes: number },
  ): MaybePromise<StagedContent> {
    const { ino } = inode;
    const id = this.#metadata.nextId() as StagingId;
    const source = staged === undefined ? this.#openSealedOf(ino) : this.#openFrozen(staged);
    const lengthBytes = Math.min(source?.sizeBytes ?? 0, keepBytes);
    const finish = (file: StagingFile | undefined): StagedContent => {
      source?.close();
      // The row comes after the bytes: a crash before it leaves the old content.
      this.#failpoints.reach("content-copied");
      this.#stageOrDiscard({ ino, id, file });
      this.#failpoints.reach("copy-named");
      const options = { ino, id, sizeBytes: lengthBytes, copiedBytes: lengthBytes };
      const copy = new StagedContent(file === undefined ? options : { ...options, file });
      this.#readers.close(inode);
      return this.adopt(copy);
    };
    // Of an empty one that takes a staged one's place there has to be a record, too: see below.
    const isNothing = source === undefined || (lengthBytes === 0 && staged === undefined);
    if (isNothing) return finish(undefined);
    const copied = this.#copy({ source, id, lengthBytes });
    // The row goes on naming the sealed content that was copied, so recovery has it if a power failure
    // takes the copy. A staged one it names no more: its bytes must not depend on that.
    const ready = staged === undefined ? copied : this.#synced(copied);
    if (!(ready instanceof Promise)) return finish(ready);
    inode.copyUp = ready.then(finish).finally(() => {
      source.close();
      inode.copyUp = undefined;
    });
    // Who waited for the copy has had it by then.
    const nothing = () => undefined;
    void inode.copyUp.then(nothing, nothing).then(() => this.#noteCopied(inode));
    return inode.copyUp;
  }

  #stageOrDiscard({
    ino,
    id,
    file,
  }: {
    ino: Ino;
    id: StagingId;
    file: StagingFile | undefined;
  }): void {
    try {
      this.#metadata.stage({ ino, stagingId: id });
    } catch (error) {
      file?.close();
      // Should that fail too, the next start removes what no row names.
      this.#contents.discardStaging([id]).catch(() => undefined);
      throw error;
    }
  }

  #copy(request: {
    source: ContentReader;
    id: StagingId;
    lengthBytes: number;
  }): MaybePromise<StagingFile> {
    try {
      return this.#contents.copyUp(request);
    } catch (error) {
      request.source.close();
      throw error;
    }
  }

  async #synced(copied: MaybePromise<StagingFile>): Promise<StagingFile> {
    const file = await copied;
    try {
      await file.sync();
      return file;
    } catch (error) {
      file.close();
      this.#contents.discardStaging([file.id]).catch(() => undefined);
      throw error;
    }
  }

  #openSealedOf(ino: Ino): ContentReader | undefined {
    const row = this.#metadata.getattr(ino);
    if (row === undefined) throw new NexusError("not-found", `inode ${ino} is gone`);
    return this.openSealed(row);
  }

  #openFrozen(staged: StagedContent): ContentReader | undefined {
    return staged.hasFile ? this.#contents.openStaging(staged.id) : undefined;
  }
}
