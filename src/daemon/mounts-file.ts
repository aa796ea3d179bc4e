import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { replaceDurably, syncPath } from "../libc/durability.js";
import { messageOf, NexusError } from "../model/errors.js";
import { type MountSpec, parseMountSpec, record } from "./mount-spec.js";

const NAME = "mounts.json";
const VERSION = 1;

/** What a state file says. */
export interface RememberedMounts {
  readonly mounts: readonly MountSpec[];
  /** The daemon was to stay without them. */
  readonly persists: boolean;
  /** What in it can't be understood, in words. */
  readonly problems: readonly string[];
}

const NOTHING: RememberedMounts = { mounts: [], persists: false, problems: [] };

/**
 * The mounts that a daemon has, as `{data_dir}/mounts.json`: what the next one makes again after a
 * crash. A mount stands there from when it answers until it has ended; where none is left there is no
 * file. It belongs to whoever holds the lock of the data directory.
 */
export class MountsFile {
  readonly #dataDir: string;
  readonly #path: string;

  constructor(dataDir: string) {
    this.#dataDir = dataDir;
    this.#path = join(dataDir, NAME);
  }

  /** What a daemon that crashed has left. What is wrong with the file is no reason not to start. */
  read(): RememberedMounts {
    let text: string;
    try {
      text = readFileSync(this.#path, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return NOTHING;
      return { ...NOTHING, problems: [`${this.#path} can't be read: ${messageOf(error)}`] };
    }
    try {
      return parse(text, this.#path);
    } catch (error) {
      return { ...NOTHING, problems: [`${this.#path} can't be understood: ${messageOf(error)}`] };
    }
  }

  /** Replaces what the file says, durably and as one step. Errors: those of the disk, as Node throws them. */
  write({ mounts, persists }: Pick<RememberedMounts, "mounts" | "persists">): void {
    if (mounts.length === 0) {
      rmSync(this.#path, { force: true });
      syncPath(this.#dataDir);
      return;
    }
    const said = { version: VERSION, persists, mounts };
    const text = `${JSON.stringify(said, undefined, 2)}\n`;
    replaceDurably({ directory: this.#dataDir, name: NAME }, text);
  }
}

function parse(text: string, path: string): RememberedMounts {
  const { version, persists, mounts } = record(JSON.parse(text), "the file");
  if (version !== VERSION || !Array.isArray(mounts)) {
    throw new NexusError("invalid-argument", `it isn't of version ${VERSION}`);
  }
  const known: MountSpec[] = [];
  const problems: string[] = [];
  for (const mount of mounts) {
    try {
      known.push(parseMountSpec(mount));
    } catch (error) {
      problems.push(`${path}: ${messageOf(error)}`);
    }
  }
  return { mounts: known, persists: persists === true, problems };
}
