import { type Attributes, S_IFMT, S_IFREG } from "../../../src/model/attributes.js";
import { NexusError } from "../../../src/model/errors.js";
import type { Caller } from "../../../src/model/identity.js";
import type { Ino } from "../../../src/model/ids.js";
import type {
  CopyFileRangeRequest,
  CreateRequest,
  Entry,
  FallocateRequest,
  FileSystem,
  FileSystemStat,
  InodeRequest,
  LinkRequest,
  ListedEntry,
  MkdirRequest,
  MknodRequest,
  NameRequest,
  Opened,
  OpenRequest,
  ReaddirPlusRequest,
  ReaddirRequest,
  ReadRequest,
  RenameRequest,
  SeekRequest,
  SetAttrRequest,
  WriteRequest,
} from "../../../src/vfs/file-system.js";
import type { LosingDisk, Node } from "./losing-disk.js";
import type { PagedFile } from "./paged-file.js";

const NO_TIME = { sec: 0, nsec: 0 };
const NODE_TYPES = 0o170000;

/** As much room as the store could want. */
const STAT: FileSystemStat = {
  blockBytes: 4096,
  ...{ blocks: 2 ** 24, blocksFree: 2 ** 23, blocksAvailable: 2 ** 23 },
  ...{ files: 2 ** 24, filesFree: 2 ** 23 },
  nameMaxBytes: 255,
};

/** A {@link LosingDisk} as the kernel asks for it: as much as a data directory needs. */
export class LosingFileSystem implements FileSystem {
  readonly #disk: LosingDisk;
  readonly #nodes = new Map<Ino, Node>();
  readonly #handles = new Map<number, Node>();
  #lastHandle = 0;

  constructor(disk: LosingDisk) {
    this.#disk = disk;
    this.#nodes.set(disk.root.ino, disk.root);
  }

  lookup(_caller: Caller, { parent, name }: NameRequest): Entry | undefined {
    const node = this.#names(parent).get(name);
    return node && this.#entry(node);
  }

  /** Numbers are never used twice, and a disk isn't used for long. */
  forget(): void {}

  variesByCaller(): boolean {
    return false;
  }

  getattr(_caller: Caller, { ino }: InodeRequest): Attributes {
    return attributesOf(this.#node(ino));
  }

  setattr(_caller: Caller, { ino, ...asked }: SetAttrRequest): Attributes {
    const node = this.#node(ino);
    const { mode, uid, gid } = node.owned;
    const { permissions = mode & ~S_IFMT, sizeBytes } = asked;
    if (asked.permissions !== undefined || asked.uid !== undefined || asked.gid !== undefined) {
      const owned = { mode: (mode & S_IFMT) | permissions, uid: asked.uid ?? uid };
      this.#disk.changeOwned(node, { ...owned, gid: asked.gid ?? gid });
    }
    if (sizeBytes !== undefined) {
      fileOf(node).truncate(sizeBytes);
      node.mtime = now();
    }
    if (asked.atime !== undefined) node.atime = asked.atime === "now" ? now() : asked.atime;
    if (asked.mtime !== undefined) node.mtime = asked.mtime === "now" ? now() : asked.mtime;
    return attributesOf(node);
  }

  mknod(caller: Caller, { parent, name, mode }: MknodRequest): Entry {
    return this.#entry(this.#make(caller, { parent, name, mode }));
  }

  mkdir(caller: Caller, { parent, name, mode }: MkdirRequest): Entry {
    return this.#entry(this.#make(caller, { parent, name, mode: 0o040000 | (mode & 0o7777) }));
  }

  link(_caller: Caller, { ino, newParent, newName }: LinkRequest): Entry {
    const node = this.#node(ino);
    this.#requireFree({ parent: newParent, name: newName });
    this.#disk.change({ directory: this.#node(newParent), name: newName, node });
    return this.#entry(node);
  }

  unlink(_caller: Caller, { parent, name }: NameRequest): void {
    this.#named({ parent, name });
    this.#disk.change({ directory: this.#node(parent), name, node: undefined });
  }

  rmdir(caller: Caller, { parent, name }: NameRequest): void {
    if ((this.#named({ parent, name }).entries?.size ?? 0) > 0) {
      throw new NexusError("directory-not-empty", name);
    }
    this.unlink(caller, { parent, name });
  }

  rename(_caller: Caller, { parent, name, newParent, newName, mode }: RenameRequest): void {
    const node = this.#named({ parent, name });
    if (mode === "exchange") throw unsupported();
    if (mode === "no-replace") this.#requireFree({ parent: newParent, name: newName });
    const target = this.#names(newParent).get(newName);
    if (target === node) return;
    if ((target?.entries?.size ?? 0) > 0) throw new NexusError("directory-not-empty", newName);
    this.#disk.change(
      { directory: this.#node(parent), name, node: undefined },
      { directory: this.#node(newParent), name: newName, node },
    );
  }

  open(_caller: Caller, { ino, flags }: OpenRequest): Opened {
    const node = this.#node(ino);
    if (flags.truncate) fileOf(node).truncate(0);
    return this.#handle(node);
  }

  create(caller: Caller, request: CreateRequest): { entry: Entry; opened: Opened } {
    const known = this.#names(request.parent).get(request.name);
    if (known !== undefined && request.exclusive) {
      throw new NexusError("already-exists", request.name);
    }
    if (known !== undefined && request.flags.truncate) fileOf(known).truncate(0);
    const mode = S_IFREG | (request.mode & 0o7777);
    const node = known ?? this.#make(caller, { ...request, mode });
    return { entry: this.#entry(node), opened: this.#handle(node) };
  }

  read(_caller: Caller, { handle, offset, into }: ReadRequest): number {
    return this.#opened(handle).read({ into, offset });
  }

  write(_caller: Caller, { handle, offset: asked, data }: WriteRequest): number {
    const file = this.#opened(handle);
    const place = typeof asked === "function" ? asked() : asked;
    const offset = place === "end" ? file.size : place;
    file.write({ from: data, offset });
    const node = this.#handles.get(handle);
    if (node !== undefined) node.mtime = now();
    return offset;
  }

  fallocate(_caller: Caller, { handle, offset, length, mode }: FallocateRequest): void {
    const file = this.#opened(handle);
    if (mode === "extend") file.truncate(Math.max(file.size, offset + length));
    else if (mode === "keep-size") return;
    else if (mode === "zero") file.write({ from: Buffer.alloc(length), offset });
    else {
      const end = Math.min(file.size, offset + length);
      if (end > offset) file.write({ from: Buffer.alloc(end - offset), offset });
    }
  }

  lseek(_caller: Caller, { handle, offset, to }: SeekRequest): number {
    const { size } = this.#opened(handle);
    if (offset >= size) throw new NexusError("no-such-offset", `nothing at ${offset}`);
    return to === "data" ? offset : size;
  }

  copyFileRange(_caller: Caller, request: CopyFileRangeRequest): number {
    const into = Buffer.alloc(Math.min(request.length, 2 ** 20));
    const count = this.#opened(request.handle).read({ into, offset: request.offset });
    const from = into.subarray(0, count);
    this.#opened(request.toHandle).write({ from, offset: request.toOffset });
    return count;
  }

  fsync(_caller: Caller, { ino }: InodeRequest): void {
    this.#disk.sync(this.#node(ino));
  }

  release({ handle }: { handle: number }): void {
    this.#handles.delete(handle);
  }

  opendir(): undefined {
    return undefined;
  }

  readdir(_caller: Caller, { ino, cookie, emit }: ReaddirRequest): void {
    this.#list({ ino, cookie }, ({ entry }) => emit(entry));
  }

  readdirPlus(_caller: Caller, { ino, cookie, emit }: ReaddirPlusRequest): void {
    this.#list({ ino, cookie }, ({ entry, node }) =>
      emit({ ...entry, attributes: node && this.#entry(node).attributes }),
    );
  }

  statfs(): FileSystemStat {
    return STAT;
  }

  getxattr(): undefined {
    return undefined;
  }

  listxattr(): string[] {
    return [];
  }

  readlink = unsupportedCall;
  symlink = unsupportedCall;
  tmpfile = unsupportedCall;
  placeFiles = unsupportedCall;
  importTargets = unsupportedCall;
  importFiles = unsupportedCall;
  listByName = unsupportedCall;
  describe = unsupportedCall;
  setxattr = unsupportedCall;
  setxattrs = unsupportedCall;
  removexattr = unsupportedCall;

  /** Cookies count along the names: what is removed meanwhile may hide another one, as nobody here minds. */
  #list(
    { ino, cookie }: { ino: Ino; cookie: number },
    emit: (found: { entry: ListedEntry; node: Node | undefined }) => boolean,
  ): void {
    const { mode } = this.#node(ino).owned;
    const own = [".", ".."].map((name) => ({ name, ino, mode, node: undefined }));
    const others = [...this.#names(ino)].map(([name, node]) => {
      return { name, ino: node.ino, mode: node.owned.mode, node };
    });
    for (const [index, { node, ...entry }] of [...own, ...others].entries()) {
      if (index < cookie) continue;
      if (!emit({ entry: { ...entry, cookie: index + 1 }, node })) return;
    }
  }

  #make(
    { uid, gid }: Caller,
    { parent, name, mode }: { parent: Ino; name: string; mode: number },
  ): Node {
    this.#requireFree({ parent, name });
    const node = this.#disk.make({ mode, uid, gid });
    this.#disk.change({ directory: this.#node(parent), name, node });
    return node;
  }

  #entry(node: Node): Entry {
    this.#nodes.set(node.ino, node);
    return { ino: node.ino, attributes: attributesOf(node) };
  }

  #handle(node: Node): Opened {
    this.#lastHandle += 1;
    this.#handles.set(this.#lastHandle, node);
    return { handle: this.#lastHandle };
  }

  #opened(handle: number): PagedFile {
    const node = this.#handles.get(handle);
    if (node === undefined) throw new NexusError("bad-handle", `${handle}`);
    return fileOf(node);
  }

  #node(ino: Ino): Node {
    const node = this.#nodes.get(ino);
    if (node === undefined) throw new NexusError("not-found", `inode ${ino}`);
    return node;
  }

  #names(ino: Ino): Map<string, Node> {
    const { entries } = this.#node(ino);
    if (entries === undefined) throw new NexusError("not-a-directory", `inode ${ino}`);
    return entries;
  }

  #named({ parent, name }: NameRequest): Node {
    const node = this.#names(parent).get(name);
    if (node === undefined) throw new NexusError("not-found", name);
    return node;
  }

  #requireFree({ parent, name }: NameRequest): void {
    if (this.#names(parent).has(name)) throw new NexusError("already-exists", name);
  }
}

function fileOf({ file, ino }: Node): PagedFile {
  if (file === undefined) throw new NexusError("is-a-directory", `inode ${ino}`);
  return file;
}

function attributesOf({ ino, owned, nlink, file, atime, mtime }: Node): Attributes {
  const isRegular = (owned.mode & NODE_TYPES) === S_IFREG;
  const sizeBytes = file?.size ?? 4096;
  const blocks = isRegular ? Math.ceil((file?.usedBytes ?? 0) / 512) : 8;
  const times = { atime, mtime, ctime: mtime, btime: NO_TIME };
  return {
    ino,
    ...owned,
    nlink: file === undefined ? 2 : nlink,
    sizeBytes,
    blocks,
    rdev: 0,
    ...times,
  };
}

function now(): { sec: number; nsec: number } {
  const ms = Date.now();
  return { sec: Math.floor(ms / 1000), nsec: (ms % 1000) * 1_000_000 };
}

function unsupported(): NexusError {
  return new NexusError("not-supported", "a data directory does without");
}

function unsupportedCall(): never {
  throw unsupported();
}
