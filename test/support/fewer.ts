export interface FewerOptions<T> {
  /** Whether these still show what is looked for. */
  readonly fails: (items: readonly T[]) => Promise<boolean>;
  /** When to be content with what there is: milliseconds of performance.now(). */
  readonly untilMs: number;
}

/**
 * A short part of a sequence that still fails: without pieces of half its length, a quarter and so on, down to
 * single items (delta debugging).
 */
export async function fewer<T>(
  items: readonly T[],
  { fails, untilMs }: FewerOptions<T>,
): Promise<readonly T[]> {
  let current = items;
  for (let size = Math.ceil(current.length / 2); size >= 1; size = size === 1 ? 0 : size >> 1) {
    // From the end: what comes late is most often of no use.
    for (let end = current.length; end > 0 && performance.now() <= untilMs; end -= size) {
      const without = [...current.slice(0, Math.max(0, end - size)), ...current.slice(end)];
      if (await fails(without)) current = without;
    }
  }
  return current;
}
