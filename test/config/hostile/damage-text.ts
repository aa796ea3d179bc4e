import type { Random } from "../../differ/random.js";

const PIECES = [
  ...["[", "]", "{", "}", ":", "- ", "? ", "&a ", "*a", "!b ", "!!binary ", "|\n", ">\n", "'", '"'],
  ...[
    "\t",
    "\n",
    "\r",
    "#",
    "%",
    "@",
    "`",
    ",",
    "---\n",
    "...\n",
    "<<: ",
    "\ufeff",
    "\u2028",
    "${",
  ],
  ...[`\${HOME}`, `\${A:-b}`, `$\${`, "\\", "~", ".nan", "0x1f", "1_000", "é", "  "],
] as const;
const BYTES = [0x00, 0x07, 0x7f, 0x80, 0xc3, 0xff, 0xfe] as const;

/** What becomes of a file in bad hands: cut, doubled, with pieces of YAML or bytes of something else in it. */
export function damageText(text: string, random: Random): Buffer {
  let bytes = Buffer.from(text);
  for (let times = 1 + random.below(4); times > 0; times--) {
    const at = random.below(bytes.length + 1);
    const end = Math.min(bytes.length, at + random.below(20));
    const kind = random.below(6);
    const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
    if (kind === 0) bytes = Buffer.concat([before, bytes.subarray(end)]);
    else if (kind === 1) bytes = Buffer.concat([before, bytes.subarray(at, end), after]);
    else if (kind === 2) bytes = Buffer.concat([before, Buffer.from([random.pick(BYTES)]), after]);
    else
      bytes = Buffer.concat([
        before,
        Buffer.from(random.pick(PIECES).repeat(often(random))),
        after,
      ]);
  }
  return random.below(50) === 0 ? Buffer.from(`\ufeff${bytes}`, "utf16le") : bytes;
}

function often(random: Random): number {
  return random.below(100) === 0 ? 2000 : 1 + random.below(3);
}
