import { isDirectory, isRegular, isSymlink } from "../../model/attributes.js";
import { isKind, NexusError } from "../../model/errors.js";
import type { Ino } from "../../model/ids.js";
import type { Entry, OpenFlags } from "../../vfs/file-system.js";
import { requireNotAborted } from "./abort.js";
import { copyMetadata, type Purpose } from "./copy-metadata.js";
import type { CopyOptions } from "./files.js";
import { type FoundSpot, type PathParts, PathWalk, type Spot } from "./path-walk.js";
import { removeTree } from "./remove.js";
import { requireFile } from "./write.js";

const PAGE = 512;
const PERMISSIONS = 0o777;
/** As good as all of a file; a call copies as much as it likes. */
const ALL_BYTES = 2 ** 43;

interface Copying extends CopyOptions {
  readonly purpose: Purpose;
}

function flags(access: OpenFlags["access"]): OpenFlags {
  return { access, truncate: false, noAtime: false, killSetId: false };
}

/** {@link Files.copy}. */
export async function copy(
  parts: PathParts,
  { from, to, ...options }: CopyOptions & { from: string; to: string },
): Promise<void> {
  await PathWalk.during(parts, async (walk) => {
    const source = await walk.require(from, { access: "read" });
    const target = await walk.find(to, { access: "write", makeParents: true });
    if (isDirectory(source.entry.attributes.mode) && options.recursive !== true) {
      const message = `${source.path} is a directory; copying it takes 'recursive'`;
      throw new NexusError("is-a-directory", message, { path: source.path });
    }
    await copyAny(walk, { source, target, options: { ...options, purpose: "copy" } });
  });
}

/** {@link Files.move}. */
export async function move(
  parts: PathParts,
  { from, to, ...options }: CopyOptions & { from: string; to: string },
): Promise<void> {
  await PathWalk.during(parts, async (walk) => {
    requireNotAborted(options.signal);
    const source = await walk.require(from, { access: "write", followLast: false });
    const target = await walk.find(to, { access: "write", followLast: false });
    if (options.overwrite === false && target.entry !== undefined) throw exists(target);
    if (await tryRename(walk, { source, target, overwrite: options.overwrite })) return;
    requireReplaceable({ source, target });
    await copyAny(walk, { source, target, options: { ...options, purpose: "move" } });
    const { parent, name, entry } = source;
    const { ino, attributes } = entry;
    await removeTree(walk, { parent, name, ino, mode: attributes.mode });
  });
}

/** {@link Files.rename}. */
export async function rename(
  parts: PathParts,
  { from, to }: { from: string; to: string },
): Promise<void> {
  await PathWalk.during(parts, async (walk) => {
    const source = await walk.require(from, { access: "write", followLast: false });
    const target = await walk.find(to, { access: "write", followLast: false });
    await renameSpot(walk, { source, target, mode: "replace" });
  });
}

/** False when it has to be copied. */
async function tryRename(
  walk: PathWalk,
  { source, target, overwrite }: { source: Spot; target: Spot; overwrite: boolean | undefined },
): Promise<boolean> {
  try {
    await renameSpot(walk, {
      source,
      target,
      mode: overwrite === false ? "no-replace" : "replace",
    });
    return true;
  } catch (error) {
    if (isKind(error, "cross-zone")) return false;
    throw error;
  }
}

async function renameSpot(
  { fs, caller }: PathWalk,
  { source, target, mode }: { source: Spot; target: Spot; mode: "replace" | "no-replace" },
): Promise<void> {
  for (const { name } of [source, target]) {
    if (name === "") throw new NexusError("busy", "the root can't be renamed", { path: "/" });
  }
  await fs.rename(caller, {
    parent: source.parent,
    name: source.name,
    newParent: target.parent,
    newName: target.name,
    mode,
    whiteout: false,
  });
}

/** What rename(2) would refuse, where a copy would go on. */
function requireReplaceable({ source, target }: { source: FoundSpot; target: Spot }): void {
  if (target.entry === undefined) return;
  const isTree = isDirectory(source.entry.attributes.mode);
  const isOnTree = isDirectory(target.entry.attributes.mode);
  if (!isTree && isOnTree) throw new NexusError("is-a-directory", `${target.path} is a directory`);
  if (isTree) throw exists(target);
}

async function copyAny(
  walk: PathWalk,
  { source, target, options }: { source: FoundSpot; target: Spot; options: Copying },
): Promise<void> {
  requireNotAborted(options.signal);
  const { mode } = source.entry.attributes;
  if (source.entry.ino === target.entry?.ino) {
    const message = `${source.path} and ${target.path} are the same file`;
    throw new NexusError("invalid-argument", message, { path: target.path });
  }
  if (isDirectory(mode)) {
    await copyDirectory(walk, { source, target, options });
    return;
  }
  if (options.overwrite === false && target.entry !== undefined) throw exists(target);
  if (isSymlink(mode)) await copySymlink(walk, { source, target });
  else if (isRegular(mode)) await copyFile(walk, { source, target, options });
  else {
    const message = `${source.path} is neither a file, a directory nor a symlink`;
    throw new NexusError("not-supported", message, { path: source.path });
  }
  options.onProgress?.(target.path);
}

async function copyDirectory(
  walk: PathWalk,
  { source, target, options }: { source: FoundSpot; target: Spot; options: Copying },
): Promise<void> {
  if (target.path.startsWith(`${source.path === "/" ? "" : source.path}/`)) {
    const message = `${source.path} can't be copied into itself`;
    throw new NexusError("invalid-argument", message, { path: target.path });
  }
  const { fs, caller } = walk;
  const directory = target.entry ?? (await walk.makeDirectory(target));
  if (!isDirectory(directory.attributes.mode)) {
    const message = `${target.path} is not a directory`;
    throw new NexusError("not-a-directory", message, { path: target.path });
  }
  const { purpose } = options;
  await copyMetadata(walk, { from: source.entry.ino, to: directory.ino, purpose });
  for (let after: string | undefined = ""; after !== undefined; ) {
    const page: Awaited<ReturnType<typeof fs.listByName>> = await fs.listByName(caller, {
      ino: source.entry.ino,
      after,
      limit: PAGE,
    });
    for (const { name } of page.entries) {
      await copyChild(walk, { source, target: { ...target, entry: directory }, name, options });
    }
    after = page.last;
    await walk.scheduler.turn();
  }
}

async function copyChild(
  walk: PathWalk,
  {
    source,
    target,
    name,
    options,
  }: { source: FoundSpot; target: FoundSpot; name: string; options: Copying },
): Promise<void> {
  const from = { parent: source.entry.ino, name };
  const to = { parent: target.entry.ino, name };
  const entry = await walk.lookup(from);
  if (entry === undefined) return;
  const there = await walk.lookup(to);
  try {
    await copyAny(walk, {
      source: { ...from, path: below(source, name), entry },
      target: { ...to, path: below(target, name), entry: there },
      options,
    });
  } finally {
    walk.forget(entry);
    if (there !== undefined) walk.forget(there);
  }
}

function below({ path }: Spot, name: string): string {
  return path === "/" ? `/${name}` : `${path}/${name}`;
}

async function copySymlink(
  walk: PathWalk,
  { source, target }: { source: FoundSpot; target: Spot },
): Promise<void> {
  const { fs, caller } = walk;
  const { parent, name, entry } = target;
  const link = await fs.readlink(caller, { ino: source.entry.ino });
  if (entry !== undefined) await fs.unlink(caller, { parent, name });
  walk.forget(walk.keep(await fs.symlink(caller, { parent, name, target: link })));
}

/** The content by reference, into a file without a name that then takes its place. */
async function copyFile(
  walk: PathWalk,
  { source, target, options }: { source: FoundSpot; target: Spot; options: Copying },
): Promise<void> {
  requireFile(target);
  const { fs, caller } = walk;
  const { parent, name } = target;
  const { purpose } = options;
  const mode = source.entry.attributes.mode & PERMISSIONS;
  const request = { ino: parent, name, mode, flags: flags("write"), exclusive: false };
  const { entry, opened } = await fs.tmpfile(caller, request);
  walk.keep(entry);
  try {
    try {
      const to = { handle: opened.handle, ino: entry.ino };
      await copyContent(walk, { from: source.entry.ino, to, options });
    } finally {
      fs.release(opened);
    }
    if (target.entry === undefined) {
      await copyMetadata(walk, { from: source.entry.ino, to: entry.ino, purpose });
    }
    const condition = options.overwrite === false ? { ifNoneMatch: "*" } : {};
    const placed = await fs.placeFiles(caller, [{ ino: entry.ino, parent, name, ...condition }]);
    const [file] = placed;
    if (file !== undefined) {
      await finish(walk, { source: source.entry, placed: file, made: entry, purpose });
    }
  } finally {
    walk.forget(entry);
  }
}

/** A file that was there keeps what it has, and gets what the source has beside it. */
async function finish(
  walk: PathWalk,
  {
    source,
    placed,
    made,
    purpose,
  }: { source: Entry; placed: Entry; made: Entry; purpose: Purpose },
): Promise<void> {
  walk.keep(placed);
  try {
    if (placed.ino === made.ino) return;
    await copyMetadata(walk, { from: source.ino, to: placed.ino, purpose });
  } finally {
    walk.forget(placed);
  }
}

async function copyContent(
  { fs, caller, scheduler }: PathWalk,
  { from, to, options }: { from: Ino; to: { handle: number }; options: Copying },
): Promise<void> {
  const { handle } = await fs.open(caller, { ino: from, flags: flags("read") });
  try {
    for (let offset = 0; ; ) {
      requireNotAborted(options.signal);
      const span = { handle, offset, toHandle: to.handle, toOffset: offset, length: ALL_BYTES };
      const count = await fs.copyFileRange(caller, span);
      if (count === 0) return;
      offset += count;
      await scheduler.turn();
    }
  } finally {
    fs.release({ handle });
  }
}

function exists({ path }: Spot): NexusError {
  return new NexusError("already-exists", `${path} exists already`, { path });
}
