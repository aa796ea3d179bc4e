import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import type { FileStat, FileType, ListedFile } from "../../../src/features/files/files.js";
import type { SearchedFiles } from "../../../src/features/search/glob-walk.js";
import { NexusError } from "../../../src/model/errors.js";
import type { ContentHash, Ino, PathId } from "../../../src/model/ids.js";

interface FakeNode {
  readonly ino: number;
  readonly type: FileType;
  readonly content: Buffer;
  readonly target: string;
  nlink: number;
}

/** A tree in memory, as far as a search sees it, that remembers what was asked of it. */
export class FakeFiles implements SearchedFiles {
  readonly #nodes = new Map<string, FakeNode>();
  /** Directories that were listed, in order. */
  readonly listed: string[] = [];
  /** Paths whose etag was asked for. */
  readonly hashed: string[] = [];
  readonly streams: Readable[] = [];
  /** How many bytes come at once. */
  chunkBytes = 64 * 1024;
  /** Is told of each path before its content is opened. */
  beforeReading: (path: string) => void = () => undefined;
  /** Paths that fail to be read. */
  readonly broken = new Set<string>();
  /** Paths that the identity may not enter. */
  readonly denied = new Set<string>();
  /** Files that are being written: they have no etag. */
  readonly written = new Set<string>();

  constructor(contents: Readonly<Record<string, string | Buffer>> = {}) {
    this.#nodes.set("/", this.#node("directory"));
    for (const [path, content] of Object.entries(contents)) this.add(path, content);
  }

  add(path: string, content: string | Buffer = ""): void {
    this.mkdir(parentOf(path));
    this.#nodes.set(path, { ...this.#node("file"), content: Buffer.from(content) });
  }

  mkdir(path: string): void {
    if (this.#nodes.has(path)) return;
    this.mkdir(parentOf(path));
    this.#nodes.set(path, this.#node("directory"));
  }

  symlink(path: string, target: string): void {
    this.mkdir(parentOf(path));
    this.#nodes.set(path, { ...this.#node("symlink"), target });
  }

  link(path: string, existing: string): void {
    const node = this.#find(existing);
    node.nlink += 1;
    this.mkdir(parentOf(path));
    this.#nodes.set(path, node);
  }

  remove(path: string): void {
    this.#nodes.delete(path);
  }

  async *walk(options: Parameters<SearchedFiles["walk"]>[0] = {}): AsyncGenerator<ListedFile> {
    const { prefix = "/", recursive = true } = options;
    const { directories = !recursive } = options;
    this.listed.push(prefix);
    const real = this.#resolve(prefix);
    if (this.#find(real).type !== "directory") {
      yield this.#listed(prefix, this.#find(real));
      return;
    }
    const root = real === "/" ? "/" : `${real}/`;
    for (const path of [...this.#nodes.keys()].sort()) {
      if (!path.startsWith(root) || path === "/" || this.#isDenied(path)) continue;
      const below = path.slice(root.length);
      const node = this.#nodes.get(path);
      if (node === undefined || (!recursive && below.includes("/"))) continue;
      if (node.type === "directory" && !directories) continue;
      yield this.#listed(prefix === "/" ? path : `${prefix}/${below}`, node);
    }
  }

  async stat(path: string, options: Parameters<SearchedFiles["stat"]>[1] = {}): Promise<FileStat> {
    const { etag = true, followSymlinks = true } = options;
    const parent = this.#resolve(parentOf(path));
    const inParent = parent === "/" ? `/${nameOf(path)}` : `${parent}/${nameOf(path)}`;
    const real = followSymlinks ? this.#resolve(path) : inParent;
    const node = this.#find(real);
    if (etag) this.hashed.push(path);
    const hasEtag = etag && node.type === "file" && !this.written.has(path);
    return {
      ...this.#listed(real, node),
      pathId: "8c5c3a9e-0000-4000-8000-000000000000" as PathId,
      etag: hasEtag ? hashOf(node.content) : undefined,
      version: 1,
      mimeType: undefined,
      accessedAt: new Date(0),
      changedAt: new Date(0),
      tenantId: undefined,
      agentId: undefined,
      exactTimes: { createdAt: { sec: 0, nsec: 0 }, modifiedAt: { sec: 0, nsec: 0 } },
    };
  }

  createReadStream(
    path: string,
    options: Parameters<SearchedFiles["createReadStream"]>[1] = {},
  ): Readable {
    const stream = Readable.from(this.#chunks(path), {
      objectMode: false,
      ...(options.signal && { signal: options.signal }),
    });
    this.streams.push(stream);
    return stream;
  }

  async *#chunks(path: string): AsyncGenerator<Buffer> {
    this.beforeReading(path);
    if (this.broken.has(path)) throw new NexusError("io-failure", "a bad sector", { path });
    const { content } = this.#find(this.#resolve(path));
    for (let start = 0; start < content.length; start += this.chunkBytes) {
      yield content.subarray(start, start + this.chunkBytes);
    }
  }

  #node(type: FileType): FakeNode {
    return { ino: this.#nodes.size + 1, type, content: Buffer.alloc(0), target: "", nlink: 1 };
  }

  #listed(path: string, node: FakeNode): ListedFile {
    return {
      path,
      type: node.type,
      ino: node.ino as Ino,
      mode: 0o644,
      uid: 0,
      gid: 0,
      nlink: node.nlink,
      size: node.content.length,
      createdAt: new Date(0),
      modifiedAt: new Date(0),
    };
  }

  #isDenied(path: string): boolean {
    return [...this.denied].some((denied) => path === denied || path.startsWith(`${denied}/`));
  }

  #find(path: string): FakeNode {
    if (this.#isDenied(path)) throw new NexusError("access-denied", "not yours", { path });
    const node = this.#nodes.get(path);
    if (node === undefined) throw new NexusError("not-found", "no such file", { path });
    return node;
  }

  /** The path without symlinks. */
  #resolve(path: string, hops = 0): string {
    if (path === "/") return path;
    if (hops > 40) throw new NexusError("symlink-loop", "too many symlinks", { path });
    const parent = this.#resolve(parentOf(path), hops);
    const inParent = parent === "/" ? `/${nameOf(path)}` : `${parent}/${nameOf(path)}`;
    const node = this.#nodes.get(inParent);
    return node?.type === "symlink" ? this.#resolve(node.target, hops + 1) : inParent;
  }
}

export function hashOf(content: string | Buffer): ContentHash {
  return createHash("sha256").update(content).digest("hex") as ContentHash;
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf("/")));
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
