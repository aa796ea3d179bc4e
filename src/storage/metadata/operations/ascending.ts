/**
 * The rows of a page of hashes as far as each comes after the one before, and the first after `after`. Where the order
 * of the table is damaged, another one would lead back to what was read, and nobody would come to its end.
 */
export function ascending<T extends { readonly hash: string }>(
  rows: readonly T[],
  after: string,
): readonly T[] {
  let last = after;
  const end = rows.findIndex(({ hash }) => {
    const isNext = hash > last;
    last = hash;
    return !isNext;
  });
  return end < 0 ? rows : rows.slice(0, end);
}
