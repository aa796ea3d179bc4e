import type { FileType, ListedFile } from "../../features/files/files.js";
import { humanSize, humanTime } from "./human.js";
import type { Output } from "./output.js";
import type { OwnerNames } from "./owner-names.js";
import type { Colour } from "./paint.js";

const TYPE_LETTERS = {
  file: "-",
  directory: "d",
  symlink: "l",
  other: "?",
} satisfies Record<FileType, string>;

/** Between the columns of names. */
const GAP = 2;

/** An entry, and what it is called in this listing. */
export interface NamedEntry {
  readonly name: string;
  readonly entry: Pick<ListedFile, "type" | "mode">;
}

/** The name in its colour; without colours, a directory on a terminal ends with `/`. */
export function paintedName(output: Output, entry: NamedEntry): string {
  return show(output, entry).painted;
}

function show(output: Output, { name, entry }: NamedEntry): { painted: string; width: number } {
  const shown = output.foreign(name);
  const colour = colourOf(entry);
  const painted = colour === undefined ? shown : output.paint(colour, shown);
  const isPlain = painted === shown && output.isTerminal;
  const text = isPlain && entry.type === "directory" ? `${shown}/` : painted;
  return { painted: text, width: displayWidth(isPlain ? text : shown) };
}

function colourOf({ type, mode }: NamedEntry["entry"]): Colour | undefined {
  if (type === "directory") return "blue";
  if (type === "symlink") return "cyan";
  return type === "file" && (mode & 0o111) !== 0 ? "green" : undefined;
}

/** Prints names side by side as ls(1) does on a terminal, and one a line elsewhere. */
export async function printNames(output: Output, entries: readonly NamedEntry[]): Promise<void> {
  const names = entries.map((entry) => show(output, entry));
  const width = Math.max(...names.map((name) => name.width)) + GAP;
  const columns = output.isTerminal ? Math.max(1, Math.floor((output.columns + GAP) / width)) : 1;
  const rows = Math.ceil(names.length / columns);
  for (let row = 0; row < rows; row += 1) {
    const inRow = names.filter((_, index) => index % rows === row);
    const cells = inRow.map(({ painted, width: own }, index) =>
      index === inRow.length - 1 ? painted : painted + " ".repeat(width - own),
    );
    await output.line(cells.join(""));
  }
}

/** Prints lines as `ls -lh` has them. */
export async function printLong(
  output: Output,
  {
    entries,
    owners,
    now,
  }: {
    entries: readonly { readonly name: string; readonly entry: ListedFile }[];
    owners: OwnerNames;
    now: Date;
  },
): Promise<void> {
  const rows = entries.map(({ name, entry }) => ({
    links: String(entry.nlink),
    user: owners.user(entry.uid),
    group: owners.group(entry.gid),
    size: humanSize(entry.size),
    line: { name, entry },
  }));
  const widest = (key: "links" | "user" | "group" | "size") =>
    Math.max(0, ...rows.map((row) => row[key].length));
  const [links, user, group, size] = [
    ...[widest("links"), widest("user")],
    ...[widest("group"), widest("size")],
  ];
  for (const row of rows) {
    const { entry } = row.line;
    const owner = `${row.user.padEnd(user ?? 0)} ${row.group.padEnd(group ?? 0)}`;
    const numbers = `${row.links.padStart(links ?? 0)} ${owner} ${row.size.padStart(size ?? 0)}`;
    const time = humanTime(entry.modifiedAt, now);
    await output.line(`${modeText(entry)} ${numbers} ${time} ${paintedName(output, row.line)}`);
  }
}

/** `drwxr-xr-x`, with set-id and sticky bits as ls(1) shows them. */
export function modeText({ type, mode }: NamedEntry["entry"]): string {
  const special = [
    [mode & 0o4000, "s", "S"],
    [mode & 0o2000, "s", "S"],
    [mode & 0o1000, "t", "T"],
  ] as const;
  const classes = special.map(([isSet, small, capital], index) => {
    const bits = (mode >> (6 - 3 * index)) & 0o7;
    const execute = (bits & 1) !== 0;
    const last = isSet !== 0 ? (execute ? small : capital) : execute ? "x" : "-";
    return `${(bits & 4) !== 0 ? "r" : "-"}${(bits & 2) !== 0 ? "w" : "-"}${last}`;
  });
  return TYPE_LETTERS[type] + classes.join("");
}

/** Roughly how many cells a text takes: two for what is East Asian or an emoji, none for an accent. */
function displayWidth(text: string): number {
  let width = 0;
  for (const char of text.replace(/\p{Mn}/gu, "")) width += WIDE.test(char) ? 2 : 1;
  return width;
}

const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]/u;
