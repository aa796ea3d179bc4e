import type { Output } from "./output.js";

export type Pair = readonly [name: string, value: string];

/** Prints names and values in two columns. */
export async function printSection(
  output: Output,
  { title, pairs }: { title?: string; pairs: readonly Pair[] },
): Promise<void> {
  if (title !== undefined) await output.line(`\n${output.paint("bold", title)}`);
  const indent = title === undefined ? "" : "  ";
  const lines = pairs.map(([name, value]) => ({ name: output.foreign(name), value }));
  const width = Math.max(0, ...lines.map(({ name }) => name.length));
  for (const { name, value } of lines) {
    const label = output.paint("dim", name);
    const gap = " ".repeat(width - name.length);
    await output.line(`${indent}${label}${gap}  ${output.foreign(value)}`);
  }
}
