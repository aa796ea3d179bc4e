import { isUtf8 } from "node:buffer";
import { NAME_MAX_BYTES } from "../../model/attributes.js";
import { isKind, NexusError } from "../../model/errors.js";
import type { SetXattrRequest } from "../../vfs/file-system.js";
import { type PathParts, PathWalk } from "../files/path-walk.js";
import type { CustomMetadata, MetadataEntry, MetadataValue } from "./custom-metadata.js";

const PREFIX = "user.";

/** {@link CustomMetadata} as the extended attributes of a file system, for one caller. */
export class PathMetadata implements CustomMetadata {
  readonly #parts: PathParts;

  constructor(parts: PathParts) {
    this.#parts = parts;
  }

  async get(path: string, key: string): Promise<string | undefined> {
    const bytes = await this.getBytes(path, key);
    if (bytes === undefined) return undefined;
    const text = textOf(bytes);
    if (text !== undefined) return text;
    const message = `the value of '${key}' is not text; getBytes reads it`;
    throw new NexusError("invalid-encoding", message, { path });
  }

  async getBytes(path: string, key: string): Promise<Buffer | undefined> {
    return await PathWalk.during(this.#parts, async (walk) => {
      const { entry } = await walk.require(path, { access: "read" });
      const value = await walk.fs.getxattr(walk.caller, { ino: entry.ino, name: nameOf(key) });
      return value === undefined ? undefined : Buffer.from(value);
    });
  }

  async set(path: string, key: string, value: MetadataValue): Promise<void> {
    await PathWalk.during(this.#parts, async (walk) => {
      await walk.fs.setxattr(walk.caller, await requestOf(walk, { path, key, value }));
    });
  }

  async setMany(entries: Iterable<MetadataEntry>): Promise<void> {
    await PathWalk.during(this.#parts, async (walk) => {
      const requests: SetXattrRequest[] = [];
      for (const entry of entries) requests.push(await requestOf(walk, entry));
      await walk.fs.setxattrs(walk.caller, requests);
    });
  }

  async remove(path: string, key: string): Promise<boolean> {
    return await PathWalk.during(this.#parts, async (walk) => {
      const { entry } = await walk.require(path, { access: "write" });
      try {
        await walk.fs.removexattr(walk.caller, { ino: entry.ino, name: nameOf(key) });
        return true;
      } catch (error) {
        if (isKind(error, "no-attribute")) return false;
        throw error;
      }
    });
  }

  async list(path: string): Promise<Map<string, string | Buffer>> {
    return await PathWalk.during(this.#parts, async (walk) => {
      const { fs, caller } = walk;
      const { ino } = (await walk.require(path, { access: "read" })).entry;
      const values = new Map<string, string | Buffer>();
      for (const name of await fs.listxattr(caller, { ino })) {
        if (!name.startsWith(PREFIX)) continue;
        const value = await fs.getxattr(caller, { ino, name });
        // Somebody may have removed it meanwhile.
        if (value === undefined) continue;
        const bytes = Buffer.from(value);
        values.set(name.slice(PREFIX.length), textOf(bytes) ?? bytes);
      }
      return values;
    });
  }
}

async function requestOf(
  walk: PathWalk,
  { path, key, value }: MetadataEntry,
): Promise<SetXattrRequest> {
  const { entry } = await walk.require(path, { access: "write" });
  return { ino: entry.ino, name: nameOf(key), value: bytesOf(value, key), mode: "any" };
}

/** Errors: `invalid-argument`, `name-too-long`. */
function nameOf(key: string): string {
  if (key === "" || key.includes("\0") || !key.isWellFormed()) {
    const message = `a key is text without NUL, not ${JSON.stringify(key)}`;
    throw new NexusError("invalid-argument", message);
  }
  const name = PREFIX + key;
  const bytes = Buffer.byteLength(name);
  if (bytes <= NAME_MAX_BYTES) return name;
  const most = NAME_MAX_BYTES - PREFIX.length;
  throw new NexusError(
    "name-too-long",
    `a key has at most ${most} bytes, not ${bytes - PREFIX.length}`,
  );
}

/** Errors: `invalid-argument` for what has no JSON. */
function bytesOf(value: MetadataValue, key: string): Uint8Array {
  if (typeof value === "string") return Buffer.from(value, "utf8");
  if (value instanceof Uint8Array) return value;
  const json = jsonOf(value);
  if (json !== undefined) return Buffer.from(json, "utf8");
  throw new NexusError("invalid-argument", `the value of '${key}' can't be written as JSON`);
}

/** Undefined for what has no JSON: functions, circles, bigints, and numbers that it turns into null. */
function jsonOf(value: MetadataValue): string | undefined {
  if (typeof value === "number" && !Number.isFinite(value)) return undefined;
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}

/** Undefined unless the bytes are UTF-8. */
function textOf(bytes: Buffer): string | undefined {
  return isUtf8(bytes) ? bytes.toString("utf8") : undefined;
}
