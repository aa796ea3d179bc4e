import { createReadStream } from "node:fs";
import type { Readable, Writable } from "node:stream";
import { interruption, requireNotAborted } from "../files/abort.js";
import type { Files } from "../files/files.js";
import type { CustomMetadata } from "../metadata/custom-metadata.js";
import { requireConflictMode } from "./conflict-mode.js";
import { Export } from "./export.js";
import { type ImportParts, importFrom } from "./import.js";
import type {
  ExportOptions,
  ExportResult,
  ImportOptions,
  ImportResult,
  Transfer,
} from "./transfer.js";
import { hostCall, writeWhole } from "./whole-file.js";

export interface NamespaceTransferOptions extends ImportParts {
  /** Of the same caller. */
  readonly files: Files;
  readonly metadata: CustomMetadata;
}

/** {@link Transfer} on the file system, for one caller. */
export class NamespaceTransfer implements Transfer {
  readonly #parts: NamespaceTransferOptions;

  constructor(options: NamespaceTransferOptions) {
    this.#parts = options;
  }

  async exportMetadata(
    target: string | Writable,
    options: ExportOptions = {},
  ): Promise<ExportResult> {
    return await interruptible(options.signal, async () => {
      const write = (stream: Writable) => new Export(this.#parts, options).writeTo(stream);
      return typeof target === "string" ? await writeWhole(target, write) : await write(target);
    });
  }

  async importMetadata(
    source: string | Readable,
    options: ImportOptions = {},
  ): Promise<ImportResult> {
    const conflictMode = requireConflictMode(options.conflictMode ?? "skip");
    return await interruptible(options.signal, async () => {
      const parts = { ...this.#parts, options: { ...options, conflictMode } };
      if (typeof source !== "string") return await importFrom(source, parts);
      const stream = createReadStream(source);
      try {
        return await hostCall(source, () => importFrom(stream, parts));
      } finally {
        stream.destroy();
      }
    });
  }
}

/** Streams have errors of their own for what a signal ended. Errors: `interrupted`, once it has aborted. */
async function interruptible<T>(
  signal: AbortSignal | undefined,
  action: () => Promise<T>,
): Promise<T> {
  requireNotAborted(signal);
  try {
    return await action();
  } catch (error) {
    throw signal?.aborted === true ? interruption(signal) : error;
  }
}
