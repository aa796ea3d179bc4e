import { onTestFinished } from "vitest";
import type {
  ChangePosition,
  ChangeRecord,
} from "../../../../src/storage/metadata/change-store.js";
import type { MetadataStore } from "../../../../src/storage/metadata/metadata-store.js";

/** Somebody who watches a store from now on, and reads what was recorded since the last look. */
export class Watcher {
  readonly #store: MetadataStore;
  readonly #end: () => void;
  position: ChangePosition;
  /** How often something was told. */
  news = 0;

  constructor(store: MetadataStore) {
    this.#store = store;
    this.#end = store.changes.watchChanges(() => {
      this.news += 1;
    });
    this.position = store.changes.newestChange();
    onTestFinished(() => this.#end());
  }

  leave(): void {
    this.#end();
  }

  /** All that is new. */
  records(): ChangeRecord[] {
    const records = this.#store.changes.changesAfter({ after: this.position, limit: 100_000 });
    this.position = records.at(-1)?.position ?? this.position;
    return records;
  }

  /** The same in words, as `created /a`. */
  told(): string[] {
    return this.records().map(inWords);
  }
}

export function inWords(record: ChangeRecord): string {
  const { kind, path } = record;
  switch (record.kind) {
    case "created":
      return `${record.isNew ? "created" : "appeared"} ${path}`;
    case "renamed":
      return `renamed ${record.oldPath} ${path}`;
    case "metadata":
      return `metadata ${path} ${record.keys.join(",")}`;
    case "work":
      return `work ${path} ${record.oldStatus ?? "none"}>${record.status ?? "none"}`;
    case "removed":
    case "modified":
    case "attributes":
    case "started":
      return `${kind} ${path}`;
  }
}
