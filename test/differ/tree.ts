import { createHash } from "node:crypto";
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from "../../src/model/attributes.js";
import { O, type PosixDriver, type Stat } from "../conformance/posix-driver.js";
import { contentOfOpen, entriesOf, withFile } from "../conformance/posix-steps.js";
import { O_NONBLOCK } from "./flags.js";
import { orErrno } from "./look.js";
import type { Side } from "./side.js";

/** Up to here a content is read whole; of a larger one, its data alone. */
const READ_WHOLE_BYTES = 1024 * 1024;
const PIECE_BYTES = 64 * 1024;
const ZEROS = Buffer.alloc(PIECE_BYTES);

/** All of one file but its times, to be compared as text. */
export interface Node {
  readonly stat: Stat;
  /** Which of the files that have the same inode was met first. */
  readonly group: string;
  /** A hash of the content, a target, the names in a directory; or an errno. */
  readonly content: string;
  readonly xattrs: string;
  /** What getdents64(2) tells of it is what stat(2) does. */
  readonly isListedRight: boolean;
}

/** Everything below a directory, and what descriptors lead to. An errno where nobody may look. */
export type Tree = ReadonlyMap<string, Node | string>;

/** Walks a directory through one of the mounts of a side. */
export async function treeOf(side: Side, via = 0): Promise<Tree> {
  const walk = new Walk(side.driver(via));
  await walk.directory(".");
  for (const [slot, descriptor] of [...side.slots].sort(([a], [b]) => a - b)) {
    if (descriptor.via === via) await walk.descriptor(`descriptor ${slot}`, descriptor.fd);
  }
  return walk.tree;
}

class Walk {
  readonly tree = new Map<string, Node | string>();
  readonly #driver: PosixDriver;
  readonly #first = new Map<number, string>();

  constructor(driver: PosixDriver) {
    this.#driver = driver;
  }

  async directory(path: string): Promise<void> {
    if (path === ".") await this.#note(path, undefined);
    const entries = await orErrno(entriesOf(this.#driver, path));
    if (typeof entries === "string") return;
    const order = [...entries].sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const entry of order) {
      const child = path === "." ? entry.name : `${path}/${entry.name}`;
      await this.#note(child, entry);
      if (entry.type === S_IFDIR >> 12) await this.directory(child);
    }
  }

  async descriptor(name: string, fd: number): Promise<void> {
    const stat = await orErrno(this.#driver.fstat(fd));
    if (typeof stat === "string") {
      this.tree.set(name, stat);
      return;
    }
    const isFile = (stat.mode & S_IFMT) === S_IFREG;
    const content = isFile ? await orErrno(hashOf(this.#driver, { fd, size: stat.size })) : "";
    this.#set(name, { stat, content, xattrs: "", isListedRight: true });
  }

  async #note(path: string, entry: { ino: number; type: number } | undefined): Promise<void> {
    const stat = await orErrno(this.#driver.lstat(path));
    if (typeof stat === "string") {
      this.tree.set(path, stat);
      return;
    }
    const isListedRight =
      entry === undefined || (entry.ino === stat.ino && entry.type === (stat.mode & S_IFMT) >> 12);
    const content = await this.#contentOf(path, stat);
    this.#set(path, { stat, content, xattrs: await this.#xattrsOf(path), isListedRight });
  }

  #set(name: string, { stat, ...node }: Omit<Node, "group">): void {
    const group = this.#first.get(stat.ino) ?? name;
    this.#first.set(stat.ino, group);
    this.tree.set(name, { stat, group, ...node });
  }

  async #contentOf(path: string, { mode, size }: Stat): Promise<string> {
    switch (mode & S_IFMT) {
      case S_IFLNK:
        return String(await orErrno(this.#driver.readlink(path)));
      case S_IFREG: {
        const flags = O.RDONLY | O.NOFOLLOW | O.NOATIME | O_NONBLOCK;
        return await orErrno(
          withFile(this.#driver, { path, flags }, (fd) => hashOf(this.#driver, { fd, size })),
        );
      }
      default:
        return "";
    }
  }

  async #xattrsOf(path: string): Promise<string> {
    const names = await orErrno(this.#driver.listxattr(path, { follow: false }));
    if (typeof names === "string") return names;
    const values: string[] = [];
    for (const name of names.sort()) {
      const value = await orErrno(this.#driver.getxattr(path, { name, follow: false }));
      values.push(`${name}=${typeof value === "string" ? value : value.toString("hex")}`);
    }
    return values.join(" ");
  }
}

/** A hash of a content; of a large one, of the pieces that aren't zeros, so that holes cost nothing. */
async function hashOf(
  driver: PosixDriver,
  { fd, size }: { fd: number; size: number },
): Promise<string> {
  const hash = createHash("sha1");
  if (size <= READ_WHOLE_BYTES) {
    return hash.update(await contentOfOpen(driver, fd)).digest("hex");
  }
  let offset = await nextData(driver, { fd, offset: 0 });
  while (offset !== undefined && offset < size) {
    const start = offset - (offset % PIECE_BYTES);
    const piece = await driver.pread(fd, { offset: start, length: PIECE_BYTES });
    if (!piece.equals(ZEROS.subarray(0, piece.length))) hash.update(`${start} `).update(piece);
    offset = await nextData(driver, { fd, offset: start + PIECE_BYTES });
  }
  return hash.digest("hex");
}

/** Undefined where no data follows. SEEK_DATA moves the position, which a descriptor of the pool keeps. */
async function nextData(
  driver: PosixDriver,
  { fd, offset }: { fd: number; offset: number },
): Promise<number | undefined> {
  const place = await driver.lseek(fd, { offset: 0, whence: "current" });
  const found = await orErrno(driver.lseek(fd, { offset, whence: "data" }));
  await driver.lseek(fd, { offset: place, whence: "set" });
  if (typeof found === "number") return found;
  if (found === "ENXIO") return undefined;
  throw new Error(`SEEK_DATA at ${offset}: ${found}`);
}
