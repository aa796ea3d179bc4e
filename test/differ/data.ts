import { pattern } from "../conformance/posix-steps.js";
import type { Data } from "./step.js";

/** As much as one call writes at most. */
export const MOST_DATA = 256 * 1024;
/** Where a piece may begin. */
export const DATA_STARTS = 4096;

const BYTES = pattern(MOST_DATA + DATA_STARTS, 7);

/** The bytes themselves, made once. Nobody may write to them. */
export function bytesOf({ length, from }: Data): Buffer {
  return BYTES.subarray(from % DATA_STARTS, (from % DATA_STARTS) + Math.min(length, MOST_DATA));
}
