import { createRequire } from "node:module";
import type * as Yaml from "yaml";
import type { Document, LineCounter, Node, YAMLMap } from "yaml";
import { messageOf, NexusError } from "../model/errors.js";
import { shown, shownWord } from "./shown.js";
import { isNestedTooDeep } from "./yaml-nesting.js";

const requireModule = createRequire(import.meta.url);

/**
 * The settings in a YAML text, as plain values. What YAML leaves open is refused rather than guessed at: keys that are
 * there twice or are no words, tags that nobody knows, a value inside itself. Errors: `invalid-config` with the path of
 * the file, and the line where there is one.
 */
export function parseSettings(text: string, path: string): Record<string, unknown> {
  // A hundred modules, which most commands don't need: there is no configuration file.
  const yaml = requireModule("yaml") as typeof Yaml;
  if (isNestedTooDeep(text, yaml)) throw refused("lists and maps are nested too deep", { path });
  const lines = new yaml.LineCounter();
  // What is pretty shows the source anew for each error: two minutes for 200,000 of them. And whether keys are unique
  // it looks up by comparing each with each.
  const options = { prettyErrors: false, uniqueKeys: false, lineCounter: lines };
  const document = yaml.parseDocument(text, options);
  const [problem] = [...document.errors, ...document.warnings];
  if (problem !== undefined) {
    const { line } = lines.linePos(problem.pos[0]);
    throw refused(inOneLine(problem.message), { path, line, cause: problem });
  }
  requireClear(document, { path, lines, yaml });
  const values = valuesOf(document, path);
  if (values === null || values === undefined) return {};
  if (typeof values !== "object" || Array.isArray(values)) {
    throw refused("expected settings, one 'key: value' a line", { path });
  }
  return values as Record<string, unknown>;
}

function requireClear(
  document: Document,
  { path, lines, yaml }: { path: string; lines: LineCounter; yaml: typeof Yaml },
): void {
  const anchored = new Map<string, Node>();
  const refuse: Refuse = (problem, node) => {
    const at = (yaml.isNode(node) ? node.range?.[0] : undefined) ?? 0;
    throw refused(problem, { path, line: lines.linePos(at).line });
  };
  const noteAnchor = (node: Node & { anchor?: string | undefined }) => {
    if (node.anchor !== undefined) anchored.set(node.anchor, node);
  };
  yaml.visit(document, {
    Scalar: (_, scalar) => noteAnchor(scalar),
    Seq: (_, list) => noteAnchor(list),
    Map: (_, map) => {
      noteAnchor(map);
      requireKeys(map, { refuse, isScalar: yaml.isScalar });
    },
    Alias: (_, alias, above) => {
      const target = anchored.get(alias.source);
      if (target !== undefined && above.includes(target)) {
        refuse(`'*${shownWord(alias.source)}' stands for a value that it is in`, alias);
      }
    },
  });
}

type Refuse = (problem: string, node: unknown) => never;

function requireKeys(
  map: YAMLMap,
  { refuse, isScalar }: { refuse: Refuse; isScalar: typeof Yaml.isScalar },
): void {
  const keys = new Set<string>();
  for (const { key } of map.items) {
    // Another one would become a text with a warning of Node's.
    const word = isScalar(key) ? String(key.value) : refuse("a key must be a word", key);
    if (keys.has(word)) refuse(`the key '${shownWord(word)}' is there twice`, key);
    keys.add(word);
  }
}

/** An alias of nothing, or aliases of aliases that multiply without end, show here. */
function valuesOf(document: Document, path: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    throw refused(inOneLine(messageOf(error)), { path, cause: error });
  }
}

/** The parser's messages have what they are about in them, as it stands there. */
function inOneLine(message: string): string {
  return shown(message.replaceAll(/\s+/g, " ").trim());
}

function refused(
  problem: string,
  { path, line, cause }: { path: string; line?: number; cause?: unknown },
): NexusError {
  const where = line === undefined ? path : `${path}:${line}`;
  return new NexusError("invalid-config", `${where}: ${problem}`, { path, cause });
}
