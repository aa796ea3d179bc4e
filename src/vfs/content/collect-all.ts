import { type Amount, CONTENT_DIRECTORIES } from "../../storage/content/content-store.js";

/** A store is collected in parts: the directories of contents, and then what seals have left unfinished. */
export const COLLECTOR_PARTS = CONTENT_DIRECTORIES + 1;

/** What was found in a part of a store, or in all of it, that nobody needs. */
export interface CollectedPart {
  /** How many contents there are that somebody may need. */
  readonly known: number;
  /** Contents that nothing names. They and `unfinished` are removed, or would be. */
  readonly contents: Amount;
  /** What seals that couldn't end have left. */
  readonly unfinished: Amount;
  /** Younger than the grace period, so they stay. */
  readonly young: Amount;
  /** Contents that stay because somebody holds all contents, as a backup does. */
  readonly held: Amount;
}

export interface Collected extends CollectedPart {
  /**
   * `refused`: nothing was removed, because more contents have no file than have one. That isn't what a power
   * failure leaves, but what a database leaves that is an older one, or another one's.
   */
  readonly outcome: "removed" | "looked" | "refused";
}

export interface CollectAllOptions {
  readonly collect: (part: number, action: "remove" | "look") => Promise<CollectedPart>;
  /** With `remove-most`, also when it is most of all contents. */
  readonly action: "look" | "remove" | "remove-most";
  /** Told after each part that was looked at. */
  readonly onProgress?: (progress: { readonly done: number; readonly of: number }) => void;
  readonly signal?: AbortSignal;
}

/**
 * Collects a whole store, a part at a time: looks at all, and only then removes. Errors: those of `collect`, the
 * reason of `signal`.
 */
export async function collectAll(options: CollectAllOptions): Promise<Collected> {
  const { collect, action, onProgress, signal } = options;
  const found: CollectedPart[] = [];
  for (let part = 0; part < COLLECTOR_PARTS; part++) {
    signal?.throwIfAborted();
    found.push(await collect(part, "look"));
    onProgress?.({ done: part + 1, of: COLLECTOR_PARTS });
  }
  const all = sum(found);
  if (action === "look") return { ...all, outcome: "looked" };
  const unknown = all.contents.files + all.held.files + all.young.files;
  if (action === "remove" && all.contents.files > 0 && unknown > all.known) {
    return { ...all, outcome: "refused" };
  }
  for (const [part, { contents, unfinished }] of found.entries()) {
    if (contents.files + unfinished.files === 0) continue;
    signal?.throwIfAborted();
    found[part] = await collect(part, "remove");
  }
  return { ...sum(found), outcome: "removed" };
}

/** What a part has in which there is nothing. */
export const NOTHING_COLLECTED: CollectedPart = {
  known: 0,
  contents: { files: 0, bytes: 0 },
  unfinished: { files: 0, bytes: 0 },
  young: { files: 0, bytes: 0 },
  held: { files: 0, bytes: 0 },
};

/** All of these together. */
export function sum(parts: readonly CollectedPart[]): CollectedPart {
  return parts.reduce(
    (one, other) => ({
      known: one.known + other.known,
      contents: both(one.contents, other.contents),
      unfinished: both(one.unfinished, other.unfinished),
      young: both(one.young, other.young),
      held: both(one.held, other.held),
    }),
    NOTHING_COLLECTED,
  );
}

function both(one: Amount, other: Amount): Amount {
  return { files: one.files + other.files, bytes: one.bytes + other.bytes };
}
