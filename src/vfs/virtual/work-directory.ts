import type { Attributes } from "../../model/attributes.js";
import { NexusError } from "../../model/errors.js";
import type { Caller } from "../../model/identity.js";
import type { Ino } from "../../model/ids.js";
import type { WorkStatus } from "../../model/work.js";
import type { WorkPosition } from "../../storage/metadata/work-store.js";
import {
  LAST_DOT_COOKIE,
  type Listing,
  type ListingRequest,
  type Provenance,
  VIRTUAL_MODE,
  type VirtualDirectory,
  type VirtualNode,
  virtualAttributes,
} from "./virtual-node.js";
import type { VisibleWork } from "./visible-work.js";
import { inoOfWorkLinkName, positionOfWorkLinkName, workLinkName } from "./work-link-name.js";
import type { WorkLinks } from "./work-links.js";

/**
 * How many places of a listing are remembered. The answer to one request has at most some ten
 * thousand entries, a megabyte, and the next request goes on from one of these.
 */
const REMEMBERED = 16_384;

export interface WorkDirectoryOptions {
  readonly ino: Ino;
  readonly parent: Ino;
  readonly state: WorkStatus;
  readonly provenance: Provenance;
  readonly work: VisibleWork;
  readonly links: WorkLinks;
}

/** `/.nexus/work/{state}`: a symlink for each item in that state, sorted in the order of work. */
export class WorkDirectory implements VirtualDirectory {
  readonly kind = "directory";
  readonly ino: Ino;
  readonly parent: Ino;
  readonly #options: WorkDirectoryOptions;

  constructor(options: WorkDirectoryOptions) {
    this.ino = options.ino;
    this.parent = options.parent;
    this.#options = options;
  }

  attributes(): Attributes {
    const { ino, kind } = this;
    return virtualAttributes({ ino, kind, sizeBytes: 0, provenance: this.#options.provenance });
  }

  find({ identity }: Caller, name: string): VirtualNode | undefined {
    const { state, work, links } = this.#options;
    const ino = inoOfWorkLinkName(name);
    const record = ino === undefined ? undefined : work.item(identity, ino);
    const isHere = record?.state === state && workLinkName(record) === name;
    return isHere ? links.admit(record) : undefined;
  }

  /** From an item's name follows its place in the order of work, from which the store goes on. */
  names({ identity }: Caller, page: { after: string; limit: number }): string[] {
    const { state, work } = this.#options;
    const after = positionOfWorkLinkName(page.after);
    const names: string[] = [];
    for (const record of work.items(identity, { state, after, pageSize: page.limit })) {
      const name = workLinkName(record);
      // One that isn't an item's name gave no place to go on from. Up to the item's own all is ASCII.
      if (name > page.after && names.push(name) >= page.limit) break;
    }
    return names;
  }

  list(): Listing {
    return new WorkListing(this.#options);
  }
}

/**
 * Goes on after an item by its place in the order of work, so that items which come or go meanwhile
 * are neither listed twice nor lost. The cookie is the item's number, and only the store knows its
 * place; when the item has left the state, only the listing does, which remembers it.
 */
class WorkListing implements Listing {
  readonly #options: WorkDirectoryOptions;
  /** By the item, the oldest first. */
  readonly #places = new Map<number, WorkPosition>();

  constructor(options: WorkDirectoryOptions) {
    this.#options = options;
  }

  read({ identity }: Caller, { after: cookie, limit, emit }: ListingRequest): void {
    const { state, work, links } = this.#options;
    const after = cookie === LAST_DOT_COOKIE ? undefined : this.#place({ identity, cookie });
    // These names are long: of what the caller guesses by common ones, half fits.
    const pageSize = Math.ceil(limit / 2);
    for (const record of work.items(identity, { state, after, pageSize })) {
      const ino = links.inoOf(record);
      const entry = { ino, mode: VIRTUAL_MODE.symlink, cookie: cookieOf(record.ino) };
      if (!emit({ ...entry, name: workLinkName(record) })) return;
      this.#remember(record);
    }
  }

  #remember({ urgency, createdUs, ino }: WorkPosition): void {
    const cookie = cookieOf(ino);
    this.#places.delete(cookie);
    this.#places.set(cookie, { urgency, createdUs, ino });
    if (this.#places.size <= REMEMBERED) return;
    for (const oldest of this.#places.keys()) {
      this.#places.delete(oldest);
      return;
    }
  }

  #place({ identity, cookie }: Pick<Caller, "identity"> & { cookie: number }): WorkPosition {
    const { state, work } = this.#options;
    const remembered = this.#places.get(cookie);
    if (remembered !== undefined) return remembered;
    const record = work.item(identity, (cookie - LAST_DOT_COOKIE) as Ino);
    if (record?.state === state) return record;
    throw new NexusError("stale", "what the listing came to is gone; it has to begin anew", {
      op: "readdir",
    });
  }
}

function cookieOf(ino: Ino): number {
  return ino + LAST_DOT_COOKIE;
}
