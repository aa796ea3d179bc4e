import { NexusError } from "../model/errors.js";
import { canonicalPath } from "../model/path.js";

/** Gives the paths at and below `prefix` to a backend. */
export interface MountEntry {
  /** A canonical virtual path; `/` is the entry that takes what no other one does. */
  readonly prefix: string;
  /** The name of the backend that holds the contents. */
  readonly backend: string;
  readonly readonly: boolean;
  /** A higher one wins before the longest prefix does. */
  readonly priority: number;
}

export const LOCAL_BACKEND = "local";

export const ROOT_MOUNT: MountEntry = {
  prefix: "/",
  backend: LOCAL_BACKEND,
  readonly: false,
  priority: 0,
};

/** Which entry a path belongs to: the highest priority, then the longest prefix. */
export class MountTable {
  readonly #entries: readonly MountEntry[];

  /** Errors: `invalid-config` when two entries have the same prefix. */
  constructor(entries: readonly MountEntry[]) {
    const canonical = entries.map((entry) => ({ ...entry, prefix: canonicalPath(entry.prefix) }));
    const prefixes = new Set<string>();
    for (const { prefix } of canonical) {
      if (prefixes.has(prefix)) {
        throw new NexusError("invalid-config", `two mounts have the same path ${prefix}`);
      }
      prefixes.add(prefix);
    }
    const all = prefixes.has("/") ? canonical : [ROOT_MOUNT, ...canonical];
    this.#entries = all.sort(
      (a, b) => b.priority - a.priority || b.prefix.length - a.prefix.length,
    );
  }

  /** The same entries, at none of which anything may be changed. */
  asReadonly(): MountTable {
    return new MountTable(this.#entries.map((entry) => ({ ...entry, readonly: true })));
  }

  /** In the order in which they are looked at. */
  get prefixes(): string[] {
    return this.#entries.map(({ prefix }) => prefix);
  }

  entryOf(path: string): MountEntry {
    return this.#entries.find(({ prefix }) => isAtOrBelow(path, prefix)) ?? ROOT_MOUNT;
  }

  /** True when some entry starts strictly below `path`. */
  hasEntryBelow(path: string): boolean {
    return this.#entries.some(({ prefix }) => prefix !== path && isAtOrBelow(prefix, path));
  }
}

function isAtOrBelow(path: string, prefix: string): boolean {
  return prefix === "/" || path === prefix || path.startsWith(`${prefix}/`);
}
