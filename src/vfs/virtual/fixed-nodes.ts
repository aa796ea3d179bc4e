import type { Attributes } from "../../model/attributes.js";
import type { Caller } from "../../model/identity.js";
import type { Ino } from "../../model/ids.js";
import { type MaybePromise, whenReady } from "../../model/maybe-promise.js";
import {
  LAST_DOT_COOKIE,
  type Listing,
  type Provenance,
  VIRTUAL_MODE,
  type VirtualDirectory,
  type VirtualFile,
  type VirtualNode,
  virtualAttributes,
} from "./virtual-node.js";

/** A directory whose entries are the same for everybody and as long as the system runs. */
export class FixedDirectory implements VirtualDirectory {
  readonly kind = "directory";
  readonly ino: Ino;
  readonly parent: Ino;
  readonly #provenance: Provenance;
  readonly #entries: ReadonlyMap<string, VirtualNode>;

  constructor({
    ino,
    parent,
    provenance,
    entries,
  }: {
    ino: Ino;
    parent: Ino;
    provenance: Provenance;
    entries: ReadonlyMap<string, VirtualNode>;
  }) {
    this.ino = ino;
    this.parent = parent;
    this.#provenance = provenance;
    this.#entries = entries;
  }

  attributes(): Attributes {
    const { ino, kind } = this;
    return virtualAttributes({ ino, kind, sizeBytes: 0, provenance: this.#provenance });
  }

  find(_caller: Caller, name: string): VirtualNode | undefined {
    return this.#entries.get(name);
  }

  names(_caller: Caller, { after, limit }: { after: string; limit: number }): string[] {
    return [...this.#entries.keys()]
      .filter((name) => name > after)
      .sort()
      .slice(0, limit);
  }

  list(): Listing {
    const entries = [...this.#entries].map(([name, { ino, kind }], index) => ({
      name,
      ino,
      mode: VIRTUAL_MODE[kind],
      cookie: LAST_DOT_COOKIE + 1 + index,
    }));
    return {
      read: (_caller, { after, emit }) => {
        for (const entry of entries) if (entry.cookie > after && !emit(entry)) return;
      },
    };
  }
}

/** A file whose text is made for whoever opens it. */
export class TextFile implements VirtualFile {
  readonly kind = "file";
  readonly ino: Ino;
  readonly text: (caller: Caller) => MaybePromise<string>;
  readonly #provenance: Provenance;

  constructor({
    ino,
    provenance,
    text,
  }: {
    ino: Ino;
    provenance: Provenance;
    text: (caller: Caller) => MaybePromise<string>;
  }) {
    this.ino = ino;
    this.text = text;
    this.#provenance = provenance;
  }

  /** The size is that of the text now: programs that splice read no further. */
  attributes(caller: Caller): MaybePromise<Attributes> {
    const { ino, kind } = this;
    return whenReady(this.text(caller), (text) =>
      virtualAttributes({
        ino,
        kind,
        sizeBytes: Buffer.byteLength(text),
        provenance: this.#provenance,
      }),
    );
  }
}
