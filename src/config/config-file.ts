import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import type * as Yaml from "yaml";
import { messageOf, NexusError } from "../model/errors.js";
import type { Setting } from "./config.js";
import { expandVariables } from "./expand.js";

const requireModule = createRequire(import.meta.url);

/** Looked for in this order when no file is named; the first one that is there counts. */
function defaultPaths({ cwd, home }: { cwd: string; home: string }): string[] {
  return [resolve(cwd, "nexus.yaml"), join(home, ".nexus", "config.yaml")];
}

interface ConfigFile {
  readonly path: string;
  /** What relative paths in it are relative to. */
  readonly directory: string;
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
    const values = parse(text, path);
    const settings = new Map<string, Setting>();
    for (const [key, value] of Object.entries(values)) {
      const expanded = expandVariables(value, { env, where: `${path}: ${key}` });
      // A key without a value is a key that isn't set.
      if (expanded !== null) settings.set(key, { value: expanded, source: path });
    }
    return { path, directory: dirname(path), settings };
  }
  if (named === undefined) return undefined;
  throw new NexusError("invalid-config", `there is no configuration file ${paths[0]}`);
}

function readIfThere(path: string, { isNamed }: { isNamed: boolean }): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    // The working directory is in a mount whose daemon is gone: the one that is to be mounted again.
    if (code === "ENOTCONN" && !isNamed) return undefined;
    throw new NexusError("invalid-config", `${path} can't be read: ${code}`, {
      path,
      cause: error,
    });
  }
}

function parse(text: string, path: string): Record<string, unknown> {
  // A hundred modules, which most commands don't need: there is no configuration file.
  const { parseDocument } = requireModule("yaml") as typeof Yaml;
  const document = parseDocument(text, { prettyErrors: true });
  const [problem] = document.errors;
  if (problem !== undefined) {
    throw unreadable(problem, { path, line: problem.linePos?.[0].line });
  }
  const values = resolveAliases(document, path);
  if (values === null || values === undefined) return {};
  if (typeof values !== "object" || Array.isArray(values)) {
    throw new NexusError("invalid-config", `${path}: expected settings, one 'key: value' a line`);
  }
  return values as Record<string, unknown>;
}

/** The plain values. An alias of nothing, or aliases of aliases that multiply without end, show here. */
function resolveAliases(document: Yaml.Document, path: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    throw unreadable(error, { path, line: undefined });
  }
}

function unreadable(
  problem: unknown,
  { path, line }: { path: string; line: number | undefined },
): NexusError {
  const where = line === undefined ? path : `${path}:${line}`;
  // The parser says the line once more.
  const [what] = messageOf(problem)
    .replace(/ at line \d+, column \d+:?/, "")
    .split("\n");
  return new NexusError("invalid-config", `${where}: ${what}`, { path, cause: problem });
}
