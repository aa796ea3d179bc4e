import { cutText } from "../model/cut-text.js";

/** Many times what a name has. */
const SHOWN_BYTES = 400;

/** Of a text that somebody gave as much as a message has room for. */
export function shown(text: string): string {
  const start = cutText(text, SHOWN_BYTES);
  return start === text ? text : `${start}... (${text.length} characters)`;
}

/** The same of a word that isn't JSON: in one line, whatever is in it. */
export function shownWord(word: string): string {
  return shown(JSON.stringify(word).slice(1, -1));
}
