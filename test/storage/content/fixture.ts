import { createHash } from "node:crypto";
import type { ContentHash, StagingId } from "../../../src/model/ids.js";
import type {
  ContentReader,
  ContentStore,
  StagingFile,
} from "../../../src/storage/content/content-store.js";
import type { SealedContent } from "../../../src/storage/metadata/metadata-store.js";

export function hashOf(bytes: Uint8Array): ContentHash {
  return createHash("sha256").update(bytes).digest("hex") as ContentHash;
}

/** Everything that a content has, or a span of it. */
export function readAll(
  reader: ContentReader,
  { offset = 0, length = reader.sizeBytes } = {},
): Buffer {
  const into = Buffer.alloc(length, 0xee);
  return into.subarray(0, reader.read({ into, offset }));
}

/** Says in few words what a test does to a store. */
export class Contents {
  readonly store: ContentStore;
  #nextId = 1;

  constructor(store: ContentStore) {
    this.store = store;
  }

  nextId(): StagingId {
    return this.#nextId++ as StagingId;
  }

  /** A new staging file with these bytes, open. */
  staged(bytes: Uint8Array = Buffer.alloc(0)): StagingFile {
    const file = this.store.createStaging(this.nextId());
    if (bytes.length > 0) file.write({ from: bytes, offset: 0 });
    return file;
  }

  /** The id of a new staging file with these bytes, closed. */
  stage(bytes: Uint8Array): StagingId {
    const file = this.staged(bytes);
    file.close();
    return file.id;
  }

  /** What a staging file holds, opened anew. */
  stagedBytes(id: StagingId): Buffer {
    const file = this.store.openStaging(id);
    try {
      return readAll(file);
    } finally {
      file.close();
    }
  }

  /** Hashes and seals staging files; they stay. */
  async seal(...ids: StagingId[]): Promise<SealedContent[]> {
    const hashes = await this.store.hash(ids);
    const requests = ids.map((id) => {
      const hash = hashes.get(id);
      if (hash === undefined) throw new Error(`no hash of ${id}`);
      return { id, hash, sizeBytes: this.store.statStaging(id)?.sizeBytes ?? 0 };
    });
    return await this.store.seal(requests);
  }

  /** All the way: these bytes, sealed; nothing staged is left. */
  async sealed(bytes: Uint8Array): Promise<SealedContent> {
    const id = this.stage(bytes);
    const [content] = await this.seal(id);
    await this.store.discardStaging([id]);
    if (content === undefined) throw new Error("nothing was sealed");
    return content;
  }

  /** What a sealed content holds. */
  bytesOf(content: { hash: ContentHash; sizeBytes: number }): Buffer {
    const reader = this.store.open(content);
    try {
      return readAll(reader);
    } finally {
      reader.close();
    }
  }
}
