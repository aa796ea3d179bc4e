import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import type { FileStat, Files, ListedFile } from "../../../src/features/files/files.js";
import type { CustomMetadata } from "../../../src/features/metadata/custom-metadata.js";
import type { Transfer } from "../../../src/features/transfer/transfer.js";
import { isDirectory, isRegular } from "../../../src/model/attributes.js";
import { NexusError } from "../../../src/model/errors.js";
import type { Caller } from "../../../src/model/identity.js";
import { type ContentHash, type Ino, type PathId, ROOT_INO } from "../../../src/model/ids.js";
import { splitPath } from "../../../src/model/path.js";
import { type Timestamp, timestampToMs } from "../../../src/model/timestamp.js";
import type { Entry } from "../../../src/vfs/file-system.js";
import { caller, flags, World, type WorldOptions } from "../../vfs/world.js";

export const ADMIN = caller(undefined, undefined, { isAdmin: true });

export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** A line of an export, with as little as it needs. */
export function lineOf(path: string, text: string, more: Record<string, unknown> = {}): string {
  const hash = sha256(text);
  const size = Buffer.byteLength(text);
  const required = { path, backend_name: "local", physical_path: hash, size, etag: hash };
  return `${JSON.stringify({ ...required, ...more })}\n`;
}

/** A namespace to export from and import into, by paths. */
export class TransferWorld extends World {
  constructor(options: WorldOptions = {}) {
    super(options);
  }

  transfer(as: Caller = ADMIN): Transfer {
    const { transfer } = this.nexus.featuresFor(as.identity);
    if (transfer === undefined) throw new Error("there is no transfer");
    return transfer;
  }

  async put(path: string, text: string, attributes: Record<string, string> = {}): Promise<Ino> {
    const names = splitPath(path);
    const name = names.pop() ?? "";
    let parent = ROOT_INO;
    for (const directory of names) {
      const found = await this.fs.lookup(ADMIN, { parent, name: directory });
      const request = { parent, name: directory, mode: 0o755 };
      parent = (found ?? (await this.fs.mkdir(ADMIN, request))).ino;
    }
    const request = { parent, name, mode: 0o644, flags: flags({ truncate: true }) };
    const { entry, opened } = await this.fs.create(ADMIN, { ...request, exclusive: false });
    const data = Buffer.from(text);
    const { handle } = opened;
    if (data.length > 0) {
      await this.fs.write(ADMIN, { handle, offset: 0, data, killSetId: false });
    }
    this.fs.release({ handle });
    for (const [key, value] of Object.entries(attributes)) {
      const attribute = { ino: entry.ino, name: `user.${key}`, value: Buffer.from(value) };
      await this.fs.setxattr(ADMIN, { ...attribute, mode: "any" });
    }
    return entry.ino;
  }

  async text(path: string): Promise<string> {
    return Buffer.concat(
      await Readable.from(new View(this, ADMIN).chunks(path)).toArray(),
    ).toString();
  }

  async statOf(path: string, as: Caller = ADMIN): Promise<FileStat> {
    return await new View(this, as).stat(path);
  }

  async attributes(path: string): Promise<Record<string, string>> {
    const values = await new View(this, ADMIN).list(path);
    return Object.fromEntries([...values].map(([key, value]) => [key, value.toString()]));
  }

  async exists(path: string): Promise<boolean> {
    return (await new View(this, ADMIN).find(path)) !== undefined;
  }

  async remove(path: string): Promise<void> {
    const names = splitPath(path);
    const name = names.pop() ?? "";
    const parent = (await new View(this, ADMIN).require(`/${names.join("/")}`)).ino;
    await this.fs.unlink(ADMIN, { parent, name });
  }
}

/** The little of files by path that an export needs, on the file system itself. */
class View {
  readonly files: Files;
  readonly metadata: CustomMetadata;
  readonly #world: World;
  readonly #caller: Caller;

  constructor(world: World, as: Caller) {
    this.#world = world;
    this.#caller = as;
    this.files = {
      walk: (options: { prefix: string }) => this.walk(options.prefix),
      stat: (path: string) => this.stat(path),
      createReadStream: (path: string) => Readable.from(this.chunks(path)),
    } as unknown as Files;
    this.metadata = { list: (path: string) => this.list(path) } as unknown as CustomMetadata;
  }

  async find(path: string): Promise<Entry | undefined> {
    const { fs } = this.#world;
    const attributes = await fs.getattr(this.#caller, { ino: ROOT_INO });
    let entry: Entry | undefined = { ino: ROOT_INO, attributes };
    for (const name of splitPath(path)) {
      if (entry === undefined || !isDirectory(entry.attributes.mode)) return undefined;
      entry = await fs.lookup(this.#caller, { parent: entry.ino, name });
    }
    return entry;
  }

  async require(path: string): Promise<Entry> {
    const entry = await this.find(path);
    if (entry === undefined) throw new NexusError("not-found", `no ${path}`);
    return entry;
  }

  async *walk(prefix: string): AsyncGenerator<ListedFile> {
    const entry = await this.find(prefix);
    if (entry === undefined) return;
    if (!isDirectory(entry.attributes.mode)) {
      yield listed(prefix, entry);
      return;
    }
    const paths: string[] = [];
    await this.#collect(prefix === "/" ? "" : prefix, { ino: entry.ino, paths });
    for (const path of paths.sort()) yield listed(path, await this.require(path));
  }

  async #collect(base: string, { ino, paths }: { ino: Ino; paths: string[] }): Promise<void> {
    const entries: { name: string; ino: Ino; mode: number }[] = [];
    const emit = (entry: { name: string; ino: Ino; mode: number }) => entries.push(entry) > 0;
    await this.#world.fs.readdir(this.#caller, { ino, cookie: 0, limit: 1000, emit });
    for (const { name, mode } of entries) {
      if (name === "." || name === "..") continue;
      const path = `${base}/${name}`;
      if (!isDirectory(mode)) paths.push(path);
      else await this.#collect(path, { ino: (await this.require(path)).ino, paths });
    }
  }

  async stat(path: string): Promise<FileStat> {
    const entry = await this.require(path);
    const value = async (name: string) => {
      const request = { ino: entry.ino, name: `user.nexus.${name}` };
      const bytes = await this.#world.fs.getxattr(this.#caller, request);
      return bytes === undefined ? undefined : Buffer.from(bytes).toString();
    };
    return {
      ...listed(path, entry),
      etag: (await value("etag")) as ContentHash | undefined,
      pathId: (await value("path_id")) as PathId,
      version: Number(await value("version")),
      mimeType: await value("mime_type"),
      tenantId: (await value("tenant")) as FileStat["tenantId"],
      agentId: (await value("agent")) as FileStat["agentId"],
      accessedAt: dateOf(entry.attributes.atime),
      changedAt: dateOf(entry.attributes.ctime),
      exactTimes: { createdAt: entry.attributes.btime, modifiedAt: entry.attributes.mtime },
    };
  }

  async list(path: string): Promise<Map<string, string | Buffer>> {
    const { ino } = await this.require(path);
    const values = new Map<string, string | Buffer>();
    for (const name of await this.#world.fs.listxattr(this.#caller, { ino })) {
      const bytes = Buffer.from((await this.#world.fs.getxattr(this.#caller, { ino, name })) ?? []);
      const text = bytes.toString();
      const isText = Buffer.from(text).equals(bytes);
      if (name.startsWith("user.")) values.set(name.slice(5), isText ? text : bytes);
    }
    return values;
  }

  async *chunks(path: string): AsyncGenerator<Buffer> {
    const { ino } = await this.require(path);
    const request = { ino, flags: flags({ access: "read" }) };
    const { handle } = await this.#world.fs.open(this.#caller, request);
    try {
      for (let offset = 0; ; ) {
        const into = Buffer.alloc(10_000);
        const count = await this.#world.fs.read(this.#caller, { handle, offset, into });
        if (count === 0) return;
        offset += count;
        yield into.subarray(0, count);
      }
    } finally {
      this.#world.fs.release({ handle });
    }
  }
}

function listed(path: string, { ino, attributes }: Entry): ListedFile {
  const { mode, uid, gid, nlink, sizeBytes, btime, mtime } = attributes;
  const type = isRegular(mode) ? "file" : isDirectory(mode) ? "directory" : "symlink";
  const times = { createdAt: dateOf(btime), modifiedAt: dateOf(mtime) };
  return { path, type, ino, mode, uid, gid, nlink, size: sizeBytes, ...times };
}

function dateOf(time: Timestamp): Date {
  return new Date(timestampToMs(time));
}
