import type { Caller } from "../model/identity.js";
import type { Ino } from "../model/ids.js";

// What whoever keeps copies of what it was told has to forget. Told at the moment of the change, on the thread
// that makes it, and before the one who asked for it has an answer.

/** A name in a directory is new, gone, or leads elsewhere; with it the directory's attributes change. */
export interface EntryChange {
  readonly kind: "entry";
  readonly parent: Ino;
  readonly name: string;
}

export interface AttributesChange {
  readonly kind: "attributes";
  readonly ino: Ino;
}

/** A read has moved the access time, and nothing else changed. Nobody has to wait until that is known. */
export interface AccessChange {
  readonly kind: "access";
  readonly ino: Ino;
}

/** Bytes from `offset` to the end of the file are different, or as many as `length` says; and attributes. */
export interface ContentChange {
  readonly kind: "content";
  readonly ino: Ino;
  readonly offset: number;
  readonly length: number | "to the end";
  /** How long the file is now. */
  readonly sizeBytes: number;
  /** The last byte of the file, if it was written just now. */
  readonly lastByte?: number | undefined;
}

export type Change = EntryChange | AttributesChange | AccessChange | ContentChange;

/** `by` has asked for it; undefined for what the system does by itself. */
export type ChangeListener = (change: Change, by: Caller | undefined) => void;

/** Where changes can be heard. */
export interface ChangeSource {
  /** Tells `listener` of each change from now on. Returns what ends that. */
  subscribe(listener: ChangeListener): () => void;
}

/** Hands each change to those who listen. */
export class Changes implements ChangeSource {
  readonly #listeners = new Set<ChangeListener>();

  subscribe(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  note(change: Change, by: Caller | undefined): void {
    for (const listener of this.#listeners) listener(change, by);
  }
}
