import { isRegular, PERMISSION_BITS } from "../../../model/attributes.js";
import { isKind, messageOf, NexusError } from "../../../model/errors.js";
import type { Caller } from "../../../model/identity.js";
import { type Ino, ROOT_INO } from "../../../model/ids.js";
import { afterwards, type MaybePromise, whenReady } from "../../../model/maybe-promise.js";
import { checkName } from "../../../model/path.js";
import { timestampFromMs } from "../../../model/timestamp.js";
import type {
  Entry,
  FileSystem,
  ListedEntry,
  NameRequest,
  OpenFlags,
} from "../../../vfs/file-system.js";
import { appendsOnly, isExclusive, openFlags, setXattrMode } from "../../call-flags.js";
import { REFUSED_CLAIM } from "../../errno.js";
import { O } from "../../protocol/constants.js";
import { HiddenFiles } from "./hidden-files.js";
import { OpenFiles } from "./open-files.js";
import { type ListedName, type PathCalls, type PathRequest, UNCHANGED_ID } from "./path-calls.js";

/** How many entries the store is asked for at a time: libfuse wants all of them at once. */
const LISTING_LIMIT = 1000;
/** A file that `create` makes may be asked for anything: the kernel minds what it was opened for. */
const READ_AND_WRITE: OpenFlags = {
  access: "both",
  truncate: false,
  noAtime: false,
  killSetId: false,
};

/**
 * The FileSystem by path, as libfuse's callbacks have it. It keeps no path: each is looked up when it is asked
 * for, component by component, so nothing here can be out of date. Look-ups are taken back as soon as a
 * call is done; what keeps an inode is that it is open.
 *
 * An open file that loses its name loses it in the store, too, though libfuse renames it: no listing has the name
 * that it has for libfuse from then on, its directory can be removed, and nothing is left of it when the process dies.
 */
export class PathFileSystem {
  readonly #fs: FileSystem;
  readonly #files = new OpenFiles();
  /** A look-up is held of each. */
  readonly #hidden = new HiddenFiles();

  constructor(fs: FileSystem) {
    this.#fs = fs;
  }

  /** How many files are open. */
  get openFiles(): number {
    return this.#files.size;
  }

  /** Files without a name that are held for libfuse. */
  get hiddenFiles(): number {
    return this.#hidden.size;
  }

  /** The calls on behalf of one caller. */
  callsOf(caller: Caller): PathCalls {
    const fs = this.#fs;
    const at = <T>(where: Where, use: (ino: Ino, isHidden: boolean) => MaybePromise<T>) =>
      this.#at(caller, where, use);
    return {
      getattr: (where) =>
        at(where, (ino, isHidden) =>
          whenReady(fs.getattr(caller, { ino }), (attributes) =>
            // libfuse takes the link off that a hidden file has in its eyes.
            isHidden ? { ...attributes, nlink: attributes.nlink + 1 } : attributes,
          ),
        ),
      chmod: ({ path, mode }) =>
        at({ path }, (ino) =>
          done(fs.setattr(caller, { ino, permissions: mode & PERMISSION_BITS })),
        ),
      chown: ({ path, uid, gid }) =>
        at({ path }, (ino) => {
          const owner = uid === UNCHANGED_ID ? {} : { uid };
          const group = gid === UNCHANGED_ID ? {} : { gid };
          return done(fs.setattr(caller, { ino, ...owner, ...group }));
        }),
      truncate: ({ sizeBytes, ...where }) =>
        at(where, (ino) => {
          const { file } = where;
          const by = file === undefined ? {} : { handle: this.#files.get(file).handle };
          return done(fs.setattr(caller, { ino, sizeBytes, ...by }));
        }),
      utimens: ({ path, atimeMs, mtimeMs }) =>
        at({ path }, (ino) => {
          const [atime, mtime] = [timestampFromMs(atimeMs), timestampFromMs(mtimeMs)];
          return done(fs.setattr(caller, { ino, atime, mtime }));
        }),
      mknod: ({ path, mode, rdev }) =>
        this.#make(caller, path, (name) => fs.mknod(caller, { ...name, mode, rdev })),
      mkdir: ({ path, mode }) =>
        this.#make(caller, path, (name) => fs.mkdir(caller, { ...name, mode })),
      symlink: ({ path, target }) =>
        this.#make(caller, path, (name) =>
          fs.symlink(caller, { ...name, target: Buffer.from(requireUtf8(target), "utf8") }),
        ),
      readlink: ({ path }) =>
        at({ path }, (ino) => whenReady(fs.readlink(caller, { ino }), textOf)),
      link: ({ path, newPath }) =>
        at({ path }, (ino, isHidden) => {
          const links = isHidden ? fs.getattr(caller, { ino }) : undefined;
          return whenReady(links, (attributes) => {
            // Only a rename that failed gives it back.
            if (attributes?.nlink === 0) throw new NexusError("not-found", "the file was removed");
            return this.#make(caller, newPath, ({ parent, name }) =>
              fs.link(caller, { ino, newParent: parent, newName: name }),
            );
          });
        }),
      unlink: (request) => this.#unlink(caller, request),
      rmdir: ({ path }) => this.#in(caller, path, (name) => fs.rmdir(caller, name)),
      rename: (request) => this.#rename(caller, request),
      readdir: ({ path }) => at({ path }, (ino) => this.#list(caller, ino)),
      open: ({ path, flags }) =>
        at({ path }, (ino) => {
          const opened = fs.open(caller, { ino, flags: openFlags(flags, { killSetId: false }) });
          const appends = appendsOnly(flags);
          return whenReady(opened, ({ handle }) => this.#files.add({ handle, ino, appends }));
        }),
      create: (request) => this.#create(caller, request),
      read: ({ file, offset, length }) => {
        const { handle } = this.#files.get(file);
        const into = new Uint8Array(length);
        const count = fs.read(caller, { handle, offset, into });
        return whenReady(count, (bytes) => into.subarray(0, bytes));
      },
      write: ({ file, offset, data, flags }) => {
        const { handle, appends } = this.#files.get(file);
        // The kernel's idea of the end is from before what others have appended since.
        const isAppended = flags === undefined ? appends : (flags & O.APPEND) !== 0;
        const where = isAppended ? "end" : offset;
        return done(fs.write(caller, { handle, offset: where, data, killSetId: false }));
      },
      release: ({ file }) => this.#release(file),
      fsync: (where) => at(where, (ino) => fs.fsync(caller, { ino })),
      getxattr: ({ path, name }) =>
        at({ path }, (ino) =>
          whenReady(fs.getxattr(caller, { ino, name: requireUtf8(name) }), (value) => {
            if (value !== undefined) return value;
            throw new NexusError("no-attribute", `there is no attribute ${name}`, { path });
          }),
        ),
      listxattr: ({ path }) => at({ path }, (ino) => fs.listxattr(caller, { ino })),
      setxattr: ({ path, name, value, flags }) =>
        at({ path }, (ino) =>
          orBusy(() =>
            fs.setxattr(caller, { ino, name: requireUtf8(name), value, mode: setXattrMode(flags) }),
          ),
        ),
      removexattr: ({ path, name }) =>
        at({ path }, (ino) => fs.removexattr(caller, { ino, name: requireUtf8(name) })),
      statfs: ({ path }) => at({ path }, (ino) => fs.statfs(caller, { ino })),
    };
  }

  /** The mount has ended: lets go of all that is open. */
  close(): void {
    for (const file of this.#files.takeAll()) this.#fs.release(file);
    for (const ino of this.#hidden.clear()) this.#forget(ino);
  }

  /** Does something with the inode of an open file, or else of a path; and is it one that libfuse has hidden? */
  #at<T>(
    caller: Caller,
    { path, file }: Where,
    use: (ino: Ino, isHidden: boolean) => MaybePromise<T>,
  ): MaybePromise<T> {
    const useIt = (hidden: Ino | undefined): MaybePromise<T> => {
      const isHidden = hidden !== undefined;
      if (file !== undefined) return use(this.#files.get(file).ino, isHidden);
      if (isHidden) return use(hidden, true);
      const names = componentsOf(path);
      return this.#from(caller, { ino: ROOT_INO, names }, (ino) => use(ino, false));
    };
    if (!this.#hidden.mayBe(lastOf(path))) return useIt(undefined);
    return whenReady(
      this.#in(caller, path, (name) => this.#hidden.get(name)),
      useIt,
    );
  }

  /** Does something with a name in the directory that the rest of the path leads to. */
  #in<T>(
    caller: Caller,
    path: string,
    use: (name: NameRequest) => MaybePromise<T>,
  ): MaybePromise<T> {
    const names = componentsOf(path);
    const name = names.pop();
    if (name === undefined) throw new NexusError("busy", "the root is what is mounted", { path });
    return this.#from(caller, { ino: ROOT_INO, names }, (parent) => use({ parent, name }));
  }

  /** The same for what makes an entry: libfuse looks at it by itself, so its look-up is taken back. */
  #make(
    caller: Caller,
    path: string,
    make: (name: NameRequest) => MaybePromise<Entry>,
  ): MaybePromise<void> {
    return this.#in(caller, path, (name) => whenReady(make(name), ({ ino }) => this.#forget(ino)));
  }

  /** Follows names from an inode on; the look-ups on the way are held until `use` is done. */
  #from<T>(
    caller: Caller,
    { ino, names: [name, ...rest] }: { ino: Ino; names: readonly string[] },
    use: (ino: Ino) => MaybePromise<T>,
  ): MaybePromise<T> {
    if (name === undefined) return use(ino);
    return whenReady(this.#lookup(caller, { parent: ino, name }), (entry) =>
      afterwards(
        () => this.#from(caller, { ino: entry.ino, names: rest }, use),
        () => this.#forget(entry.ino),
      ),
    );
  }

  #lookup(caller: Caller, request: NameRequest): MaybePromise<Entry> {
    return whenReady(this.#fs.lookup(caller, request), (entry) => {
      if (entry !== undefined) return entry;
      throw new NexusError("not-found", `there is no '${request.name}'`);
    });
  }

  #forget(ino: Ino): void {
    this.#fs.forget({ ino, count: 1 });
  }

  #create(caller: Caller, { path, mode, flags }: PathRequest<"create">): MaybePromise<number> {
    const isKnown = flags !== undefined;
    return this.#in(caller, path, (name) => {
      const made = this.#fs.create(caller, {
        ...{ ...name, mode, exclusive: isKnown && isExclusive(flags) },
        flags: isKnown ? openFlags(flags, { killSetId: false }) : READ_AND_WRITE,
      });
      return whenReady(made, ({ entry: { ino }, opened: { handle } }) => {
        this.#forget(ino);
        return this.#files.add({ handle, ino, appends: isKnown && appendsOnly(flags) });
      });
    });
  }

  #unlink(caller: Caller, { path }: PathRequest<"unlink">): MaybePromise<void> {
    return this.#in(caller, path, (name) => {
      const hidden = this.#hidden.get(name);
      if (hidden === undefined) return this.#fs.unlink(caller, name);
      this.#hidden.delete(name);
      this.#forget(hidden);
    });
  }

  #release(number: number): void {
    const { handle, ino } = this.#files.take(number);
    this.#fs.release({ handle });
    if (this.#hidden.size === 0 || this.#files.isOpen(ino)) return;
    // libfuse unlinks its name next, but not if it can't tell the path any more: its directory may be gone.
    for (let count = this.#hidden.deleteAll(ino); count > 0; count--) this.#forget(ino);
  }

  #rename(caller: Caller, { path, newPath }: PathRequest<"rename">): MaybePromise<void> {
    return this.#in(caller, path, (from) =>
      this.#in(caller, newPath, (to) => {
        if (from.parent !== to.parent || !this.#hidden.isNext(to)) {
          return this.#renameOver(caller, from, to);
        }
        return whenReady(this.#hide(caller, from, to), (isHidden) =>
          isHidden ? undefined : this.#renameOver(caller, from, to),
        );
      }),
    );
  }

  /** libfuse hides an open file before it is renamed over. Where nothing comes of that, the file gets its name back. */
  #renameOver(caller: Caller, from: NameRequest, to: NameRequest): MaybePromise<void> {
    const fs = this.#fs;
    const [newParent, newName] = [to.parent, to.name];
    const rename = () =>
      fs.rename(caller, { ...from, newParent, newName, mode: "replace", whiteout: false });
    const lost = this.#hidden.lostJustNow(to);
    if (lost === undefined) return rename();
    const giveBack = () =>
      whenReady(fs.link(caller, { ino: lost, newParent, newName }), ({ ino }) => this.#forget(ino));
    const attempt = () =>
      whenReady(this.#lookup(caller, from), ({ ino }) => {
        this.#forget(ino);
        // Two names of one file: rename(2) does nothing then.
        return ino === lost ? giveBack() : rename();
      });
    return orElse(attempt, giveBack);
  }

  /** Takes the name of an open file away, where libfuse means that. */
  #hide(caller: Caller, lost: NameRequest, hiddenName: NameRequest): MaybePromise<boolean> {
    return whenReady(this.#lookup(caller, lost), ({ ino, attributes }) => {
      const isMeant = isRegular(attributes.mode) && this.#files.isOpen(ino);
      const hide = () =>
        whenReady(this.#fs.unlink(caller, { ...lost, mayReturn: true }), () => {
          this.#hidden.add(hiddenName, { ino, lost });
          return true;
        });
      // The look-up is held for as long as it is hidden.
      const letGo = () => {
        if (this.#hidden.get(hiddenName) !== ino) this.#forget(ino);
      };
      return afterwards(() => (isMeant ? hide() : false), letGo);
    });
  }

  #list(caller: Caller, ino: Ino): MaybePromise<ListedName[]> {
    const fs = this.#fs;
    const names: ListedName[] = [];
    const emit = ({ name, ino: entry, mode }: ListedEntry) =>
      names.push({ name, ino: entry, mode }) > 0;
    return whenReady(fs.opendir(caller, { ino }), (opened) => {
      const release = () => opened && fs.release(opened);
      const handle = opened === undefined ? {} : { handle: opened.handle };
      const request = { ino, cookie: 0, limit: LISTING_LIMIT, emit, ...handle };
      return afterwards(() => whenReady(fs.readdir(caller, request), () => names), release);
    });
  }
}

/** What a call is about: an open file, if it names one, else the path. */
type Where = { readonly path: string; readonly file?: number };

/** Without the result, which libfuse asks for by itself. */
function done(result: MaybePromise<unknown>): MaybePromise<void> {
  return whenReady(result, () => undefined);
}

/** Where `action` fails, does this before it is told. What fails of that says less than what it was for. */
function orElse<T>(action: () => MaybePromise<T>, last: () => MaybePromise<void>): MaybePromise<T> {
  const fail = async (error: unknown): Promise<never> => {
    try {
      await last();
    } catch {
      // Somebody else has the name by now, or may have nothing there.
    }
    throw error;
  };
  try {
    const result = action();
    return result instanceof Promise ? result.catch(fail) : result;
  } catch (error) {
    return fail(error);
  }
}

function orBusy(set: () => MaybePromise<void>): MaybePromise<void> {
  const refuse = (error: unknown): never => {
    if (!isKind(error, "try-again")) throw error;
    throw new NexusError(REFUSED_CLAIM, messageOf(error), { cause: error });
  };
  try {
    const result = set();
    return result instanceof Promise ? result.catch(refuse) : result;
  } catch (error) {
    return refuse(error);
  }
}

/** The names on the way, checked. Errors: those of `checkName`, `invalid-encoding`. */
function componentsOf(path: string): string[] {
  return path
    .split("/")
    .filter((name) => name !== "")
    .map((name) => checkName(requireUtf8(name)));
}

/**
 * The package makes U+FFFD of bytes that aren't UTF-8, and what they were can't be known: so a text with that
 * character may mean something else.
 */
function requireUtf8(text: string): string {
  if (!text.includes("\ufffd")) return text;
  throw new NexusError("invalid-encoding", "this text must be UTF-8", { path: text });
}

function lastOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new NexusError("invalid-encoding", "the target isn't UTF-8", { cause });
  }
}
