import { isKind } from "../model/errors.js";
import type { MaybePromise } from "../model/maybe-promise.js";
import type { Reclaimer } from "./content/reclaimer.js";

export interface WithRoomOptions {
  /**
   * Keeps what was given, which is somebody else's again as soon as the call returns. With it, what fails later isn't
   * run again: then there is nothing left to be kept.
   */
  readonly keep?: () => void;
}

/**
 * Runs what takes room, and does nothing when it throws. Where there is none, and files were removed whose bytes
 * are still on disk, these go at once, and it is run again: the room of what was removed can be used at once. Errors:
 * those of `action`.
 */
export function withRoom<T>(
  reclaimer: Pick<Reclaimer, "isBehind" | "catchUp">,
  action: () => MaybePromise<T>,
  { keep }: WithRoomOptions = {},
): MaybePromise<T> {
  const again = (error: unknown): Promise<T> => {
    if (!isKind(error, "no-space") || !reclaimer.isBehind) throw error;
    keep?.();
    return reclaimer.catchUp().then(action);
  };
  let result: MaybePromise<T>;
  try {
    result = action();
  } catch (error) {
    return again(error);
  }
  return result instanceof Promise && keep === undefined ? result.catch(again) : result;
}
