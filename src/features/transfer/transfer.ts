import type { Readable, Writable } from "node:stream";

/**
 * Export and import of metadata as JSON Lines: one object a file, sorted by path, its keys in the order
 * of {@link ExportedFile}. With content, the export is one archive: the same lines and the blobs.
 */
export interface Transfer {
  /** Errors: `already-exists` never: an export replaces a file of that name, once it is complete. */
  exportMetadata(target: string | Writable, options?: ExportOptions): Promise<ExportResult>;
  /**
   * Reads an export, with or without contents. One transaction: a broken line, named by its number,
   * leaves everything as it was. Errors: `invalid-argument` (a line), `not-found` (a content that is
   * neither in the archive nor in the store).
   */
  importMetadata(source: string | Readable, options?: ImportOptions): Promise<ImportResult>;
}

export interface ExportOptions {
  /** Only what lies at or below this path. */
  readonly prefix?: string;
  readonly tenantId?: string;
  /** Only what was modified after this. */
  readonly after?: Date;
  /** Puts the contents into the export, too. */
  readonly withContent?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: TransferProgress) => void;
}

export interface TransferProgress {
  readonly files: number;
  readonly bytes: number;
}

export interface ExportResult {
  readonly files: number;
  /** Of contents; 0 without them. */
  readonly bytes: number;
}

export type ConflictMode = "skip" | "overwrite" | "remap" | "auto";

export interface ImportOptions {
  /** What happens to a path that has another content already; `skip` by default. */
  readonly conflictMode?: ConflictMode;
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: TransferProgress) => void;
}

export interface ImportResult {
  readonly created: number;
  readonly updated: number;
  readonly skipped: number;
  readonly remapped: number;
  readonly collisions: readonly Collision[];
}

export interface Collision {
  readonly path: string;
  readonly existingEtag: string;
  readonly importedEtag: string;
  readonly resolution: ConflictMode;
  readonly message: string;
}

/** One line of an export. */
export interface ExportedFile {
  readonly path: string;
  readonly path_id: string;
  readonly backend_name: "local";
  /** The hash of the content. */
  readonly physical_path: string;
  readonly size: number;
  readonly etag: string;
  readonly mime_type: string | null;
  /**
   * UTC, ISO 8601 with microseconds and no zone suffix. A year that isn't one of 0..9999 has a sign and at
   * least six digits.
   */
  readonly created_at: string;
  readonly modified_at: string;
  readonly version: number;
  /** Left out when empty. Text as text; what isn't text as `{"base64": "..."}`. */
  readonly custom_metadata?: Readonly<Record<string, unknown>>;
}
