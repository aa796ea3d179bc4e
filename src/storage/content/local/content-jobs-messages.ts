import type { ErrorKind } from "../../../model/errors.js";
import type { StagingId } from "../../../model/ids.js";
import type { ContentJobs, HashSource } from "./content-jobs.js";

// What the serving thread and the thread of the content jobs say to each other.

export type JobMethod = Exclude<keyof ContentJobs, "close">;

export interface JobRequest {
  readonly number: number;
  readonly method: JobMethod;
  readonly argument: unknown;
}

export interface JobResponse {
  readonly number: number;
  readonly result?: unknown;
  readonly error?: {
    readonly kind: ErrorKind;
    readonly message: string;
    /** Of a `FailedSync`. */
    readonly unsynced?: readonly StagingId[];
  };
}

/** Sources with all their bytes in one piece, which moves to the other thread without a copy. */
export interface PackedSources {
  readonly ids: readonly StagingId[];
  /** -1 for one that has a file. */
  readonly lengths: readonly number[];
  readonly data: Uint8Array<ArrayBuffer>;
}

export function pack(sources: readonly HashSource[]): PackedSources {
  const lengths = sources.map(({ bytes }) => bytes?.length ?? -1);
  const data = new Uint8Array(lengths.reduce((sum, length) => sum + Math.max(0, length), 0));
  let at = 0;
  for (const { bytes } of sources) {
    if (bytes === undefined) continue;
    data.set(bytes, at);
    at += bytes.length;
  }
  return { ids: sources.map(({ id }) => id), lengths, data };
}

export function unpack({ ids, lengths, data }: PackedSources): HashSource[] {
  let at = 0;
  return ids.map((id, index) => {
    const length = lengths[index] ?? -1;
    if (length < 0) return { id, bytes: undefined };
    at += length;
    return { id, bytes: data.subarray(at - length, at) };
  });
}
