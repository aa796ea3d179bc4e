import { mimeTypeOf } from "../../core/mime-type.js";
import { ownerOf } from "../../core/place.js";
import { requireRoom } from "../../core/room.js";
import { BLOCK_BYTES, S_IFDIR, S_IFREG } from "../../model/attributes.js";
import { NexusError } from "../../model/errors.js";
import type { Caller } from "../../model/identity.js";
import { type Ino, ROOT_INO, type TenantId } from "../../model/ids.js";
import type {
  ImportedFile,
  ImportParent,
  ImportRequest,
} from "../../storage/metadata/import-store.js";
import type { InodeRecord } from "../../storage/metadata/metadata-store.js";
import type { FileImport, ImportFilesRequest, ImportTarget } from "../file-system.js";
import type { Volume } from "../volume.js";
import { noteNewContent } from "./content-change.js";
import { requireContents } from "./import-contents.js";
import { requireMetadata } from "./import-metadata.js";
import { type Found, findFile, type Step, writableSteps } from "./import-paths.js";
import { importedWork } from "./import-work.js";

const FILE_MODE = S_IFREG | 0o644;
const DIRECTORY_MODE = S_IFDIR | 0o755;

/** What the names lead to now. Every path is authorized before the first look-up. */
export async function importTargets(
  volume: Volume,
  { caller, paths }: { caller: Caller; paths: readonly string[] },
): Promise<ImportTarget[]> {
  const all = paths.map((path) => ({ path, steps: writableSteps(volume, { caller, path }) }));
  const targets: ImportTarget[] = [];
  for (const request of all) {
    const before = findFile(volume, request).file;
    const staged = before && volume.staging.of(before.ino);
    if (staged !== undefined) await volume.promotion.settle(staged);
    targets.push(targetOf(volume, findFile(volume, request).file));
  }
  return targets;
}

/** One file of an import, and what is there of it. */
interface Placed {
  readonly file: FileImport;
  readonly steps: readonly Step[];
  readonly found: Found;
}

/**
 * Makes or changes all these files as one step. The order: what can be told by the paths alone; what has
 * to come to its end (copies being made for writers, contents that wait to be sealed); then, without a
 * gap, a look at what is there, the transaction, and what follows from it for inodes in use.
 */
export async function importFiles(
  volume: Volume,
  { caller, files, unnamed, dryRun }: ImportFilesRequest & { caller: Caller },
): Promise<void> {
  const all = files.map((file) => {
    requireMetadata(file);
    return { file, steps: writableSteps(volume, { caller, path: file.path }) };
  });
  const locate = () =>
    all.map(({ file, steps }): Placed => {
      return { file, steps, found: findFile(volume, { path: file.path, steps }) };
    });
  await requireContents(volume, { caller, files, unnamed });
  await copiesOf(volume, locate());
  const placed = locate();
  for (const one of placed) requireExpected(volume, one);
  if (dryRun) {
    importedWork(volume, { caller, files: placed });
    return;
  }
  requireRoom(volume.metadata);
  const now = volume.clock.now();
  const owner = { uid: caller.uid, gid: caller.gid };
  const request = { now, ...owner, ...arrange(volume, { caller, placed }) };
  requireQuotas(volume, { request, placed });
  volume.failpoints.reach("import-checked");
  const { unreferenced } = volume.metadata.importFiles(request);
  volume.failpoints.reach("import-committed");
  for (const { parent, name } of request.directories) noteMade(volume, { caller, parent, name });
  for (const { target } of request.files) {
    if ("ino" in target) noteImported(volume, { caller, ino: target.ino });
    else noteMade(volume, { caller, ...target });
  }
  volume.reclaimer.release(unreferenced);
}

/** What all of it together takes of each tenant's. Errors: `quota-exceeded`. */
function requireQuotas(
  volume: Volume,
  {
    request: { directories, files },
    placed,
  }: { request: Pick<ImportRequest, "directories" | "files">; placed: readonly Placed[] },
): void {
  if (volume.quotas === undefined) return;
  const wanted = new Map<TenantId | undefined, { files: number; bytes: number }>();
  const add = (tenantId: TenantId | undefined, more: { files: number; bytes: number }) => {
    const { files: before, bytes } = wanted.get(tenantId) ?? { files: 0, bytes: 0 };
    wanted.set(tenantId, { files: before + more.files, bytes: bytes + more.bytes });
  };
  for (const { tenantId } of directories) add(tenantId, { files: 1, bytes: BLOCK_BYTES });
  for (const [index, { target }] of files.entries()) {
    const { file, found } = placed[index] ?? {};
    let bytes = (file?.sizeBytes ?? 0) - (found?.file?.sizeBytes ?? 0);
    for (const [key, value] of file?.metadata ?? []) bytes += key.length + value.length;
    if ("ino" in target) add(volume.metadata.describe(target.ino)?.tenantId, { files: 0, bytes });
    else add(target.tenantId, { files: 1, bytes });
  }
  for (const [tenantId, more] of wanted) volume.quotas.requireFiles(tenantId, more);
}

/** A writer's copy of the old content would take the place of the new one. */
async function copiesOf(volume: Volume, placed: readonly Placed[]): Promise<void> {
  for (const { found } of placed) {
    const copyUp = found.file && volume.inodes.peek(found.file.ino)?.copyUp;
    // Should it fail, whoever wanted to write hears of it.
    await copyUp?.catch(() => undefined);
  }
}

function targetOf(volume: Volume, record: InodeRecord | undefined): ImportTarget {
  if (record === undefined) return { exists: false, etag: undefined, mtime: undefined };
  const isStaged = volume.staging.of(record.ino) !== undefined;
  const { mtime } = volume.activity.appliedTo(record, volume.inodes.peek(record.ino));
  return { exists: true, etag: isStaged ? undefined : record.contentHash, mtime };
}

function requireExpected(volume: Volume, { file: { path, expected }, found }: Placed): void {
  const { exists, etag } = targetOf(volume, found.file);
  const isCopied = found.file !== undefined && volume.inodes.peek(found.file.ino)?.copyUp;
  if (exists === expected.exists && etag === expected.etag && !isCopied) return;
  throw new NexusError("try-again", `${path} has changed meanwhile`, { op: "import", path });
}

/** The directories that are missing, each once, and the files with what they lie in. */
function arrange(
  volume: Volume,
  { caller, placed }: { caller: Caller; placed: readonly Placed[] },
): Pick<ImportRequest, "directories" | "files"> {
  const directories: ImportRequest["directories"][number][] = [];
  const made = new Map<string, ImportParent>();
  const makeBelow = (parent: ImportParent, { name, place }: Step): ImportParent => {
    const key = "ino" in parent ? `${parent.ino}/${name}` : `new ${parent.made}/${name}`;
    const known = made.get(key);
    if (known !== undefined) return known;
    const { tenantId, agentId } = ownerOf(caller, place);
    const directory = { made: directories.length };
    directories.push({ parent, name, mode: DIRECTORY_MODE, tenantId, agentId });
    made.set(key, directory);
    return directory;
  };
  const works = importedWork(volume, { caller, files: placed });
  const files = placed.map(({ file, steps, found }, index): ImportedFile => {
    const last = steps.at(-1);
    const { etag, pathId, version, mtime, btime, metadata } = file;
    const mimeType = file.mimeType ?? mimeTypeOf(last?.name ?? "");
    const work = works[index] ?? { zone: "/", dependencies: [] };
    const content = { contentHash: etag, version, mtime, btime, mimeType, metadata, work };
    if (found.file !== undefined || last === undefined) {
      return { target: { ino: found.file?.ino ?? ROOT_INO }, ...content };
    }
    const deepest: ImportParent = { ino: found.directories.at(-1) ?? ROOT_INO };
    const missing = steps.slice(found.directories.length - 1, -1);
    const parent = missing.reduce(makeBelow, deepest);
    const owner = ownerOf(caller, last.place);
    const target = { parent, name: last.name, mode: FILE_MODE, pathId, ...owner };
    return { target, ...content };
  });
  return { directories, files };
}

/** Nobody has asked for anything in a directory that is new itself. */
function noteMade(
  volume: Volume,
  { caller, parent, name }: { caller: Caller; parent: ImportParent; name: string },
): void {
  if ("ino" in parent) volume.changes.note({ kind: "entry", parent: parent.ino, name }, caller);
}

/** What the transaction said of the row, in what is known of the inode. */
function noteImported(volume: Volume, { caller, ino }: { caller: Caller; ino: Ino }): void {
  const inode = volume.inodes.peek(ino);
  const record = volume.metadata.getattr(ino);
  if (inode !== undefined && record !== undefined) {
    volume.activity.drop(inode);
    inode.mode = record.mode;
    inode.isAtimeSettled = false;
    volume.readers.close(inode);
    noteNewContent(volume, { caller, inode, sizeBytes: record.sizeBytes });
  }
  const staged = volume.staging.of(ino);
  if (staged === undefined) return;
  volume.staging.remove(staged);
  volume.promotion.supersede(staged);
}
