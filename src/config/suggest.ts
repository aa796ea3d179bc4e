import { closest, distance } from "fastest-levenshtein";

/** Further apart than this is another word, not a slip. */
const MOST_SLIPS = 3;

/** The word that was probably meant, if one is close to what was given. */
export function nearest(
  given: string,
  words: readonly string[],
  mostSlips = MOST_SLIPS,
): string | undefined {
  if (words.length === 0) return undefined;
  const word = closest(given, words);
  const slips = distance(given, word);
  return slips <= mostSlips && slips < Math.max(given.length, word.length) / 2 ? word : undefined;
}

/** `; did you mean 'x'?` when one of the words is close to what was given, else nothing. */
export function suggestion(given: string, words: readonly string[]): string {
  const word = nearest(given, words);
  return word === undefined ? "" : `; did you mean '${word}'?`;
}
