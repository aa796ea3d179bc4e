/** C0 and C1 but for the tab: on a terminal they would be commands. */
const CONTROL = /(?!\t)\p{Cc}/gu;

/** A text by others with what would command a terminal made visible: `\x1b`. */
export function visible(text: string): string {
  return text.replace(CONTROL, (char) => `\\x${hexOf(char)}`);
}

/** The same for JSON, which stays JSON of the same value. What JSON itself escapes is escaped already. */
export function visibleJson(json: string): string {
  return json.replace(/[\u007f-\u009f]/g, (char) => `\\u00${hexOf(char)}`);
}

/**
 * A message as one line on stderr. It is made visible whatever stderr is: lines about errors are for
 * people, who read them on a terminal later, too.
 */
export function errorLine(message: string, { program = "nexus" } = {}): string {
  return `${program}: ${visible(message.trimEnd().replaceAll("\n", " "))}\n`;
}

function hexOf(char: string): string {
  return char.charCodeAt(0).toString(16).padStart(2, "0");
}
