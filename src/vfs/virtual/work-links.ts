import type { Attributes } from "../../model/attributes.js";
import { NexusError } from "../../model/errors.js";
import type { Caller } from "../../model/identity.js";
import { FIRST_VIRTUAL_INO, type Ino } from "../../model/ids.js";
import { WORK_STATUSES, type WorkStatus } from "../../model/work.js";
import type { WorkRecord } from "../../storage/metadata/work-store.js";
import { type Provenance, type VirtualSymlink, virtualAttributes } from "./virtual-node.js";
import type { VisibleWork } from "./visible-work.js";

/** A symlink's number is usually made of its item's number and state. */
const FIRST_LINK_INO = FIRST_VIRTUAL_INO + 2 ** 16;
const NUMBERS_FOR_STATES = 8;
const FIRST_SPARE_INO = FIRST_VIRTUAL_INO + 2 ** 51;

/** From `/.nexus/work/ready` up to the root, wherever that is mounted. */
const TO_THE_ROOT = "../../..";

/**
 * The symlinks of work items that a kernel has looked up, until it forgets them. A kernel keeps the
 * target of a symlink for as long as it knows the inode, and can't be asked not to. So an inode never
 * changes its target: an item that was renamed while somebody knows its symlink gets a symlink with
 * another number.
 */
export class WorkLinks {
  readonly #work: VisibleWork;
  readonly #owner: Omit<Provenance, "time">;
  readonly #links = new Map<Ino, WorkLink>();
  /** Those with a number of their own, by number and path. */
  readonly #spare = new Map<string, WorkLink>();
  #spareInos = 0;

  constructor({ work, owner }: { work: VisibleWork; owner: Omit<Provenance, "time"> }) {
    this.#work = work;
    this.#owner = owner;
  }

  /** How many are known. */
  get size(): number {
    return this.#links.size;
  }

  get(ino: Ino): WorkLink | undefined {
    return this.#links.get(ino);
  }

  /** The number that the item's symlink has now, or would have. */
  inoOf(record: WorkRecord): Ino {
    return this.#known(record)?.ino ?? usualIno(record);
  }

  /** The item's symlink in the directory of its state, with a look-up counted. */
  admit(record: WorkRecord): WorkLink {
    const link = this.#known(record) ?? this.#add(record);
    link.lookups += 1;
    return link;
  }

  #known(record: WorkRecord): WorkLink | undefined {
    const usual = this.#links.get(usualIno(record));
    return usual?.path === record.path ? usual : this.#spare.get(spareKey(record));
  }

  #add(record: WorkRecord): WorkLink {
    const usual = usualIno(record);
    const isTaken = this.#links.has(usual);
    const ino = isTaken ? ((FIRST_SPARE_INO + this.#spareInos++) as Ino) : usual;
    const link: WorkLink = new WorkLink({
      ino,
      record,
      work: this.#work,
      owner: this.#owner,
      onForgotten: () => {
        this.#links.delete(ino);
        if (isTaken) this.#spare.delete(spareKey(record));
      },
    });
    this.#links.set(ino, link);
    if (isTaken) this.#spare.set(spareKey(record), link);
    return link;
  }
}

function usualIno({ ino, state }: WorkRecord): Ino {
  return (FIRST_LINK_INO + ino * NUMBERS_FOR_STATES + WORK_STATUSES.indexOf(state)) as Ino;
}

function spareKey(record: WorkRecord): string {
  return `${usualIno(record)} ${record.path}`;
}

/** A symlink to an item, in the directory of the state in which the item was looked up. */
export class WorkLink implements VirtualSymlink {
  readonly kind = "symlink";
  readonly ino: Ino;
  /** The item's, when the symlink was made. */
  readonly path: string;
  lookups = 0;
  readonly #item: Ino;
  readonly #state: WorkStatus;
  readonly #work: VisibleWork;
  readonly #owner: Omit<Provenance, "time">;
  readonly #onForgotten: () => void;

  constructor({
    ino,
    record,
    work,
    owner,
    onForgotten,
  }: {
    ino: Ino;
    record: WorkRecord;
    work: VisibleWork;
    owner: Omit<Provenance, "time">;
    onForgotten: () => void;
  }) {
    this.ino = ino;
    this.path = record.path;
    this.#item = record.ino;
    this.#state = record.state;
    this.#work = work;
    this.#owner = owner;
    this.#onForgotten = onForgotten;
  }

  /** The times are the item's. */
  attributes(caller: Caller): Attributes {
    const { modifiedAt: time, createdAt: btime } = this.#record(caller);
    const { ino, kind } = this;
    const sizeBytes = Buffer.byteLength(this.#target);
    const provenance = { ...this.#owner, time };
    return { ...virtualAttributes({ ino, kind, sizeBytes, provenance }), btime };
  }

  target(caller: Caller): string {
    this.#record(caller);
    return this.#target;
  }

  forget(count: number): void {
    this.lookups = Math.max(0, this.lookups - count);
    if (this.lookups === 0) this.#onForgotten();
  }

  get #target(): string {
    return `${TO_THE_ROOT}${this.path}`;
  }

  /** The item, as long as the symlink is what leads to it. */
  #record({ identity }: Caller): WorkRecord {
    const record = this.#work.item(identity, this.#item);
    if (record?.state === this.#state && record.path === this.path) return record;
    throw new NexusError("not-found", `the work item isn't ${this.#state} at this path any more`);
  }
}
