import type { Readable, Writable } from "node:stream";
import type { WriteContent } from "../features/files/files.js";
import type { CustomMetadata } from "../features/metadata/custom-metadata.js";
import type { WorkQueue } from "../features/queue/queue.js";
import type { NexusClient } from "./client.js";

/**
 * How a method of the client goes over a connection. Numbers are places among its arguments.
 *
 * - `call`: arguments there, a result back.
 * - `iteration`: items come in batches, as far as they are asked for.
 * - `upload`: the `content` goes as bytes beside the request.
 * - `batch`: so do the contents of a list of files, one after the other.
 * - `whole`: the result comes as bytes, and is there when all of them are.
 * - `download`: the result is a stream of bytes.
 * - `export`, `import`: bytes to a target, or from a source, that is the client's.
 * - `local`: done by the client, with others of its methods.
 */
export interface MethodLine {
  readonly shape:
    | "call"
    | "iteration"
    | "upload"
    | "batch"
    | "whole"
    | "download"
    | "export"
    | "import"
    | "local";
  /** The path that errors name. */
  readonly path?: 0;
  /** The options, if there may be a `signal` or an `onProgress` in them. */
  readonly options?: number;
  /** What is uploaded. */
  readonly content?: number;
  /** An argument that may be any Iterable, and goes as an array. */
  readonly list?: 0;
  /** It may wait for something to happen, always or with the option of that name: closing the client ends it. */
  readonly waits?: true | "wait";
  /** What errors call it, if not by its name. */
  readonly op?: string;
}

type Named<T, Prefix extends string> = {
  [K in keyof T & string as T[K] extends (...args: never[]) => unknown
    ? `${Prefix}${K}`
    : never]: T[K];
};

/** Every method of a client, under the name that it has on a connection. */
export type ClientMethods = Omit<Named<NexusClient, "">, "close"> &
  Named<CustomMetadata, "metadata."> &
  Named<WorkQueue, "queue.">;

export type MethodName = keyof ClientMethods;

type Shaped<Shape extends MethodLine["shape"]> = MethodLine & { readonly shape: Shape };

/** The lines that a method may have, by what it takes and answers. */
type LineFor<F> = F extends (...args: infer Args) => infer Result
  ? Result extends Readable
    ? Shaped<"download">
    : Result extends AsyncIterable<unknown>
      ? Shaped<"iteration" | "local">
      : Result extends Promise<Buffer>
        ? Shaped<"whole">
        : LineOfArguments<Args>
  : never;

type LineOfArguments<Args extends unknown[]> = WriteContent extends Args[1]
  ? Shaped<"upload"> & { readonly content: 1 }
  : Readable extends Args[0]
    ? Shaped<"import">
    : Writable extends Args[0]
      ? Shaped<"export">
      : Shaped<"call" | "batch">;

/** A new method of the client doesn't compile until it has its line here; more it doesn't need. */
export const CLIENT_METHODS = {
  write: { shape: "upload", path: 0, content: 1, options: 2 },
  writeMany: { shape: "batch", op: "write" },
  read: { shape: "whole", path: 0, options: 1 },
  createReadStream: { shape: "download", path: 0, options: 1, op: "read" },
  append: { shape: "upload", path: 0, content: 1, options: 2 },
  delete: { shape: "call", path: 0 },
  exists: { shape: "call", path: 0 },
  stat: { shape: "call", path: 0 },
  isDirectory: { shape: "call", path: 0 },
  mkdir: { shape: "call", path: 0 },
  rmdir: { shape: "call", path: 0 },
  rename: { shape: "call", path: 0 },
  move: { shape: "call", path: 0, options: 2 },
  copy: { shape: "call", path: 0, options: 2 },
  list: { shape: "call", options: 0 },
  walk: { shape: "iteration", options: 0 },
  glob: { shape: "iteration", options: 1 },
  // An expression may backtrack without end, and must stop nobody but who asked.
  grep: { shape: "local", options: 1 },
  findDuplicates: { shape: "call", options: 0 },
  watch: { shape: "iteration", options: 0, waits: true },
  watchCursor: { shape: "call" },
  exportMetadata: { shape: "export", options: 1 },
  importMetadata: { shape: "import", options: 1 },
  "metadata.get": { shape: "call", path: 0 },
  "metadata.getBytes": { shape: "call", path: 0 },
  "metadata.set": { shape: "call", path: 0 },
  "metadata.setMany": { shape: "call", list: 0 },
  "metadata.remove": { shape: "call", path: 0 },
  "metadata.list": { shape: "call", path: 0 },
  "queue.ready": { shape: "call" },
  "queue.pending": { shape: "call" },
  "queue.blocked": { shape: "call" },
  "queue.inProgress": { shape: "call" },
  "queue.completed": { shape: "call" },
  "queue.failed": { shape: "call" },
  "queue.byPriority": { shape: "call" },
  "queue.status": { shape: "call" },
  "queue.get": { shape: "call", path: 0 },
  "queue.dependencies": { shape: "call", path: 0 },
  "queue.submit": { shape: "call", path: 0 },
  "queue.claim": { shape: "call", options: 0, waits: "wait" },
  "queue.claimPath": { shape: "call", path: 0, options: 1 },
  "queue.renew": { shape: "call", path: 0, options: 1 },
  "queue.release": { shape: "call", path: 0 },
  "queue.complete": { shape: "call", path: 0 },
  "queue.fail": { shape: "call", path: 0 },
} as const satisfies { readonly [Name in MethodName]: LineFor<ClientMethods[Name]> };

/** The line of a name that came from elsewhere; undefined when there is no such method. */
export function lineOf(name: string): MethodLine | undefined {
  return Object.hasOwn(CLIENT_METHODS, name) ? CLIENT_METHODS[name as MethodName] : undefined;
}
