import { createReadStream } from "node:fs";
import type { Readable, Writable } from "node:stream";
import type { Files } from "../files/files.js";
import type { CustomMetadata } from "../metadata/custom-metadata.js";
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
    options.signal?.throwIfAborted();
    const write = (stream: Writable) => new Export(this.#parts, options).writeTo(stream);
    return typeof target === "string" ? await writeWhole(target, write) : await write(target);
  }

  async importMetadata(
    source: string | Readable,
    options: ImportOptions = {},
  ): Promise<ImportResult> {
    options.signal?.throwIfAborted();
    if (typeof source !== "string") return await importFrom(source, { ...this.#parts, options });
    const stream = createReadStream(source);
    try {
      return await hostCall(source, () => importFrom(stream, { ...this.#parts, options }));
    } finally {
      stream.destroy();
    }
  }
}
