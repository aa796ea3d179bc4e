import { createHash, type Hash } from "node:crypto";
import { isDirectory } from "../../model/attributes.js";
import { isKind, NexusError } from "../../model/errors.js";
import type { ContentHash, Ino } from "../../model/ids.js";
import { runFew } from "../../model/run-few.js";
import type { Entry, OpenFlags, Placement } from "../../vfs/file-system.js";
import { chunksOf, requireContent } from "./chunks.js";
import { fileStat } from "./file-stat.js";
import type { FileStat, WriteContent, WriteOptions } from "./files.js";
import { type PathParts, PathWalk, type Spot } from "./path-walk.js";
import { permissionBits } from "./permission-bits.js";
import { requireConditions, requireFileToWrite } from "./write-input.js";

const FILE_MODE = 0o644;
/** Each has a file open. */
const SYNCS_AT_ONCE = 32;
/** Directories that vanish again and again are made so often. */
const MOST_ROUNDS = 8;

/** For a file that nobody else knows yet. */
const NEW_FILE_FLAGS: OpenFlags = {
  access: "write",
  truncate: false,
  noAtime: false,
  killSetId: false,
};

/** A content on its way: written to a file without a name. */
interface Prepared {
  readonly path: string;
  readonly placement: Placement;
  readonly etag: ContentHash;
}

/** {@link Files.write}. */
export async function write(
  parts: PathParts,
  { path, content, ...options }: WriteOptions & { path: string; content: WriteContent },
): Promise<FileStat> {
  return await PathWalk.during(parts, async (walk) => {
    const prepared = await prepare(walk, { path, content, options });
    const [stat] = await place(walk, { prepared: [prepared], options });
    if (stat === undefined) throw new NexusError("internal", "a file was placed nowhere");
    return stat;
  });
}

/** {@link Files.writeMany}. */
export async function writeMany(
  parts: PathParts,
  {
    files,
    ...options
  }: Pick<WriteOptions, "durable"> & {
    files: Iterable<{ readonly path: string; readonly content: string | Uint8Array }>;
  },
): Promise<FileStat[]> {
  return await PathWalk.during(parts, async (walk) => {
    const prepared: Prepared[] = [];
    const all = [...files];
    // Before the first one makes its directories.
    for (const file of all) {
      requireFileToWrite(file);
      walk.authorize(file.path, { access: "write" });
      requireContent(file.content);
    }
    for (const { path, content } of all) {
      prepared.push(await prepare(walk, { path, content, options: {} }));
      await walk.scheduler.turn();
    }
    return prepared.length === 0 ? [] : await place(walk, { prepared, options });
  });
}

/** Writes a content where it can't be seen yet. */
async function prepare(
  walk: PathWalk,
  { path, content, options }: { path: string; content: WriteContent; options: WriteOptions },
): Promise<Prepared> {
  requireConditions(options, { path });
  requireContent(content);
  const { ifMatch, ifNoneMatch, parents = true } = options;
  const mode = permissionBits(options.mode ?? FILE_MODE);
  const spot = await walk.find(path, { access: "write", makeParents: parents });
  requireFile(spot);
  if (ifNoneMatch === "*" && spot.entry !== undefined) {
    const message = `${spot.path} exists already`;
    throw new NexusError("precondition-failed", message, { path: spot.path });
  }
  const { fs, caller } = walk;
  const { parent, name } = spot;
  const request = { ino: parent, name, mode, exclusive: false };
  const { entry, opened } = await fs.tmpfile(caller, { ...request, flags: NEW_FILE_FLAGS });
  walk.keep(entry);
  const hash = createHash("sha256");
  try {
    await fill(walk, { handle: opened.handle, hash, content, options });
  } finally {
    fs.release(opened);
  }
  const placement = {
    ino: entry.ino,
    parent,
    name,
    ...(ifMatch === undefined ? {} : { ifMatch }),
    ...(ifNoneMatch === undefined ? {} : { ifNoneMatch }),
  };
  return { path: spot.path, placement, etag: hash.digest("hex") as ContentHash };
}

async function fill(
  { fs, caller, scheduler }: PathWalk,
  {
    handle,
    hash,
    content,
    options: { signal, onProgress },
  }: { handle: number; hash: Hash; content: WriteContent; options: WriteOptions },
): Promise<void> {
  let offset = 0;
  for await (const data of chunksOf(content, { signal, scheduler })) {
    hash.update(data);
    await fs.write(caller, { handle, offset, data, killSetId: false });
    offset += data.length;
    onProgress?.(offset);
  }
}

/** Gives what was prepared its names. */
async function place(
  walk: PathWalk,
  { prepared, options }: { prepared: readonly Prepared[]; options: WriteOptions },
): Promise<FileStat[]> {
  const { fs, caller } = walk;
  const syncAll = (inos: readonly Ino[]) =>
    runFew(
      inos.map((ino) => () => fs.fsync(caller, { ino })),
      { atOnce: SYNCS_AT_ONCE },
    );
  // The bytes go before the row that names them.
  if (options.durable === true) {
    await syncAll(prepared.map(({ placement }) => placement.ino));
  }
  const entries = await placeFiles(walk, { prepared, options });
  if (options.durable === true) {
    await syncAll(entries.map(({ ino }) => ino));
  }
  return await Promise.all(
    prepared.map(({ path, etag }, index) =>
      writtenStat(walk, { path, etag, entry: entries[index] }),
    ),
  );
}

/**
 * Who shares a directory that another one made on the way loses it when that one fails: then it is made
 * again. Without `parents` a directory that is gone is an error.
 */
async function placeFiles(
  walk: PathWalk,
  { prepared, options }: { prepared: readonly Prepared[]; options: WriteOptions },
): Promise<readonly Entry[]> {
  let placements = prepared.map(({ placement }) => placement);
  for (let round = 1; ; round++) {
    try {
      const entries = await walk.fs.placeFiles(walk.caller, placements);
      for (const entry of entries) walk.keep(entry);
      return entries;
    } catch (error) {
      const isGone = isKind(error, "not-found") && options.parents !== false;
      if (!isGone || round === MOST_ROUNDS) throw error;
    }
    placements = [];
    for (const { path, placement } of prepared) {
      const spot = await walk.find(path, { access: "write", makeParents: true });
      requireFile(spot);
      placements.push({ ...placement, parent: spot.parent, name: spot.name });
    }
  }
}

/** Its etag is known already; the content needn't be sealed for it. */
async function writtenStat(
  walk: PathWalk,
  { path, entry, etag }: { path: string; entry: Entry | undefined; etag: ContentHash },
): Promise<FileStat> {
  if (entry === undefined) throw new NexusError("internal", `${path} was placed nowhere`);
  return { ...(await fileStat(walk, { path, entry, etag: false })), etag };
}

/** Errors: `is-a-directory`. */
export function requireFile({ path, name, entry }: Spot): void {
  if (name !== "" && (entry === undefined || !isDirectory(entry.attributes.mode))) return;
  throw new NexusError("is-a-directory", `${path} is a directory`, { path });
}
