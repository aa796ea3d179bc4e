import type { AgentId, ContentHash, Ino, PathId, TenantId } from "../../model/ids.js";
import type { Timestamp } from "../../model/timestamp.js";
import type { ResolvedReference } from "./work-store.js";

/** What {@link MetadataStore.importFiles} does, as one transaction. */
export interface ImportRequest {
  readonly now: Timestamp;
  /** Who owns what is made. */
  readonly uid: number;
  readonly gid: number;
  /** Directories to make, parents before what is in them. */
  readonly directories: readonly ImportedDirectory[];
  readonly files: readonly ImportedFile[];
}

/** A directory that is there, or the one at this place in the list of those to make. */
export type ImportParent = { readonly ino: Ino } | { readonly made: number };

interface ImportedName {
  readonly parent: ImportParent;
  readonly name: string;
  /** With the type bits. */
  readonly mode: number;
  readonly tenantId: TenantId | undefined;
  readonly agentId: AgentId | undefined;
}

export interface ImportedDirectory extends ImportedName {}

/** A file to make. */
export interface NewFile extends ImportedName {
  /** Kept if no inode has it; a new one otherwise. */
  readonly pathId: PathId | undefined;
}

export interface ImportedFile {
  /** The regular file that gets the content, or the one to make. */
  readonly target: { readonly ino: Ino } | NewFile;
  readonly contentHash: ContentHash;
  /** A file that is there never goes back: with another content it gets one more than it has, at least. */
  readonly version: number;
  readonly mtime: Timestamp;
  readonly btime: Timestamp;
  readonly mimeType: string | undefined;
  /** Takes the place of all that the file has. */
  readonly metadata: ReadonlyMap<string, Uint8Array>;
  /** What the queue has to know of it. */
  readonly work: ImportedWork;
}

export interface ImportedWork {
  readonly zone: string;
  /** What `depends_on` in the metadata means. */
  readonly dependencies: readonly ImportedReference[];
}

/** One that means no file that is there may mean one of the same import: its place in the list. */
export interface ImportedReference extends ResolvedReference {
  readonly file: number | undefined;
}

export interface Imported {
  /** Of each file, in the order of the request. */
  readonly inos: readonly Ino[];
  /** Contents that nothing refers to now. */
  readonly unreferenced: readonly ContentHash[];
}
