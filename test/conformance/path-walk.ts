import { isDirectory, isSymlink } from "../../src/model/attributes.js";
import type { Caller } from "../../src/model/identity.js";
import type { Ino } from "../../src/model/ids.js";
import { checkName } from "../../src/model/path.js";
import type { FileSystem } from "../../src/vfs/file-system.js";
import { PosixError, type PosixPath } from "./posix-driver.js";

/** MAXSYMLINKS, path_resolution(7). */
const MOST_LINKS = 40;

/** An inode that a path led to, with its type. */
export interface Node {
  readonly ino: Ino;
  readonly mode: number;
}

/** Where a path leads: a name in a directory, and what it leads to, if anything. */
export interface Location {
  readonly parent: Node;
  readonly name: string;
  readonly node: Node | undefined;
  /** The path ended in a slash: only a directory will do. */
  readonly wantsDirectory: boolean;
}

export interface PathWalkOptions {
  readonly fs: FileSystem;
  readonly caller: Caller;
  readonly start: Node;
  /** The name of the system call. */
  readonly call: string;
}

/**
 * Follows one path as the kernel does, path_resolution(7): a look-up for each component, symlinks
 * followed, `.` and `..` its own business. Counts its look-ups, so that they can be forgotten.
 */
export class PathWalk {
  readonly #fs: FileSystem;
  readonly #caller: Caller;
  readonly #call: string;
  readonly #stack: Node[];
  readonly #held: Ino[] = [];
  #links = 0;

  constructor({ fs, caller, start, call }: PathWalkOptions) {
    this.#fs = fs;
    this.#caller = caller;
    this.#call = call;
    this.#stack = [start];
  }

  /** What is there. Errors: ENOENT. */
  async resolve(path: PosixPath, { follow }: { follow: boolean }): Promise<Node> {
    const { node } = await this.locate(path, { follow });
    return node ?? this.#fail("ENOENT");
  }

  /** What is there, or would be made there. */
  async locate(path: PosixPath, { follow }: { follow: boolean }): Promise<Location> {
    const text = this.#text(path);
    const wantsDirectory = text.endsWith("/");
    const todo = components(text);
    this.#stack.length = 1;
    this.#links = 0;
    while (todo.length > 0) {
      const name = todo.shift() ?? "";
      const parent = this.#top();
      if (this.#stepDots(name)) continue;
      const isLast = todo.length === 0;
      const node = await this.#lookup(parent, name);
      if (node === undefined && !isLast) this.#fail("ENOENT");
      if (node !== undefined && isSymlink(node.mode) && (!isLast || follow || wantsDirectory)) {
        todo.unshift(...(await this.#follow(node)));
        continue;
      }
      if (isLast) {
        if (node !== undefined && wantsDirectory) this.#requireDirectory(node);
        return { parent, name, node, wantsDirectory };
      }
      this.#stack.push(node ?? this.#fail("ENOENT"));
    }
    const node = this.#top();
    return { parent: node, name: ".", node, wantsDirectory };
  }

  /**
   * The directory of the last component, which isn't looked up: the file system is asked to make,
   * take away or move it. `dot` and `dotDot` are the errors for paths that end in those.
   */
  async parentOf(
    path: PosixPath,
    { dot, dotDot = dot }: { dot: string; dotDot?: string },
  ): Promise<{ parent: Ino; name: string; wantsDirectory: boolean }> {
    const text = this.#text(path);
    const wantsDirectory = text.endsWith("/");
    const todo = components(text);
    const name = todo.pop();
    this.#stack.length = 1;
    if (todo.length > 0) {
      const directory = await this.resolve(`${todo.join("/")}/`, { follow: true });
      this.#stack.push(directory);
    }
    if (name === undefined || name === ".") this.#fail(dot);
    if (name === "..") this.#fail(dotDot);
    return { parent: this.#top().ino, name: checkName(name), wantsDirectory };
  }

  /** Counts a look-up that the file system gave with an entry. */
  hold(ino: Ino): void {
    this.#held.push(ino);
  }

  /**
   * Leaves one look-up of this inode to the caller, who forgets it. False for where the walk began,
   * which wasn't looked up.
   */
  keep(ino: Ino): boolean {
    const index = this.#held.indexOf(ino);
    if (index >= 0) this.#held.splice(index, 1);
    return index >= 0;
  }

  forgetAll(): void {
    for (const ino of this.#held.splice(0)) this.#fs.forget({ ino, count: 1 });
  }

  #top(): Node {
    return this.#stack.at(-1) ?? this.#fail("ENOENT");
  }

  #stepDots(name: string): boolean {
    this.#requireDirectory(this.#top());
    if (name === "..") {
      if (this.#stack.length > 1) this.#stack.pop();
      return true;
    }
    return name === ".";
  }

  async #lookup(parent: Node, name: string): Promise<Node | undefined> {
    // The edge checks names, before the file system is asked; so does the FUSE session.
    const request = { parent: parent.ino, name: checkName(name) };
    const entry = await this.#fs.lookup(this.#caller, request);
    if (entry === undefined) return undefined;
    this.hold(entry.ino);
    return { ino: entry.ino, mode: entry.attributes.mode };
  }

  async #follow({ ino }: Node): Promise<string[]> {
    this.#links += 1;
    if (this.#links > MOST_LINKS) this.#fail("ELOOP");
    const target = await this.#fs.readlink(this.#caller, { ino });
    const text = Buffer.from(target).toString("utf8");
    if (text.startsWith("/")) this.#stack.length = 1;
    return components(text);
  }

  #requireDirectory(node: Node): void {
    if (!isDirectory(node.mode)) this.#fail("ENOTDIR");
  }

  #text(path: PosixPath): string {
    const text = typeof path === "string" ? path : Buffer.from(path).toString("utf8");
    return text === "" ? this.#fail("ENOENT") : text;
  }

  #fail(code: string): never {
    throw new PosixError(this.#call, code);
  }
}

function components(path: string): string[] {
  return path.split("/").filter((component) => component !== "");
}
