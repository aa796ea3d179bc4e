/**
 * The moments at which a crash meets the store half-way through something that has an order: each key is the
 * name of one, its text what has happened by then and what hasn't. A test kills the process there
 * (see config/failpoints.ts); test/crash/ refuses to pass when it never got to one of them. In the order in which a
 * content passes them.
 */
export const FAILPOINTS = {
  "log-record-written": "a change of a small content is in the staging log; memory hasn't got it",
  "log-segment-started": "the staging log goes on in another file, and nothing is in that yet",
  "log-segment-removed": "a segment that nothing staged is in any more is gone",
  "staging-file-made": "a staging file is there and empty; nothing names it",
  "bytes-staged": "bytes are in a staging file; no row says how many",
  "small-content-copied": "the file has what grew out of the log, and the log counts still",
  "small-content-spilled":
    "the log says that the file counts; the write that made it grow isn't done",
  "content-copied": "a sealed content was copied to be changed; the row names the sealed one alone",
  "copy-named": "the row names the copy; the write that wanted it isn't done",
  "handle-released": "the last writer has closed; the content waits to be sealed",
  "content-hashed": "contents have their hashes; the database doesn't know them",
  "contents-announced": "the database has the hashes, with no reference; no blob is there",
  "content-prepared": "the bytes to be sealed are in read-only files, and synced",
  "blob-linked": "a content has its name in the CAS; no directory is synced",
  "blobs-durable": "the contents and their names are synced; no row names them",
  "contents-committed": "the rows name the hashes; the staged contents are there still",
  "staging-discarded": "a staged file is gone whose content is sealed",
  "orphans-reaped": "rows without a name are gone; their contents are there still",
  "blob-removed": "a blob that nothing refers to is gone; the database knows its hash still",
  "content-forgotten": "the database has forgotten a blob that is gone",
  "replacement-synced": "the bytes that replace another file's are synced; the name hasn't moved",
  "journal-written": "an operation is in the journal; whoever asked for it wasn't answered",
  "transaction-committed": "SQLite has a batch; the journal has it, too",
  "metadata-synced": "SQLite's log is synced; whoever waits for that wasn't answered",
  "checkpoint-begun": "SQLite's log is long enough to be moved, and none of it is",
  "checkpoint-passed": "most of SQLite's log is in the database; what came meanwhile isn't",
  "log-emptied": "all of SQLite's log is in the database; it starts over with the next commit",
  "migration-step-done": "the schema is at one of its versions, maybe not the newest",
  "journal-replayed": "what the last process left in its journal is in the database",
  "contents-recovered": "what the last process left staged was taken up; nothing is served yet",
  "import-checked": "the contents of an import are there without names; nothing else has happened",
  "import-committed": "all files of an import have their names; nobody has heard of it",
  "lease-expired": "a lease has ended and its item is ready; nobody has heard of it",
} as const satisfies Readonly<Record<string, string>>;

export type Failpoint = keyof typeof FAILPOINTS;

/** Told of each failpoint that is reached. Called on hot paths: it does nothing unless a test armed one. */
export interface Failpoints {
  reach(name: Failpoint): void;
}

/** The failpoints of a program that nobody tests. */
export const NO_FAILPOINTS: Failpoints = { reach: () => undefined };

/** Where the process kills itself. Plain data, for threads. */
export interface ArmedFailpoint {
  readonly name: Failpoint;
  /** At which time that it gets there, from 1 on; each thread counts its own. */
  readonly count: number;
  /** The file to which the name is appended before, so that somebody knows. */
  readonly reachedFile: string | undefined;
}
