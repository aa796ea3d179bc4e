import { lstatSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { NexusError } from "../model/errors.js";
import type { Setting } from "./config.js";
import { readConfigText } from "./config-text.js";
import { expandVariables } from "./expand.js";
import { shownWord } from "./shown.js";
import { parseSettings } from "./yaml-settings.js";

/** Looked for in this order when no file is named; the first one that is there counts. */
function defaultPaths({ cwd, home }: { cwd: string; home: string }): string[] {
  return [resolve(cwd, "nexus.yaml"), join(home, ".nexus", "config.yaml")];
}

interface ConfigFile {
  readonly path: string;
  /** What relative paths in it are relative to. */
  readonly directory: string;
  /** All keys that it has; the value of one without a value is null. */
  readonly settings: Map<string, Setting>;
}

/**
 * Reads the configuration file, if there is one. A file that is named must be there.
 * Errors: `invalid-config` naming the file and, where YAML can tell, the line.
 */
export function readConfigFile({
  named,
  cwd,
  home,
  env,
}: {
  named: string | undefined;
  cwd: string;
  home: string;
  env: NodeJS.ProcessEnv;
}): ConfigFile | undefined {
  const paths = named === undefined ? defaultPaths({ cwd, home }) : [resolve(cwd, named)];
  for (const path of paths) {
    const text = readIfThere(path, { isNamed: named !== undefined });
    if (text === undefined) continue;
    const values = parseSettings(text, path);
    const settings = new Map<string, Setting>();
    for (const [key, value] of Object.entries(values)) {
      const expanded = expandVariables(value, { env, where: `${path}: ${shownWord(key)}` });
      settings.set(key, { value: expanded, source: path });
    }
    return { path, directory: dirname(path), settings };
  }
  if (named === undefined) return undefined;
  throw new NexusError("invalid-config", `there is no configuration file ${paths[0]}`);
}

function readIfThere(path: string, { isNamed }: { isNamed: boolean }): string | undefined {
  try {
    return readConfigText(path);
  } catch (error) {
    if (error instanceof NexusError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") refuseDanglingLink(path);
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    // The working directory is in a mount whose daemon is gone: the one that is to be mounted again.
    if (code === "ENOTCONN" && !isNamed) return undefined;
    throw new NexusError("invalid-config", `${path} can't be read: ${code}`, {
      path,
      cause: error,
    });
  }
}

/** Somebody has a configuration, and without it they would be somebody else here. */
function refuseDanglingLink(path: string): void {
  const info = lstatSync(path, { throwIfNoEntry: false });
  if (info?.isSymbolicLink() !== true) return;
  throw new NexusError("invalid-config", `${path} can't be read: it is a link to nothing`, {
    path,
  });
}
