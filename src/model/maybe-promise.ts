/**
 * A result that may come at once or later. The embedded file system answers nearly everything at
 * once, and a trip through the event loop costs more than most operations; so whoever waits looks
 * first.
 */
export type MaybePromise<T> = T | Promise<T>;

/** Applies `use` to the value when it is there: at once if it is there already. */
export function whenReady<T, U>(
  value: MaybePromise<T>,
  use: (value: T) => MaybePromise<U>,
): MaybePromise<U> {
  return value instanceof Promise ? value.then(use) : use(value);
}

/** Runs `last` when `action` is over, whatever came of it. */
export function afterwards<T>(action: () => MaybePromise<T>, last: () => void): MaybePromise<T> {
  let result: MaybePromise<T>;
  try {
    result = action();
  } catch (error) {
    last();
    throw error;
  }
  if (result instanceof Promise) return result.finally(last);
  last();
  return result;
}
