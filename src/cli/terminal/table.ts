import type { Output } from "./output.js";

export interface Column<Row> {
  readonly title: string;
  readonly alignment?: "left" | "right";
  value(row: Row): string;
}

/** No lines around and between: what is printed can be cut with awk(1). */
const NO_BORDERS = Object.fromEntries(
  ["top", "bottom", "left", "right"]
    .flatMap((side) => [side, `${side}-mid`, `${side}-left`, `${side}-right`])
    .concat("mid", "mid-mid", "middle")
    .map((name) => [name, name === "middle" ? "  " : ""]),
);

/** Prints rows below titles, with nothing for no rows. */
export async function printTable<Row>(
  output: Output,
  { columns, rows }: { columns: readonly Column<Row>[]; rows: readonly Row[] },
): Promise<void> {
  if (rows.length === 0) return;
  const { default: Table } = await import("cli-table3");
  const table = new Table({
    chars: NO_BORDERS,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0, compact: true },
    head: columns.map(({ title }) => output.paint("bold", title)),
    colAligns: columns.map(({ alignment }) => alignment ?? "left"),
  });
  for (const row of rows) table.push(columns.map(({ value }) => output.foreign(value(row))));
  for (const line of table.toString().split("\n")) await output.line(line.trimEnd());
}
