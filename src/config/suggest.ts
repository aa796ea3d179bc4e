import { closest, distance } from "fastest-levenshtein";

/** Further apart than this is another word, not a slip. */
const MOST_SLIPS = 3;

/** `; did you mean 'x'?` when one of the words is close to what was given, else nothing. */
export function suggestion(given: string, words: readonly string[]): string {
  if (words.length === 0) return "";
  const nearest = closest(given, words);
  const slips = distance(given, nearest);
  const isClose = slips <= MOST_SLIPS && slips < Math.max(given.length, nearest.length) / 2;
  return isClose ? `; did you mean '${nearest}'?` : "";
}
