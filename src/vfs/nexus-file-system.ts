import { isSettled } from "../core/place.js";
import type { Attributes } from "../model/attributes.js";
import type { Caller } from "../model/identity.js";
import type { MaybePromise } from "../model/maybe-promise.js";
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
  MkdirRequest,
  MknodRequest,
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
} from "./file-system.js";
import { getattr, setattr, statfs } from "./ops/attributes.js";
import { copyFileRange } from "./ops/copy.js";
import { fallocate, lseek, read, readlink, write } from "./ops/data.js";
import { describe } from "./ops/describe.js";
import { listByName, opendir, readdir, readdirPlus } from "./ops/directory.js";
import {
  create,
  link,
  lookup,
  mkdir,
  mknod,
  rename,
  rmdir,
  symlink,
  tmpfile,
  unlink,
} from "./ops/entries.js";
import { importFiles, importTargets } from "./ops/import.js";
import { openInode, release } from "./ops/open.js";
import { placeFiles } from "./ops/place.js";
import { fsync } from "./ops/sync.js";
import { getxattr, listxattr, removexattr, setxattr, setxattrs } from "./ops/xattr.js";
import type { Volume } from "./volume.js";
import { type WithRoomOptions, withRoom } from "./with-room.js";

/**
 * The {@link FileSystem} on a volume: each method is one function of `ops/`. What may take room is tried again when
 * files that were removed have made some.
 */
export class NexusFileSystem implements FileSystem {
  readonly #volume: Volume;

  constructor(volume: Volume) {
    this.#volume = volume;
  }

  lookup(caller: Caller, request: NameRequest): Entry | undefined {
    return lookup(this.#volume, { caller, ...request });
  }

  forget({ ino, count }: { ino: InodeRequest["ino"]; count: number }): void {
    const inode = this.#volume.inodes.peek(ino);
    if (inode === undefined) return;
    inode.lookups = Math.max(0, inode.lookups - count);
    if (inode.lookups > 0) return;
    try {
      this.#volume.letGo(inode);
    } catch (error) {
      this.#volume.logger.error({ err: error, ino }, "what happened to a file can't be recorded");
    }
  }

  variesByCaller({ ino }: InodeRequest): boolean {
    const inode = this.#volume.inodes.peek(ino);
    return inode === undefined || !isSettled(inode.place);
  }

  getattr(caller: Caller, request: InodeRequest): Attributes {
    return getattr(this.#volume, { caller, ...request });
  }

  setattr(caller: Caller, request: SetAttrRequest): MaybePromise<Attributes> {
    return this.#withRoom(() => setattr(this.#volume, { caller, ...request }));
  }

  readlink(caller: Caller, request: InodeRequest): Uint8Array {
    return readlink(this.#volume, { caller, ...request });
  }

  mknod(caller: Caller, request: MknodRequest): MaybePromise<Entry> {
    return this.#withRoom(() => mknod(this.#volume, { caller, ...request }));
  }

  mkdir(caller: Caller, request: MkdirRequest): MaybePromise<Entry> {
    return this.#withRoom(() => mkdir(this.#volume, { caller, ...request }));
  }

  symlink(caller: Caller, request: SymlinkRequest): MaybePromise<Entry> {
    return this.#withRoom(() => symlink(this.#volume, { caller, ...request }));
  }

  link(caller: Caller, request: LinkRequest): MaybePromise<Entry> {
    return this.#withRoom(() => link(this.#volume, { caller, ...request }));
  }

  unlink(caller: Caller, request: NameRequest): void {
    unlink(this.#volume, { caller, ...request });
  }

  rmdir(caller: Caller, request: NameRequest): void {
    rmdir(this.#volume, { caller, ...request });
  }

  rename(caller: Caller, request: RenameRequest): MaybePromise<void> {
    return this.#withRoom(() => rename(this.#volume, { caller, ...request }));
  }

  open(caller: Caller, request: OpenRequest): MaybePromise<Opened> {
    return this.#withRoom(() => openInode(this.#volume, { caller, ...request }));
  }

  create(caller: Caller, request: CreateRequest): MaybePromise<{ entry: Entry; opened: Opened }> {
    return this.#withRoom(() => create(this.#volume, { caller, ...request }));
  }

  tmpfile(caller: Caller, request: TmpfileRequest): MaybePromise<{ entry: Entry; opened: Opened }> {
    return this.#withRoom(() => tmpfile(this.#volume, { caller, ...request }));
  }

  placeFiles(caller: Caller, placements: readonly Placement[]): MaybePromise<Entry[]> {
    return this.#withRoom(() => placeFiles(this.#volume, { caller, placements }));
  }

  importTargets(caller: Caller, paths: readonly string[]): MaybePromise<ImportTarget[]> {
    return importTargets(this.#volume, { caller, paths });
  }

  importFiles(caller: Caller, request: ImportFilesRequest): MaybePromise<void> {
    return this.#withRoom(() => importFiles(this.#volume, { caller, ...request }));
  }

  read(caller: Caller, request: ReadRequest): number {
    return read(this.#volume, { caller, ...request });
  }

  write(caller: Caller, request: WriteRequest): MaybePromise<number> {
    let { data } = request;
    const keep = () => {
      data = Uint8Array.from(data);
    };
    return this.#withRoom(() => write(this.#volume, { caller, ...request, data }), { keep });
  }

  fallocate(caller: Caller, request: FallocateRequest): MaybePromise<void> {
    return this.#withRoom(() => fallocate(this.#volume, { caller, ...request }));
  }

  lseek(caller: Caller, request: SeekRequest): number {
    return lseek(this.#volume, { caller, ...request });
  }

  copyFileRange(caller: Caller, request: CopyFileRangeRequest): MaybePromise<number> {
    return this.#withRoom(() => copyFileRange(this.#volume, { caller, ...request }));
  }

  fsync(caller: Caller, request: InodeRequest): Promise<void> {
    return fsync(this.#volume, { caller, ...request });
  }

  release(request: { handle: number }): void {
    release(this.#volume, request);
  }

  opendir(caller: Caller, request: InodeRequest): undefined {
    opendir(this.#volume, { caller, ...request });
  }

  readdir(caller: Caller, request: ReaddirRequest): void {
    readdir(this.#volume, { caller, ...request });
  }

  readdirPlus(caller: Caller, request: ReaddirPlusRequest): void {
    readdirPlus(this.#volume, { caller, ...request });
  }

  listByName(caller: Caller, request: ListByNameRequest): NamePage {
    return listByName(this.#volume, { caller, ...request });
  }

  describe(caller: Caller, request: DescribeRequest): MaybePromise<FileDescription> {
    return describe(this.#volume, { caller, ...request });
  }

  getxattr(caller: Caller, request: XattrRequest): MaybePromise<Uint8Array | undefined> {
    return getxattr(this.#volume, { caller, ...request });
  }

  listxattr(caller: Caller, request: InodeRequest): string[] {
    return listxattr(this.#volume, { caller, ...request });
  }

  setxattr(caller: Caller, request: SetXattrRequest): MaybePromise<void> {
    return this.#withRoom(() => setxattr(this.#volume, { caller, ...request }));
  }

  setxattrs(caller: Caller, requests: readonly SetXattrRequest[]): MaybePromise<void> {
    return this.#withRoom(() => setxattrs(this.#volume, { caller, requests }));
  }

  removexattr(caller: Caller, request: XattrRequest): void {
    removexattr(this.#volume, { caller, ...request });
  }

  statfs(caller: Caller, request: InodeRequest): FileSystemStat {
    return statfs(this.#volume, { caller, ...request });
  }

  #withRoom<T>(action: () => MaybePromise<T>, options?: WithRoomOptions): MaybePromise<T> {
    return withRoom(this.#volume.reclaimer, action, options);
  }
}
