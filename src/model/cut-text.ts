/** As much of a text as fits into so many bytes of UTF-8, in whole characters. */
export function cutText(text: string, mostBytes: number): string {
  const bytes = Buffer.from(text, "utf8");
  if (bytes.length <= mostBytes) return text;
  let end = Math.max(0, mostBytes);
  // A byte 10xxxxxx goes on with a character that began before.
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.toString("utf8", 0, end);
}
