import type { ErrorKind } from "../../../src/model/errors.js";
import { NexusError } from "../../../src/model/errors.js";

/** What the model knows of an inode. Inodes have the numbers that the test gives them. */
export interface ModelInode {
  readonly type: "file" | "directory" | "symlink" | "whiteout";
  /** Names of a directory and the inodes they lead to. */
  readonly entries: Map<string, number>;
  names: number;
  content: string | undefined;
  version: number;
  readonly attributes: Map<string, string>;
}

export type ModelType = ModelInode["type"];

const ROOT = 1;

/** The rules of a metadata store in as few words as possible: what the real ones are held against. */
export class MetadataModel {
  readonly inodes = new Map<number, ModelInode>([[ROOT, inodeOf("directory", 1)]]);

  create(
    parent: number,
    { name, ino, type }: { name: string; ino: number; type: ModelType },
  ): void {
    const directory = this.#directory(parent);
    if (directory.entries.has(name)) fail("already-exists");
    this.inodes.set(ino, inodeOf(type, 1));
    directory.entries.set(name, ino);
  }

  link(ino: number, { parent, name }: { parent: number; name: string }): void {
    const inode = this.inodes.get(ino) ?? fail("not-found");
    if (inode.type === "directory") fail("not-permitted");
    if (this.#entriesOf(parent).has(name)) fail("already-exists");
    this.#directory(parent).entries.set(name, ino);
    inode.names += 1;
  }

  unlink(parent: number, name: string): void {
    const inode = this.#entry(parent, name);
    if (inode.type === "directory") fail("is-a-directory");
    this.#drop(parent, name);
  }

  rmdir(parent: number, name: string): void {
    const inode = this.#entry(parent, name);
    if (inode.type !== "directory") fail("not-a-directory");
    if (inode.entries.size > 0) fail("directory-not-empty");
    this.#drop(parent, name);
  }

  rename(
    from: { parent: number; name: string },
    to: { parent: number; name: string },
    { mode, whiteout }: { mode: "replace" | "no-replace" | "exchange"; whiteout?: number },
  ): void {
    const moved = this.#entry(from.parent, from.name);
    const movedIno = this.#entriesOf(from.parent).get(from.name) ?? 0;
    const targetIno = this.#entriesOf(to.parent).get(to.name);
    const target = targetIno === undefined ? undefined : this.inodes.get(targetIno);
    if (mode === "exchange") {
      if (target === undefined || targetIno === undefined) fail("not-found");
      if (targetIno === movedIno) return;
      this.#refuseLoop(movedIno, to.parent);
      this.#refuseLoop(targetIno, from.parent);
      this.#entriesOf(from.parent).set(from.name, targetIno);
      this.#entriesOf(to.parent).set(to.name, movedIno);
      return;
    }
    if (target !== undefined && mode === "no-replace") fail("already-exists");
    if (targetIno === movedIno) return;
    this.#refuseLoop(movedIno, to.parent);
    if (target !== undefined) requireReplaceable(moved, target);
    const destination = this.#directory(to.parent);
    if (target !== undefined) this.#drop(to.parent, to.name);
    this.#entriesOf(from.parent).delete(from.name);
    destination.entries.set(to.name, movedIno);
    if (whiteout !== undefined) {
      this.create(from.parent, { name: from.name, ino: whiteout, type: "whiteout" });
    }
  }

  seal(ino: number, content: string): void {
    const inode = this.inodes.get(ino);
    if (inode === undefined) return;
    if (inode.content !== content) inode.version += 1;
    inode.content = content;
  }

  reference(from: number, to: number): void {
    const content = this.inodes.get(from)?.content;
    if (content === undefined || !this.inodes.has(to)) fail("not-found");
    this.seal(to, content);
  }

  setAttribute(ino: number, key: string, value: string): void {
    const inode = this.inodes.get(ino) ?? fail("not-found");
    inode.attributes.set(key, value);
  }

  removeAttribute(ino: number, key: string): boolean {
    return this.inodes.get(ino)?.attributes.delete(key) ?? false;
  }

  reap(): number {
    const orphans = [...this.inodes].filter(([, { names }]) => names === 0);
    for (const [ino] of orphans) this.inodes.delete(ino);
    return orphans.length;
  }

  /** How many inodes have a content. */
  references(content: string): number {
    return [...this.inodes.values()].filter((inode) => inode.content === content).length;
  }

  linksOf(inode: ModelInode): number {
    if (inode.type !== "directory" || inode.names === 0) return inode.names;
    const below = [...inode.entries.values()].map((ino) => this.inodes.get(ino)?.type);
    return 2 + below.filter((type) => type === "directory").length;
  }

  #entriesOf(parent: number): Map<string, number> {
    return this.inodes.get(parent)?.entries ?? new Map();
  }

  /** A directory that entries may go into. */
  #directory(ino: number): ModelInode {
    const inode = this.inodes.get(ino);
    return inode === undefined || inode.names === 0 ? fail("not-found") : inode;
  }

  #entry(parent: number, name: string): ModelInode {
    const ino = this.#entriesOf(parent).get(name) ?? fail("not-found");
    return this.inodes.get(ino) ?? fail("internal");
  }

  #drop(parent: number, name: string): void {
    this.#entry(parent, name).names -= 1;
    this.#entriesOf(parent).delete(name);
  }

  #refuseLoop(moved: number, into: number): void {
    if (this.inodes.get(moved)?.type !== "directory") return;
    for (let ino: number | undefined = into; ino !== undefined; ino = this.#parentOf(ino)) {
      if (ino === moved) fail("invalid-argument");
    }
  }

  #parentOf(ino: number): number | undefined {
    for (const [parent, { entries }] of this.inodes) {
      if ([...entries.values()].includes(ino)) return parent;
    }
    return undefined;
  }
}

function inodeOf(type: ModelType, names: number): ModelInode {
  return {
    type,
    entries: new Map(),
    names,
    content: undefined,
    version: 0,
    attributes: new Map(),
  };
}

function requireReplaceable(moved: ModelInode, target: ModelInode): void {
  if (moved.type !== "directory" && target.type === "directory") fail("is-a-directory");
  if (moved.type === "directory" && target.type !== "directory") fail("not-a-directory");
  if (target.entries.size > 0) fail("directory-not-empty");
}

function fail(kind: ErrorKind): never {
  throw new NexusError(kind, `the model says ${kind}`);
}
