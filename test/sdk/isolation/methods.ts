import { createHash } from "node:crypto";
import { Readable, Writable } from "node:stream";
import type { CustomMetadata } from "../../../src/features/metadata/custom-metadata.js";
import type { WorkQueue } from "../../../src/features/queue/queue.js";
import type { NexusClient } from "../../../src/sdk/client.js";

/** Where an attempt is made: a path that may be closed, and a directory that never is. */
export interface Aim {
  readonly path: string;
  /** Has a file `mine`. */
  readonly own: string;
}

/** What is tried at one path. */
export interface AtPath {
  readonly at: "path";
  readonly access: "read" | "write";
  /** What it answers where it is refused, if it doesn't say so. */
  readonly instead?: unknown;
  readonly run: (nexus: NexusClient, aim: Aim) => Promise<unknown>;
}

/** What looks at all that there is. */
export interface Everywhere {
  readonly at: "everywhere";
  readonly run: (nexus: NexusClient) => Promise<unknown>;
}

export type Attempt = AtPath | Everywhere;

type MethodsOf<T> = {
  [Key in keyof T & string]: T[Key] extends (...args: never[]) => unknown ? Key : never;
}[keyof T & string];

/** Every method of a client but the one that ends it. */
export type Method =
  | Exclude<MethodsOf<NexusClient>, "close">
  | `metadata.${MethodsOf<CustomMetadata>}`
  | `queue.${MethodsOf<WorkQueue>}`;

function reads(run: AtPath["run"], answer: { instead?: unknown } = {}): AtPath {
  return { at: "path", access: "read", run, ...answer };
}

function writes(run: AtPath["run"]): AtPath {
  return { at: "path", access: "write", run };
}

function everywhere(run: Everywhere["run"]): Everywhere {
  return { at: "everywhere", run };
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** What an operation gives, and what it tells on the way. */
async function told<T>(
  run: (onProgress: (progress: unknown) => void) => Promise<T>,
): Promise<{ result: T; progress: unknown[] }> {
  const progress: unknown[] = [];
  const result = await run((step) => progress.push(step));
  return { result, progress };
}

export async function exported(
  nexus: NexusClient,
  options: Parameters<NexusClient["exportMetadata"]>[1],
): Promise<unknown> {
  const chunks: Buffer[] = [];
  const target = new Writable({
    write: (chunk, _, done) => {
      chunks.push(chunk);
      done();
    },
  });
  const result = await told((onProgress) =>
    nexus.exportMetadata(target, { ...options, onProgress }),
  );
  // An archive is compared by its lines, the contents follow from them.
  return { ...result, text: Buffer.concat(chunks).toString("latin1") };
}

/** An export of one file with this content. */
export function lineFor(path: string, content: string): Readable {
  const hash = createHash("sha256").update(content).digest("hex");
  const size = Buffer.byteLength(content);
  const line = { path, backend_name: "local", physical_path: hash, size, etag: hash };
  return Readable.from([Buffer.from(`${JSON.stringify(line)}\n`)]);
}

const SPARE = "spare";
const worker = "w1";

/** Each method, with each path that it takes. One that is new has to be here, or this doesn't compile. */
export const METHODS = {
  write: [
    writes((n, { path }) => n.write(path, "new")),
    writes((n, { path }) => n.write(path, "new", { ifNoneMatch: "*" })),
    writes((n, { path }) => n.write(`${path}/deeper/still`, "new")),
  ],
  writeMany: [
    writes((n, { path, own }) =>
      n.writeMany([
        { path: `${own}/made/on-the-way`, content: "x" },
        { path, content: "new" },
      ]),
    ),
  ],
  read: [reads(async (n, { path }) => (await n.read(path)).toString())],
  createReadStream: [
    reads(async (n, { path }) => Buffer.concat(await collect(n.createReadStream(path))).toString()),
  ],
  append: [writes((n, { path }) => n.append(path, "more"))],
  delete: [
    writes((n, { path }) => n.delete(path)),
    writes((n, { path }) => n.delete(path, { missingOk: true })),
  ],
  // What it tells of is in the tests of watching; here it ends as soon as it has begun.
  watch: [
    reads((n, { path }) => collect(n.watch({ path, signal: AbortSignal.abort() }))),
    reads((n, { path }) =>
      collect(n.watch({ path, recursive: false, signal: AbortSignal.abort() })),
    ),
    everywhere((n) => collect(n.watch({ signal: AbortSignal.abort() }))),
  ],
  watchCursor: [everywhere(async (n) => typeof (await n.watchCursor()))],
  exists: [reads((n, { path }) => n.exists(path), { instead: false })],
  stat: [
    reads((n, { path }) => n.stat(path)),
    reads((n, { path }) => n.stat(path, { etag: false, followSymlinks: false })),
  ],
  isDirectory: [reads((n, { path }) => n.isDirectory(path), { instead: false })],
  mkdir: [
    writes((n, { path }) => n.mkdir(path)),
    writes((n, { path }) => n.mkdir(`${path}/deeper/still`, { parents: true })),
  ],
  rmdir: [
    writes((n, { path }) => n.rmdir(path)),
    writes((n, { path }) => n.rmdir(path, { recursive: true, missingOk: true })),
  ],
  rename: [
    writes((n, { path, own }) => n.rename(path, `${own}/${SPARE}`)),
    writes((n, { path, own }) => n.rename(`${own}/mine`, path)),
  ],
  move: [
    writes((n, { path, own }) => n.move(path, `${own}/${SPARE}`, { overwrite: false })),
    writes((n, { path, own }) => n.move(`${own}/mine`, path)),
  ],
  copy: [
    reads((n, { path, own }) => n.copy(path, `${own}/${SPARE}`)),
    writes((n, { path, own }) => n.copy(`${own}/mine`, path)),
    writes((n, { path, own }) => n.copy(own, path, { recursive: true })),
  ],
  list: [
    reads((n, { path }) => n.list({ prefix: path })),
    everywhere((n) => n.list({ directories: true })),
    everywhere((n) => n.list({ limit: 3 })),
    everywhere((n) => n.list({ recursive: false })),
  ],
  walk: [
    reads((n, { path }) => collect(n.walk({ prefix: path }))),
    everywhere((n) => collect(n.walk({ directories: true }))),
  ],
  glob: [
    reads((n, { path }) => collect(n.glob("**", { path }))),
    reads((n, { path }) => collect(n.glob(`${path}*`)), { instead: [] }),
    reads((n, { path }) => collect(n.glob(path)), { instead: [] }),
    everywhere((n) =>
      told((onProgress) => collect(n.glob("**", { dot: true, directories: true, onProgress }))),
    ),
  ],
  grep: [
    reads((n, { path }) => collect(n.grep("needle", { path }))),
    everywhere((n) => told((onProgress) => collect(n.grep("needle", { onProgress })))),
  ],
  findDuplicates: [
    reads((n, { path }) => n.findDuplicates({ prefix: path })),
    everywhere((n) => told((onProgress) => n.findDuplicates({ onProgress }))),
  ],
  exportMetadata: [
    reads((n, { path }) => exported(n, { prefix: path })),
    everywhere((n) => exported(n, {})),
    everywhere((n) => exported(n, { withContent: true })),
    everywhere((n) => exported(n, { tenantId: "acme" })),
    everywhere((n) => exported(n, { tenantId: "beta", after: new Date(0) })),
  ],
  importMetadata: [
    writes((n, { path }) => n.importMetadata(lineFor(path, "mine"))),
    writes((n, { path }) =>
      n.importMetadata(lineFor(path, "mine"), { conflictMode: "remap", dryRun: true }),
    ),
    writes((n, { path }) =>
      n.importMetadata(lineFor(path, "nobody has this"), { conflictMode: "overwrite" }),
    ),
  ],
  "metadata.get": [reads((n, { path }) => n.metadata.get(path, "status"))],
  "metadata.getBytes": [
    reads((n, { path }) => n.metadata.getBytes(path, "status")),
    reads((n, { path }) => n.metadata.getBytes(path, "nexus.ref_count")),
  ],
  "metadata.set": [
    writes((n, { path }) => n.metadata.set(path, "key", "value")),
    writes((n, { path }) => n.metadata.set(path, "claim", worker)),
    reads((n, { path, own }) => n.metadata.set(`${own}/mine`, "depends_on", path)),
  ],
  "metadata.setMany": [
    writes((n, { path, own }) =>
      n.metadata.setMany([
        { path: `${own}/mine`, key: "key", value: "value" },
        { path, key: "key", value: "value" },
      ]),
    ),
  ],
  "metadata.remove": [writes((n, { path }) => n.metadata.remove(path, "status"))],
  "metadata.list": [reads((n, { path }) => n.metadata.list(path))],
  "queue.ready": [everywhere((n) => n.queue.ready())],
  "queue.pending": [everywhere((n) => n.queue.pending())],
  "queue.blocked": [everywhere((n) => n.queue.blocked())],
  "queue.inProgress": [everywhere((n) => n.queue.inProgress())],
  "queue.completed": [everywhere((n) => n.queue.completed())],
  "queue.failed": [everywhere((n) => n.queue.failed())],
  "queue.byPriority": [
    everywhere((n) => n.queue.byPriority()),
    everywhere((n) => n.queue.byPriority({ limit: 2 })),
  ],
  "queue.status": [everywhere((n) => n.queue.status())],
  "queue.get": [reads((n, { path }) => n.queue.get(path))],
  "queue.dependencies": [reads((n, { path }) => n.queue.dependencies(path))],
  "queue.submit": [
    writes((n, { path }) => n.queue.submit(path)),
    reads((n, { path, own }) => n.queue.submit(`${own}/mine`, { dependsOn: ["/nowhere", path] })),
  ],
  "queue.claim": [everywhere((n) => claimAll(n))],
  "queue.claimPath": [writes((n, { path }) => n.queue.claimPath(path, { worker }))],
  "queue.renew": [writes((n, { path }) => n.queue.renew(path, { worker }))],
  "queue.release": [writes((n, { path }) => n.queue.release(path, { worker }))],
  "queue.complete": [writes((n, { path }) => n.queue.complete(path, { worker }))],
  "queue.fail": [writes((n, { path }) => n.queue.fail(path, { worker, retry: true }))],
} satisfies Record<Method, readonly Attempt[]>;

/** All that somebody gets, in its order; it is given back. */
async function claimAll(nexus: NexusClient): Promise<unknown> {
  const paths: string[] = [];
  for (;;) {
    const item = await nexus.queue.claim({ worker });
    if (item === undefined) break;
    paths.push(item.path);
  }
  for (const path of paths) await nexus.queue.release(path, { worker });
  return paths;
}

function named(only: "path" | "everywhere"): [string, Attempt][] {
  return Object.entries(METHODS).flatMap(([method, attempts]) =>
    attempts.flatMap((attempt, index): [string, Attempt][] =>
      attempt.at === only ? [[`${method} (${index + 1})`, attempt]] : [],
    ),
  );
}

export const AT_PATH = named("path") as [string, AtPath][];
export const EVERYWHERE = named("everywhere") as [string, Everywhere][];
