import { open, readdir } from "node:fs/promises";
import { join, relative } from "node:path";
import { getAttribute } from "./attribute-calls.js";
import { bytesAfter, type History, type State } from "./history.js";
import { isMixture, TrackedFile } from "./tracked-file.js";

export const TAG = "user.tag";

/** What a file is found to be; no bytes where reading fails, as that of lost contents must. */
interface FoundFile {
  readonly ino: number;
  readonly bytes: Buffer | undefined;
  readonly tag: string | undefined;
}

type Found = ReadonlyMap<string, FoundFile | "directory">;

/** Everything below a directory, by its path there. Errors: those of a mount that has ended. */
export async function look(directory: string): Promise<Found> {
  const found = new Map<string, FoundFile | "directory">();
  for (const entry of await readdir(directory, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = relative(directory, path);
    found.set(name, entry.isDirectory() ? "directory" : await lookAt(path));
  }
  return found;
}

async function lookAt(path: string): Promise<FoundFile> {
  const handle = await open(path, "r");
  try {
    const { ino } = await handle.stat();
    const bytes = await handle.readFile().catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EIO") throw error;
      return undefined;
    });
    return { ino, bytes, tag: await getAttribute(path, TAG) };
  } finally {
    await handle.close();
  }
}

export interface Verdict {
  /** What is lost, or isn't as it ever was. */
  readonly problems: readonly string[];
  readonly filesChecked: number;
  /** Names of files whose contents are lost, as they may be. */
  readonly unreadable: readonly string[];
}

/**
 * Compares what was found after a crash with what may be there, and has the history go on from there. Of all moments
 * whose names fit, the last one counts of which the contents fit, too.
 */
export function judge(
  history: History,
  { found, crash }: { found: Found; crash: "killed" | "power lost" },
): Verdict {
  const fitting = history.candidates(crash).filter((state) => namesFit(state, found));
  const filesChecked = [...found.values()].filter((file) => file !== "directory").length;
  let best: { state: State; problems: string[] } | undefined;
  for (const state of fitting.reverse()) {
    const problems = contentProblems(history, { state, found, crash });
    if (best === undefined || problems.length < best.problems.length) best = { state, problems };
    if (problems.length === 0) break;
  }
  if (best === undefined) {
    const problems = [`the names never were like this: ${difference(history, { found, crash })}`];
    return { problems, filesChecked, unreadable: [] };
  }
  const contents = new Map<TrackedFile, Buffer>();
  const unreadable: string[] = [];
  for (const [name, file] of best.state.names) {
    const there = found.get(name);
    if (!(file instanceof TrackedFile) || there === undefined || there === "directory") continue;
    if (there.bytes === undefined) unreadable.push(name);
    else contents.set(file, there.bytes);
  }
  history.adopt(best.state, contents);
  return { problems: best.problems, filesChecked, unreadable };
}

/** The same names for the same files, of the same kinds, with the same attributes. */
function namesFit({ names, tags }: State, found: Found): boolean {
  if (names.size !== found.size) return false;
  const inos = new Map<TrackedFile, number>();
  for (const [name, file] of names) {
    const there = found.get(name);
    if (there === undefined) return false;
    if (file === "directory" || there === "directory") {
      if (file !== there) return false;
      continue;
    }
    if (tags.get(file) !== there.tag) return false;
    if ((inos.get(file) ?? there.ino) !== there.ino) return false;
    inos.set(file, there.ino);
  }
  return new Set(inos.values()).size === inos.size;
}

function contentProblems(
  history: History,
  { state, found, crash }: { state: State; found: Found; crash: "killed" | "power lost" },
): string[] {
  return [...state.names].flatMap(([name, file]) => {
    const there = found.get(name);
    if (file === "directory" || there === undefined || there === "directory") return [];
    const problem =
      crash === "killed"
        ? problemAfterKill(history, { file, bytes: there.bytes })
        : problemAfterLoss(history, { file, bytes: there.bytes, step: state.step });
    return problem === undefined ? [] : [`${name} ${problem}`];
  });
}

function problemAfterKill(
  { underWay }: History,
  { file, bytes }: { file: TrackedFile; bytes: Buffer | undefined },
): string | undefined {
  if (bytes === undefined) return "can't be read";
  if (bytes.equals(file.bytes)) return undefined;
  const isChanging = underWay !== undefined && underWay.kind !== "names" && underWay.kind !== "tag";
  if (isChanging && underWay.file === file) {
    if (bytes.equals(bytesAfter(underWay))) return undefined;
    // The kernel may ask in parts, and each is carried out or not.
    if (
      underWay.kind !== "size" &&
      isBegun(bytes, { before: file.bytes, after: bytesAfter(underWay) })
    )
      return undefined;
  }
  return `has ${describe(bytes)}, and had ${describe(file.bytes)}`;
}

/** Whether a change was carried out from its beginning up to some byte. */
function isBegun(found: Buffer, { before, after }: { before: Buffer; after: Buffer }): boolean {
  let at = 0;
  while (at < found.length && found[at] === after[at]) at += 1;
  return found.length >= before.length && found.subarray(at).equals(before.subarray(at));
}

function problemAfterLoss(
  { underWay }: History,
  { file, bytes, step }: { file: TrackedFile; bytes: Buffer | undefined; step: number },
): string | undefined {
  const { versions, isDurable } = file.survivors(step);
  if (bytes === undefined) return isDurable ? "was synced and can't be read" : undefined;
  const isChanging = underWay !== undefined && underWay.kind !== "names" && underWay.kind !== "tag";
  const mayHave =
    isChanging && underWay.file === file ? [...versions, bytesAfter(underWay)] : [...versions];
  // A file that no sync covered may have lost everything.
  if (!isDurable) mayHave.push(Buffer.alloc(0));
  if (isMixture(bytes, mayHave)) return undefined;
  const first = mayHave[0] ?? Buffer.alloc(0);
  const synced = isDurable ? "synced" : "never synced";
  return `has ${describe(bytes)}, and had ${describe(first)} (${synced}; ${mayHave.length - 1} changes since)`;
}

function describe(bytes: Buffer): string {
  const zeros = bytes.reduce((sum, byte) => sum + (byte === 0 ? 1 : 0), 0);
  return `${bytes.length} bytes, ${zeros} of them 0, "${bytes.toString("latin1", 0, 12)}"`;
}

/** What is different from the last moment that could be. */
function difference(
  history: History,
  { found, crash }: { found: Found; crash: "killed" | "power lost" },
): string {
  const candidates = history.candidates(crash);
  const { names, tags } = candidates.at(-1) ?? history.now;
  const lines = [...new Set([...names.keys(), ...found.keys()])].flatMap((name) => {
    const [file, there] = [names.get(name), found.get(name)];
    if (file === undefined) return [`${name} is there`];
    if (there === undefined) return [`${name} is gone`];
    if (file === "directory" || there === "directory") return [];
    const tag = tags.get(file);
    return tag === there.tag ? [] : [`${name} has the tag ${there.tag}, not ${tag}`];
  });
  return `${lines.join(", ") || "other files have the names"} (${candidates.length} moments)`;
}
