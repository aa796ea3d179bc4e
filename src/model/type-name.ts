/** What a value of the wrong type is, for the message that refuses it: `null`, `number`, `object`. */
export function typeName(value: unknown): string {
  return value === null ? "null" : typeof value;
}
