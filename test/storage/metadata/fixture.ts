import {
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFREG,
  S_IFSOCK,
} from "../../../src/model/attributes.js";
import { type ContentHash, type Ino, ROOT_INO, type StagingId } from "../../../src/model/ids.js";
import type { Timestamp } from "../../../src/model/timestamp.js";
import type {
  CreateRequest,
  InodeRecord,
  MetadataStore,
  RenameRequest,
  RenameResult,
  SealedContent,
  Unlinked,
} from "../../../src/storage/metadata/metadata-store.js";

/** A moment of the tests, which count time from 1. */
export function at(sec: number, nsec = 0): Timestamp {
  return { sec, nsec };
}

/** The hash of a content that exists in name only: one hexadecimal digit, repeated. */
export function hashOf(digit: string): ContentHash {
  return digit.repeat(64).slice(0, 64) as ContentHash;
}

export function contentOf(digit: string, sizeBytes = 10): SealedContent {
  return { hash: hashOf(digit), sizeBytes, blocks: 8 };
}

export const TYPE_OF = {
  file: S_IFREG,
  directory: S_IFDIR,
  symlink: S_IFLNK,
  fifo: S_IFIFO,
  socket: S_IFSOCK,
  "character device": S_IFCHR,
  "block device": S_IFBLK,
} as const;
export type NodeType = keyof typeof TYPE_OF;

export interface NodeOptions extends Partial<CreateRequest> {
  readonly permissions?: number;
}

/** Says in few words what a test does to a store. Everything happens at 1 unless said otherwise. */
export class Namespace {
  readonly store: MetadataStore;

  constructor(store: MetadataStore) {
    this.store = store;
  }

  node(type: NodeType, name: string, { permissions = 0o644, ...rest }: NodeOptions = {}): Ino {
    return this.create(type, name, { permissions, ...rest }).ino;
  }

  create(type: NodeType, name: string, options: NodeOptions = {}): InodeRecord {
    const { permissions = 0o644, ...rest } = options;
    return this.store.create({ ...this.#request(TYPE_OF[type] | permissions), name, ...rest });
  }

  file(name: string, options: NodeOptions = {}): Ino {
    return this.node("file", name, options);
  }

  directory(name: string, options: NodeOptions = {}): Ino {
    return this.node("directory", name, { permissions: 0o755, ...options });
  }

  /** A regular file without a name. */
  unnamed(options: NodeOptions = {}): Ino {
    const { permissions = 0o644, ...rest } = options;
    return this.store.createUnnamed({ ...this.#request(S_IFREG | permissions), ...rest }).ino;
  }

  unlink(name: string, { parent = ROOT_INO, now = at(1) } = {}): Unlinked {
    return this.store.unlink({ parent, name, now });
  }

  rename(name: string, newName: string, options: Partial<RenameRequest> = {}): RenameResult {
    return this.store.rename({
      parent: ROOT_INO,
      name,
      newParent: ROOT_INO,
      newName,
      mode: "replace",
      mimeType: undefined,
      newMimeType: undefined,
      now: at(1),
      ...options,
    });
  }

  /** Seals a content as the content of a file; returns what nothing refers to now. */
  seal(ino: Ino, content: SealedContent): ContentHash[] {
    const stagingId = this.stage(ino);
    return this.store.commitContents([{ ino, stagingId, ...content, now: at(1) }]);
  }

  stage(ino: Ino): StagingId {
    const stagingId = this.store.nextId() as StagingId;
    this.store.stage({ ino, stagingId });
    return stagingId;
  }

  lookup(name: string, parent = ROOT_INO): Ino | undefined {
    return this.store.lookup({ parent, name })?.ino;
  }

  /** The row of an inode that must be there. */
  row(ino: Ino): InodeRecord {
    const row = this.store.getattr(ino);
    if (row === undefined) throw new Error(`no inode ${ino}`);
    return row;
  }

  names(ino = ROOT_INO): string[] {
    return this.store.readdir({ ino, after: 0, limit: 10_000 }).map(({ name }) => name);
  }

  #request(mode: number): CreateRequest {
    return {
      parent: ROOT_INO,
      name: "",
      mode,
      uid: 0,
      gid: 0,
      rdev: 0,
      tenantId: undefined,
      agentId: undefined,
      mimeType: undefined,
      now: at(1),
    };
  }
}
