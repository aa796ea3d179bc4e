import { type Attributes, S_IFDIR } from "../../model/attributes.js";
import { NexusError } from "../../model/errors.js";
import type { Caller } from "../../model/identity.js";
import { type Ino, isVirtual, type PathId, ROOT_INO } from "../../model/ids.js";
import { type MaybePromise, whenReady } from "../../model/maybe-promise.js";
import { splitPath } from "../../model/path.js";
import type {
  CopyFileRangeRequest,
  CreateRequest,
  DescribeRequest,
  Entry,
  FallocateRequest,
  FileDescription,
  FileSystem,
  FileSystemStat,
  ImportFilesRequest,
  ImportTarget,
  InodeRequest,
  LinkRequest,
  ListByNameRequest,
  ListedEntry,
  ListedEntryPlus,
  MkdirRequest,
  MknodRequest,
  NamedEntry,
  NamePage,
  NameRequest,
  Opened,
  OpenRequest,
  Placement,
  ReaddirPlusRequest,
  ReaddirRequest,
  ReadRequest,
  RenameRequest,
  SeekRequest,
  SetAttrRequest,
  SetXattrRequest,
  SymlinkRequest,
  TmpfileRequest,
  WriteRequest,
  XattrRequest,
} from "../file-system.js";
import { needsWrite } from "../open-flags.js";
import { isVirtualHandle, VirtualHandles } from "./virtual-handles.js";
import { LAST_DOT_COOKIE, type VirtualNode } from "./virtual-node.js";
import { VIRTUAL_NAME, VirtualTree, type VirtualTreeOptions } from "./virtual-tree.js";

/** The cookie of `.`; that of `..` is the last one before those of the entries. */
const DOT = 1;

/**
 * A file system with the virtual directory `/.nexus` in it. All that is asked of other files goes to
 * the one inside, past one comparison. Its root may have a file of that name, from before or by another
 * way: it is hidden, and stays as it is.
 *
 * Nothing virtual can be changed, made or removed: `read-only`, whoever asks. Moving or linking between
 * here and there is `cross-zone`.
 */
export class VirtualFileSystem implements FileSystem {
  readonly #inner: FileSystem;
  readonly #tree: VirtualTree;
  readonly #handles = new VirtualHandles();

  constructor({ inner, ...options }: Omit<VirtualTreeOptions, "stat"> & { inner: FileSystem }) {
    this.#inner = inner;
    const stat = (caller: Caller) => inner.statfs(caller, { ino: ROOT_INO });
    this.#tree = new VirtualTree({ ...options, stat });
  }

  /** What is held by those who look: inodes that aren't always there, and handles. */
  get held(): { lookedUp: number; handles: number } {
    return { lookedUp: this.#tree.lookedUp, handles: this.#handles.size };
  }

  lookup(caller: Caller, request: NameRequest): MaybePromise<Entry | undefined> {
    const { parent, name } = request;
    if (isReserved(parent, name)) return this.#entry(caller, this.#tree.root);
    if (!isVirtual(parent)) return this.#inner.lookup(caller, request);
    const found = this.#tree.directory(parent).find(caller, name);
    if (found !== undefined) return this.#entry(caller, found);
    // Not an absent entry, which would be remembered: it may come any moment.
    throw new NexusError("not-found", `there is no '${name}' now`, { op: "lookup", path: name });
  }

  forget(request: { readonly ino: Ino; readonly count: number }): void {
    if (isVirtual(request.ino)) this.#tree.forget(request);
    else this.#inner.forget(request);
  }

  variesByCaller(request: InodeRequest): boolean {
    return isVirtual(request.ino) || this.#inner.variesByCaller(request);
  }

  getattr(caller: Caller, request: InodeRequest): MaybePromise<Attributes> {
    if (!isVirtual(request.ino)) return this.#inner.getattr(caller, request);
    return this.#tree.node(request.ino).attributes(caller);
  }

  setattr(caller: Caller, request: SetAttrRequest): MaybePromise<Attributes> {
    requireReal(request.ino, "setattr");
    return this.#inner.setattr(caller, request);
  }

  readlink(caller: Caller, request: InodeRequest): MaybePromise<Uint8Array> {
    if (!isVirtual(request.ino)) return this.#inner.readlink(caller, request);
    const node = this.#tree.node(request.ino);
    if (node.kind === "symlink") return Buffer.from(node.target(caller), "utf8");
    throw new NexusError("invalid-argument", `inode ${request.ino} is no symlink`);
  }

  mknod(caller: Caller, request: MknodRequest): MaybePromise<Entry> {
    requireFree(request, "mknod");
    return this.#inner.mknod(caller, request);
  }

  mkdir(caller: Caller, request: MkdirRequest): MaybePromise<Entry> {
    requireFree(request, "mkdir");
    return this.#inner.mkdir(caller, request);
  }

  symlink(caller: Caller, request: SymlinkRequest): MaybePromise<Entry> {
    requireFree(request, "symlink");
    return this.#inner.symlink(caller, request);
  }

  link(caller: Caller, request: LinkRequest): MaybePromise<Entry> {
    const { ino, newParent, newName } = request;
    requireOneSide({ from: ino, to: newParent }, "link");
    requireFree({ parent: newParent, name: newName }, "link");
    return this.#inner.link(caller, request);
  }

  unlink(caller: Caller, request: NameRequest): MaybePromise<void> {
    requireRemovable(request, "unlink");
    return this.#inner.unlink(caller, request);
  }

  rmdir(caller: Caller, request: NameRequest): MaybePromise<void> {
    requireRemovable(request, "rmdir");
    return this.#inner.rmdir(caller, request);
  }

  rename(caller: Caller, request: RenameRequest): MaybePromise<void> {
    const { parent, newParent, newName } = request;
    requireOneSide({ from: parent, to: newParent }, "rename");
    requireRemovable(request, "rename");
    requireRemovable({ parent: newParent, name: newName }, "rename");
    return this.#inner.rename(caller, request);
  }

  open(caller: Caller, request: OpenRequest): MaybePromise<Opened> {
    const { ino, flags } = request;
    if (!isVirtual(ino)) return this.#inner.open(caller, request);
    const node = this.#tree.node(ino);
    if (node.kind === "directory") throw new NexusError("is-a-directory", "it is a directory");
    if (node.kind === "symlink") throw new NexusError("not-supported", "a symlink can't be opened");
    if (needsWrite(flags)) throw readOnly("open");
    return whenReady(node.text(caller), (text) => {
      const bytes = Buffer.from(text, "utf8");
      return { handle: this.#handles.open({ kind: "text", bytes }) };
    });
  }

  create(caller: Caller, request: CreateRequest): MaybePromise<{ entry: Entry; opened: Opened }> {
    requireFree(request, "create");
    return this.#inner.create(caller, request);
  }

  tmpfile(caller: Caller, request: TmpfileRequest): MaybePromise<{ entry: Entry; opened: Opened }> {
    const { ino, name } = request;
    requireReal(ino, "tmpfile");
    if (name !== undefined) requireFree({ parent: ino, name }, "tmpfile");
    return this.#inner.tmpfile(caller, request);
  }

  placeFiles(caller: Caller, placements: readonly Placement[]): MaybePromise<Entry[]> {
    for (const placement of placements) requireFree(placement, "place");
    return this.#inner.placeFiles(caller, placements);
  }

  importTargets(caller: Caller, paths: readonly string[]): MaybePromise<ImportTarget[]> {
    requireFreePaths(paths);
    return this.#inner.importTargets(caller, paths);
  }

  importFiles(caller: Caller, request: ImportFilesRequest): MaybePromise<void> {
    requireFreePaths(request.files.map(({ path }) => path));
    return this.#inner.importFiles(caller, request);
  }

  read(caller: Caller, request: ReadRequest): MaybePromise<number> {
    const { handle, offset, into } = request;
    if (!isVirtualHandle(handle)) return this.#inner.read(caller, request);
    const bytes = this.#handles.bytes(handle).subarray(offset, offset + into.length);
    into.set(bytes);
    return bytes.length;
  }

  write(caller: Caller, request: WriteRequest): MaybePromise<number> {
    requireRealHandle(request.handle, "write");
    return this.#inner.write(caller, request);
  }

  fallocate(caller: Caller, request: FallocateRequest): MaybePromise<void> {
    requireRealHandle(request.handle, "fallocate");
    return this.#inner.fallocate(caller, request);
  }

  lseek(caller: Caller, request: SeekRequest): MaybePromise<number> {
    const { handle, offset, to } = request;
    if (!isVirtualHandle(handle)) return this.#inner.lseek(caller, request);
    const { length } = this.#handles.bytes(handle);
    if (offset >= length) throw new NexusError("no-such-offset", `the file ends at ${length}`);
    return to === "data" ? offset : length;
  }

  copyFileRange(caller: Caller, request: CopyFileRangeRequest): MaybePromise<number> {
    requireRealHandle(request.toHandle, "copy_file_range");
    if (!isVirtualHandle(request.handle)) return this.#inner.copyFileRange(caller, request);
    // The kernel and cp(1) then read and write instead.
    throw new NexusError("cross-zone", "a virtual file has no content that could be shared");
  }

  fsync(caller: Caller, request: InodeRequest): MaybePromise<void> {
    if (!isVirtual(request.ino)) return this.#inner.fsync(caller, request);
  }

  release(request: { readonly handle: number }): void {
    if (isVirtualHandle(request.handle)) this.#handles.close(request.handle);
    else this.#inner.release(request);
  }

  opendir(caller: Caller, request: InodeRequest): MaybePromise<Opened | undefined> {
    if (!isVirtual(request.ino)) return this.#inner.opendir(caller, request);
    const listing = this.#tree.directory(request.ino).list();
    return { handle: this.#handles.open({ kind: "listing", listing }) };
  }

  readdir(caller: Caller, request: ReaddirRequest): MaybePromise<void> {
    const { ino, emit } = request;
    if (isVirtual(ino)) return this.#list(caller, request);
    if (ino !== ROOT_INO) return this.#inner.readdir(caller, request);
    return this.#inner.readdir(caller, {
      ...request,
      emit: (entry) => entry.name === VIRTUAL_NAME || emit(entry),
    });
  }

  readdirPlus(caller: Caller, request: ReaddirPlusRequest): MaybePromise<void> {
    const { ino, emit } = request;
    if (isVirtual(ino)) {
      // Attributes would be worth nothing as soon as they are told: whoever wants them asks again.
      const plain = (entry: ListedEntry) => emit({ ...entry, attributes: undefined });
      return this.#list(caller, { ...request, emit: plain });
    }
    if (ino !== ROOT_INO) return this.#inner.readdirPlus(caller, request);
    const hidden: ListedEntryPlus[] = [];
    const shown = (entry: ListedEntryPlus) =>
      entry.name === VIRTUAL_NAME ? hidden.push(entry) > 0 : emit(entry);
    return whenReady(this.#inner.readdirPlus(caller, { ...request, emit: shown }), () => {
      // Its look-up counts once the entry is taken.
      for (const entry of hidden) this.#inner.forget({ ino: entry.ino, count: 1 });
    });
  }

  listByName(caller: Caller, request: ListByNameRequest): MaybePromise<NamePage> {
    if (isVirtual(request.ino)) return this.#listByName(caller, request);
    const page = this.#inner.listByName(caller, request);
    if (request.ino !== ROOT_INO) return page;
    return whenReady(page, ({ entries, last }) => {
      return { entries: entries.filter(({ name }) => name !== VIRTUAL_NAME), last };
    });
  }

  describe(caller: Caller, request: DescribeRequest): MaybePromise<FileDescription> {
    return isVirtual(request.ino) ? VIRTUAL : this.#inner.describe(caller, request);
  }

  getxattr(caller: Caller, request: XattrRequest): MaybePromise<Uint8Array | undefined> {
    return isVirtual(request.ino) ? undefined : this.#inner.getxattr(caller, request);
  }

  listxattr(caller: Caller, request: InodeRequest): MaybePromise<string[]> {
    return isVirtual(request.ino) ? [] : this.#inner.listxattr(caller, request);
  }

  setxattr(caller: Caller, request: SetXattrRequest): MaybePromise<void> {
    requireReal(request.ino, "setxattr");
    return this.#inner.setxattr(caller, request);
  }

  setxattrs(caller: Caller, requests: readonly SetXattrRequest[]): MaybePromise<void> {
    for (const { ino } of requests) requireReal(ino, "setxattr");
    return this.#inner.setxattrs(caller, requests);
  }

  removexattr(caller: Caller, request: XattrRequest): MaybePromise<void> {
    requireReal(request.ino, "removexattr");
    return this.#inner.removexattr(caller, request);
  }

  statfs(caller: Caller, request: InodeRequest): MaybePromise<FileSystemStat> {
    const ino = isVirtual(request.ino) ? ROOT_INO : request.ino;
    return this.#inner.statfs(caller, { ino });
  }

  /** What a look-up answers; one that fails has counted nothing. */
  #entry(caller: Caller, node: VirtualNode): MaybePromise<Entry> {
    try {
      const { ino } = node;
      return whenReady(node.attributes(caller), (attributes) => ({ ino, attributes }));
    } catch (error) {
      if (node.kind === "symlink") node.forget(1);
      throw error;
    }
  }

  /** An item that changed its state meanwhile is left out, and may be found in another directory. */
  async #listByName(caller: Caller, { ino, after, limit }: ListByNameRequest): Promise<NamePage> {
    const page = this.#tree.directory(ino).names(caller, { after, limit });
    const entries: NamedEntry[] = [];
    for (const name of page) {
      const found = this.#tree.directory(ino).find(caller, name);
      if (found === undefined) continue;
      const entry = await this.#entry(caller, found);
      this.forget({ ino: entry.ino, count: 1 });
      entries.push({ name, attributes: entry.attributes });
    }
    return { entries, last: page.length < limit ? undefined : page.at(-1) };
  }

  #list(caller: Caller, { ino, handle = 0, cookie, limit, emit }: ReaddirRequest): void {
    const directory = this.#tree.directory(ino);
    const { parent } = directory;
    if (cookie < DOT && !emit({ name: ".", ino, mode: S_IFDIR, cookie: DOT })) return;
    const dotDot = { name: "..", ino: parent, mode: S_IFDIR, cookie: LAST_DOT_COOKIE };
    if (cookie < LAST_DOT_COOKIE && !emit(dotDot)) return;
    const listing = this.#handles.listing(handle) ?? directory.list();
    listing.read(caller, { after: Math.max(cookie, LAST_DOT_COOKIE), limit, emit });
  }
}

/** What is computed has no history, and an id that no file has. */
const VIRTUAL: FileDescription = {
  pathId: "00000000-0000-0000-0000-000000000000" as PathId,
  version: 0,
  etag: undefined,
  mimeType: undefined,
  tenantId: undefined,
  agentId: undefined,
};

/** The name that the virtual directory has for itself. */
function isReserved(parent: Ino, name: string): boolean {
  return parent === ROOT_INO && name === VIRTUAL_NAME;
}

function readOnly(op: string): NexusError {
  return new NexusError("read-only", `/${VIRTUAL_NAME} can only be read`, { op });
}

function requireReal(ino: Ino, op: string): void {
  if (isVirtual(ino)) throw readOnly(op);
}

function requireRealHandle(handle: number, op: string): void {
  if (isVirtualHandle(handle)) throw readOnly(op);
}

/** Nothing is made in the virtual directory, or in its place. */
function requireFree({ parent, name }: NameRequest, op: string): void {
  requireReal(parent, op);
  if (!isReserved(parent, name)) return;
  throw new NexusError("already-exists", `/${VIRTUAL_NAME} is always there`, { op });
}

/** Nothing is imported into it. */
function requireFreePaths(paths: readonly string[]): void {
  const path = paths.find((each) => splitPath(each)[0] === VIRTUAL_NAME);
  if (path === undefined) return;
  throw new NexusError("read-only", `nothing can be made in /${VIRTUAL_NAME}`, {
    op: "import",
    path,
  });
}

/** Nothing is removed from it, and it isn't itself. */
function requireRemovable({ parent, name }: NameRequest, op: string): void {
  requireReal(parent, op);
  if (!isReserved(parent, name)) return;
  throw new NexusError("busy", `/${VIRTUAL_NAME} always stays where it is`, { op });
}

function requireOneSide({ from, to }: { from: Ino; to: Ino }, op: string): void {
  if (isVirtual(from) === isVirtual(to)) return;
  throw new NexusError("cross-zone", `nothing gets into or out of /${VIRTUAL_NAME}`, { op });
}
