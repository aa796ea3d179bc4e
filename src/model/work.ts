import { NAME_MAX_BYTES } from "./attributes.js";
import { NexusError } from "./errors.js";
import type { PathId } from "./ids.js";
import { CONTROL, canonicalPath } from "./path.js";

/**
 * What a regular file's `status` may be; with one of them it is a work item. DESIGN, section 8.
 */
export const WORK_STATUSES = [
  "ready",
  "pending",
  "blocked",
  "in_progress",
  "completed",
  "failed",
] as const;

export type WorkStatus = (typeof WORK_STATUSES)[number];

/** The keys of custom metadata that mean something to the queue. */
export const WORK_KEY = {
  status: "status",
  priority: "priority",
  dependsOn: "depends_on",
  workerId: "worker_id",
  startedAt: "started_at",
  completedAt: "completed_at",
  attempts: "attempts",
  error: "error",
} as const;

/** Set on the mount to claim a file; it is a verb, so it is never stored. */
export const CLAIM_KEY = "claim";

/** Priorities are whole numbers from -999,999,999 to 999,999,999. */
export const MAX_PRIORITY = 999_999_999;

/** How long a claim lasts when nobody says. */
export const DEFAULT_LEASE_MS = 5 * 60 * 1000;

/** What an item waits for, as somebody wrote it. */
export type DependencyReference =
  | { readonly by: "path"; readonly text: string; readonly path: string }
  | { readonly by: "path-id"; readonly text: string; readonly pathId: PathId };

const PATH_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const INTEGER = /^-?\d+$/;

/** Errors: `invalid-argument` with the list of what is allowed. */
export function parseStatus(text: string): WorkStatus {
  const status = WORK_STATUSES.find((known) => known === text);
  if (status !== undefined) return status;
  throw new NexusError(
    "invalid-argument",
    `a status can't be '${text}'; allowed: ${WORK_STATUSES.join(", ")}`,
    { op: "set status" },
  );
}

/** Errors: `invalid-argument` unless it is a whole number in the range. */
export function parsePriority(text: string): number {
  const priority = INTEGER.test(text) ? Number(text) : Number.NaN;
  if (Math.abs(priority) <= MAX_PRIORITY) return priority;
  throw new NexusError(
    "invalid-argument",
    `a priority can't be '${text}'; allowed: a whole number from -${MAX_PRIORITY} to ${MAX_PRIORITY}, lower ones first`,
    { op: "set priority" },
  );
}

/** Errors: `invalid-argument` unless it is text of a name's length, without control characters. */
export function parseWorker(name: string | undefined): string {
  const isText = typeof name === "string" && name !== "" && !CONTROL.test(name);
  if (isText && Buffer.byteLength(name) <= NAME_MAX_BYTES) return name;
  throw new NexusError(
    "invalid-argument",
    `a worker needs a name: text without control characters, up to ${NAME_MAX_BYTES} bytes`,
    { op: "claim" },
  );
}

/**
 * What `depends_on` says: an absolute path, a path_id, or a JSON list of them. An empty list is no
 * dependency at all. Errors: `invalid-argument`, and those of a path.
 */
export function parseDependencies(text: string): DependencyReference[] {
  const texts = text.trimStart().startsWith("[") ? parseList(text) : [text];
  return [...new Set(texts)].map(parseReference);
}

function parseList(text: string): string[] {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch (cause) {
    throw new NexusError("invalid-argument", `depends_on is not a JSON list: ${text}`, { cause });
  }
  if (Array.isArray(list) && list.every((entry) => typeof entry === "string")) return list;
  throw new NexusError("invalid-argument", "a list in depends_on has paths and path_ids only");
}

function parseReference(text: string): DependencyReference {
  if (PATH_ID.test(text)) {
    return { by: "path-id", text, pathId: text.toLowerCase() as PathId };
  }
  if (text.startsWith("/")) return { by: "path", text, path: canonicalPath(text) };
  throw new NexusError(
    "invalid-argument",
    `depends_on can't be '${text}'; allowed: an absolute path of the namespace, a path_id, or a JSON list of them`,
    { op: "set depends_on" },
  );
}
