import { expect } from "vitest";
import type { StagingId } from "../../../src/model/ids.js";
import type {
  AllocateRequest,
  ContentStore,
  StagingFile,
} from "../../../src/storage/content/content-store.js";
import type { SealedContent } from "../../../src/storage/metadata/metadata-store.js";
import { bytesOfLength } from "../../support/bytes.js";
import { Contents, hashOf, readAll } from "./fixture.js";

/** Something that happens to a store. `file` picks one of those there are. */
export type Step =
  | { readonly op: "create" }
  | { readonly op: "write"; file: number; offset: number; length: number; seed: number }
  | { readonly op: "truncate"; file: number; sizeBytes: number }
  | { readonly op: "allocate"; file: number; request: AllocateRequest }
  | { readonly op: "copy"; file: number; from: number; offset: number; toOffset: number }
  | { readonly op: "copyUp"; content: number; lengthBytes: number }
  | { readonly op: "close"; file: number }
  | { readonly op: "seal"; files: number }
  | { readonly op: "discard"; file: number }
  | { readonly op: "restart" };

interface Staged {
  readonly id: StagingId;
  expected: Buffer;
  open: StagingFile | undefined;
}

/** A content store, and what it should hold. */
export class ContentModel {
  readonly #open: () => ContentStore;
  readonly #opened: ContentStore[] = [];
  #contents: Contents;
  #nextId = 1;
  #staged: Staged[] = [];
  readonly #sealed: { content: SealedContent; bytes: Buffer }[] = [];

  constructor(open: () => ContentStore) {
    this.#open = open;
    this.#contents = this.#start();
  }

  async run(step: Step): Promise<void> {
    if (step.op === "create") return this.#create();
    if (step.op === "restart") return this.#restart();
    if (step.op === "copyUp") return await this.#copyUp(step);
    if (step.op === "seal") return await this.#seal(this.#staged.slice(0, step.files));
    const staged = this.#staged[step.file % Math.max(1, this.#staged.length)];
    if (staged === undefined) return;
    if (step.op === "discard") return await this.#discard([staged]);
    if (step.op === "close") return this.#close(staged);
    this.#change(staged, step);
    expect(staged.open?.sizeBytes).toBe(staged.expected.length);
  }

  /** Everything is as it should be, read anew. */
  check(): void {
    for (const staged of this.#staged) {
      const bytes = readAll(this.#file(staged), { length: staged.expected.length + 10 });
      expect(bytes.equals(staged.expected)).toBe(true);
    }
    for (const { content, bytes } of this.#sealed) {
      expect(this.#contents.bytesOf(content).equals(bytes)).toBe(true);
    }
  }

  async close(): Promise<void> {
    for (const staged of this.#staged) this.#close(staged);
    for (const store of this.#opened) await store.close();
  }

  #start(): Contents {
    const store = this.#open();
    this.#opened.push(store);
    return new Contents(store);
  }

  /** The next process finds what this one wrote; nothing of this one was closed or synced. */
  #restart(): void {
    for (const staged of this.#staged) staged.open = undefined;
    this.#contents = this.#start();
    // An empty one need not come back: its inode's row says enough.
    this.#staged = this.#staged.filter(
      ({ id, expected }) =>
        expected.length > 0 || this.#contents.store.statStaging(id) !== undefined,
    );
    this.check();
  }

  #create(): void {
    const id = this.#nextId++ as StagingId;
    const open = this.#contents.store.createStaging(id);
    this.#staged.push({ id, expected: Buffer.alloc(0), open });
  }

  #file(staged: Staged): StagingFile {
    staged.open ??= this.#contents.store.openStaging(staged.id);
    return staged.open;
  }

  #close(staged: Staged): void {
    staged.open?.close();
    staged.open = undefined;
  }

  #change(
    staged: Staged,
    step: Extract<Step, { op: "write" | "truncate" | "allocate" | "copy" }>,
  ): void {
    const file = this.#file(staged);
    switch (step.op) {
      case "write": {
        const from = bytesOfLength(step.length, step.seed);
        file.write({ from, offset: step.offset });
        if (from.length > 0) put(staged, { from, offset: step.offset });
        return;
      }
      case "truncate":
        file.truncate(step.sizeBytes);
        resize(staged, step.sizeBytes);
        return;
      case "allocate":
        file.allocate(step.request);
        allocate(staged, step.request);
        return;
      case "copy": {
        const from = this.#staged[step.from % this.#staged.length];
        // The spans of one file may not overlap, copy_file_range(2).
        if (from === undefined || from === staged) return;
        const { offset, toOffset } = step;
        const bytes = from.expected.subarray(offset, offset + 5000);
        const request = { source: this.#file(from), offset, toOffset, length: 5000 };
        expect(file.copyFrom(request)).toBe(bytes.length);
        if (bytes.length > 0) put(staged, { from: bytes, offset: toOffset });
      }
    }
  }

  async #copyUp({ content, lengthBytes }: Extract<Step, { op: "copyUp" }>): Promise<void> {
    const sealed = this.#sealed[content % Math.max(1, this.#sealed.length)];
    if (sealed === undefined) return;
    const id = this.#nextId++ as StagingId;
    const length = Math.min(lengthBytes, sealed.bytes.length);
    const source = this.#contents.store.open(sealed.content);
    const open = await this.#contents.store.copyUp({ source, id, lengthBytes: length });
    source.close();
    const expected = Buffer.from(sealed.bytes.subarray(0, length));
    this.#staged.push({ id, expected, open });
  }

  async #seal(batch: readonly Staged[]): Promise<void> {
    const hashes = await this.#contents.store.hash(batch.map(({ id }) => id));
    const ready = batch.flatMap((staged) => {
      const hash = hashes.get(staged.id);
      if (hash === undefined) return [];
      expect(hash).toBe(hashOf(staged.expected));
      return [{ staged, request: { id: staged.id, hash, sizeBytes: staged.expected.length } }];
    });
    const sealed = await this.#contents.store.seal(ready.map(({ request }) => request));
    for (const [index, { staged }] of ready.entries()) {
      const content = sealed[index];
      if (content === undefined) throw new Error("a content is missing");
      this.#sealed.push({ content, bytes: staged.expected });
    }
    await this.#discard(ready.map(({ staged }) => staged));
  }

  async #discard(gone: readonly Staged[]): Promise<void> {
    for (const staged of gone) this.#close(staged);
    this.#staged = this.#staged.filter((staged) => !gone.includes(staged));
    await this.#contents.store.discardStaging(gone.map(({ id }) => id));
  }
}

function resize(staged: Staged, sizeBytes: number): void {
  const bytes = Buffer.alloc(sizeBytes);
  staged.expected.copy(bytes);
  staged.expected = bytes;
}

function put(staged: Staged, { from, offset }: { from: Buffer; offset: number }): void {
  const end = offset + from.length;
  resize(staged, Math.max(staged.expected.length, end));
  from.copy(staged.expected, offset);
}

function allocate(staged: Staged, { mode, offset, length }: AllocateRequest): void {
  const end = offset + length;
  if (mode === "extend" || mode === "zero") resize(staged, Math.max(staged.expected.length, end));
  if (mode === "extend" || mode === "keep-size") return;
  const { length: size } = staged.expected;
  staged.expected.fill(0, Math.min(offset, size), Math.min(end, size));
}
