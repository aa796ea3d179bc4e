import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

// What may import what: DESIGN, section 2. A folder stands for all of it, a file for itself alone;
// every folder may import itself.

const METADATA_STORE = "storage/metadata/metadata-store.ts";
const WORK_STORE = "storage/metadata/work-store.ts";
const CHANGE_STORE = "storage/metadata/change-store.ts";
const SCRUB_STORE = "storage/metadata/scrub-store.ts";
const IMPORT_STORE = "storage/metadata/import-store.ts";
const CONTENT_STORE = "storage/content/content-store.ts";
/** Who has a data directory: asked by whoever opens one. */
const LOCK = "storage/data-dir-lock.ts";
/** Whether one may be opened at all. */
const FIT = "storage/fit-to-open.ts";
/** What copies a whole store, whoever has it open. */
const BACKUP = [
  "storage/backup/backup-directory.ts",
  "storage/backup/backup-place.ts",
  "storage/backup/backup-source.ts",
  "storage/backup/prune-snapshots.ts",
  "storage/backup/restore-backup.ts",
  "storage/backup/write-backup.ts",
];
/** What a check found, in types alone. */
const CHECK_REPORT = ["storage/check/finding.ts", "storage/check/report.ts"];
const FILE_SYSTEM = "vfs/file-system.ts";
/** How a store is collected, whoever has it open. */
const COLLECT_ALL = "vfs/content/collect-all.ts";
/** What others changed, for those who keep what they were told. */
const CHANGES = "vfs/changes.ts";
/** What the client offers, in types alone. */
const FEATURE_INTERFACES = [
  "features/files/files.ts",
  "features/queue/queue.ts",
  "features/search/search.ts",
  "features/transfer/transfer.ts",
  "features/watch/watch.ts",
];
const FACES = ["sdk", "config", "compose.ts", "fuse", "libc", "telemetry", "model"];

const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  model: [],
  libc: ["model"],
  telemetry: ["model"],
  config: ["model", "core", "telemetry"],
  storage: ["model", "libc", "telemetry"],
  core: ["model"],
  vfs: [
    ...["model", "core", "telemetry"],
    ...[METADATA_STORE, WORK_STORE, IMPORT_STORE, SCRUB_STORE, CONTENT_STORE],
  ],
  features: [
    "model",
    "core",
    "telemetry",
    FILE_SYSTEM,
    METADATA_STORE,
    WORK_STORE,
    CHANGE_STORE,
    CONTENT_STORE,
  ],
  fuse: ["model", "libc", "telemetry", FILE_SYSTEM, CHANGES],
  rpc: ["model"],
  server: ["model", "libc", "telemetry", "rpc"],
  sdk: [
    ...["model", "telemetry", "features", "config", "compose.ts", "compose-check.ts", "rpc"],
    ...[FILE_SYSTEM, COLLECT_ALL, LOCK, FIT, ...BACKUP, ...CHECK_REPORT],
  ],
  cli: [...FACES, ...FEATURE_INTERFACES],
  daemon: [
    ...FACES,
    "rpc",
    "server",
    LOCK,
    "cli/exit-code.ts",
    "cli/standard-output.ts",
    "cli/terminal/visible.ts",
  ],
  "compose.ts": ["model", "libc", "telemetry", "config", "storage", "core", "vfs", "features"],
  "compose-check.ts": ["model", "telemetry", "config", "core", "storage", "compose.ts"],
  "index.ts": ["model", "config", "core", "vfs", "features", "sdk", "compose.ts"],
};

/** Libraries with which one layer keeps a secret: who may know them. */
const LIBRARIES: Readonly<Record<string, readonly string[]>> = {
  koffi: ["libc"],
  "better-sqlite3": ["storage"],
  zod: ["config"],
  yaml: ["config"],
  pino: ["telemetry"],
  "pino-pretty": ["telemetry"],
  commander: ["cli", "daemon"],
  "mime-types": ["core"],
  "fuse-native": ["fuse"],
  "tar-stream": ["features"],
  ws: ["rpc", "server"],
  "cli-table3": ["cli"],
  "cli-progress": ["cli"],
};

const MOST_LINES = 500;

const SRC = fileURLToPath(new URL("../src", import.meta.url));

interface SourceFile {
  /** Relative to `src`. */
  readonly path: string;
  readonly text: string;
  /** Files of `src`, relative to it. */
  readonly files: readonly string[];
  readonly libraries: readonly string[];
}

const SOURCES: readonly SourceFile[] = readdirSync(SRC, { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".ts"))
  .map(parse);

function parse(path: string): SourceFile {
  const text = readFileSync(join(SRC, path), "utf8");
  const specifiers = [...text.matchAll(/\b(?:from|import)\s*\(?\s*"([^"]+)"/g)].map(
    ([, specifier = ""]) => specifier,
  );
  const isOwn = (specifier: string) => specifier.startsWith(".");
  return {
    path,
    text,
    files: specifiers
      .filter(isOwn)
      .map((specifier) => relative(SRC, join(SRC, dirname(path), specifier)))
      .map((file) => file.replace(/\.js$/, ".ts")),
    libraries: specifiers.filter((specifier) => !isOwn(specifier)),
  };
}

/** The folder of a path, or the file itself at the top. */
function layerOf(path: string): string {
  return path.split("/")[0] ?? path;
}

function isCovered(path: string, allowed: readonly string[]): boolean {
  return allowed.some((entry) => path === entry || layerOf(path) === entry);
}

/** Lines of `src` that match, as `file:line: text`, where `isForbidden` says so of the file. */
function linesWith(pattern: RegExp, isForbidden: (path: string) => boolean): string[] {
  return SOURCES.filter(({ path }) => isForbidden(path)).flatMap(({ path, text }) =>
    text
      .split("\n")
      .map((line, index) => `${path}:${index + 1}: ${line.trim()}`)
      .filter((line) => pattern.test(line)),
  );
}

describe("the layers", () => {
  const layers = [...new Set(SOURCES.map(({ path }) => layerOf(path)))];

  test("every folder of src stands in the table", () => {
    expect(layers.filter((layer) => ALLOWED[layer] === undefined)).toEqual([]);
  });

  test.each(layers)("%s imports only what the table allows it", (layer) => {
    const allowed = [layer, ...(ALLOWED[layer] ?? [])];
    const violations = SOURCES.filter(({ path }) => layerOf(path) === layer).flatMap(
      ({ path, files }) =>
        files.filter((file) => !isCovered(file, allowed)).map((file) => `${path} -> ${file}`),
    );
    expect(violations).toEqual([]);
  });

  test("imports between folders make no cycle", () => {
    const edges = new Map<string, Set<string>>();
    for (const { path, files } of SOURCES) {
      const from = layerOf(path);
      const targets = files.map(layerOf).filter((to) => to !== from);
      edges.set(from, new Set([...(edges.get(from) ?? []), ...targets]));
    }
    const cyclesFrom = (layer: string, way: readonly string[]): string[] => {
      const at = way.indexOf(layer);
      if (at >= 0) return [[...way.slice(at), layer].join(" -> ")];
      return [...(edges.get(layer) ?? [])].flatMap((next) => cyclesFrom(next, [...way, layer]));
    };
    expect([...edges.keys()].flatMap((layer) => cyclesFrom(layer, []))).toEqual([]);
  });

  test("a library that one layer hides is imported nowhere else", () => {
    const violations = SOURCES.flatMap(({ path, libraries }) =>
      libraries
        .filter((library) => LIBRARIES[library]?.includes(layerOf(path)) === false)
        .map((library) => `${path} -> ${library}`),
    );
    expect(violations).toEqual([]);
  });
});

describe("the style of every file", () => {
  test("index.ts only re-exports", () => {
    const text = SOURCES.find(({ path }) => path === "index.ts")?.text ?? "";
    const statements = text
      .replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "")
      .split(";")
      .map((statement) => statement.trim())
      .filter((statement) => statement !== "");
    expect(statements).not.toEqual([]);
    for (const statement of statements) {
      expect(statement).toMatch(/^export (type )?\{[^}]*\} from "\.\/[^"]+\.js"$/);
    }
  });

  test("nothing is exported as default", () => {
    expect(linesWith(/\bexport default\b|\bas default\b/, () => true)).toEqual([]);
  });

  test("error numbers are known in fuse and libc alone", () => {
    const isAbove = (path: string) => !["fuse", "libc"].includes(layerOf(path));
    const numbers = /\bconstants\.errno\b|\bE[A-Z]{3,}\s*[:=]\s*-?\d|\berrno\b\s*===?\s*-?\d/;
    expect(linesWith(numbers, isAbove)).toEqual([]);
  });

  test("the environment is read in config alone, and passed on whole to children", () => {
    const reads = linesWith(/\bprocess\.env\b/, (path) => layerOf(path) !== "config");
    expect(reads.filter((line) => !/\benv: \{ \.\.\.process\.env\b/.test(line))).toEqual([]);
  });

  test(`no file has more than ${MOST_LINES} lines`, () => {
    const lengths = SOURCES.map(({ path, text }) => ({ path, lines: text.split("\n").length - 1 }));
    expect(lengths.filter(({ lines }) => lines > MOST_LINES)).toEqual([]);
  });
});
