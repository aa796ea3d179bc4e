/** Colours by the numbers that ECMA-48 has for switching them on and off. */
const CODES = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [34, 39],
  magenta: [35, 39],
  cyan: [36, 39],
} as const satisfies Readonly<Record<string, readonly [on: number, off: number]>>;

export type Colour = keyof typeof CODES;

/** Gives a text a colour, or leaves it as it is. */
export type Paint = (colour: Colour, text: string) => string;

/**
 * Paints for a stream: only on a terminal that has colours, and where neither NO_COLOR nor TERM=dumb
 * says otherwise. Node's own streams know both.
 */
export function paintFor(stream: { readonly isTTY?: boolean; hasColors?(): boolean }): Paint {
  if (stream.isTTY !== true || stream.hasColors?.() !== true) return (_, text) => text;
  return (colour, text) => {
    const [on, off] = CODES[colour];
    return `\u001b[${on}m${text}\u001b[${off}m`;
  };
}
