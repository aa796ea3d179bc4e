import type { Random } from "../../differ/random.js";

/** Settings as somebody might have written them: one of YAML's ways for each value, all of the same meaning. */
export function writeYaml(
  settings: readonly (readonly [key: string, value: unknown])[],
  random: Random,
): string {
  const lines = settings.map(([key, value]) => `${quoted(key)}: ${write(value, random)}`);
  if (random.below(6) === 0) return `{${lines.join(", ")}}\n`;
  const head = random.pick(["", "", "# settings\n", "---\n", "\ufeff", "%YAML 1.2\n---\n"]);
  const newline = random.pick(["\n", "\n", "\r\n"]);
  return head + lines.join(newline) + newline;
}

function write(value: unknown, random: Random): string {
  if (typeof value === "number") return number(value);
  if (typeof value === "string") return text(value, random);
  if (Array.isArray(value)) return `[${value.map((item) => write(item, random)).join(", ")}]`;
  if (typeof value !== "object" || value === null) return String(value);
  const entries = Object.entries(value).map(
    ([key, item]) => `${quoted(key)}: ${write(item, random)}`,
  );
  return `{${entries.join(", ")}}`;
}

function number(value: number): string {
  if (Number.isNaN(value)) return ".nan";
  if (Number.isFinite(value)) return String(value);
  return value > 0 ? ".inf" : "-.inf";
}

function text(value: string, random: Random): string {
  const isPlain = /^[a-z][a-z/ ]*[a-z]$/.test(value) && !/^(true|false|null)$/.test(value);
  if (isPlain && random.chance(50)) return value;
  if (/^[ -~]*$/.test(value) && random.chance(50)) return `'${value.replaceAll("'", "''")}'`;
  return quoted(value);
}

/** JSON is YAML, but for `$`, which would be a variable. */
function quoted(value: string): string {
  return JSON.stringify(value);
}
