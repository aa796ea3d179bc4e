const KIB = 1024;
const MIB = 1024 * KIB;

/** A text frame of who asks, as characters. Larger arguments are refused. */
export const MOST_REQUEST_CHARACTERS = 16 * MIB;
/** The same of who answers: what was asked for is more than what it takes to ask. */
export const MOST_RESULT_CHARACTERS = 64 * MIB;
/**
 * What is parsed of a request of any length worth mentioning: others wait meanwhile, some tenths of a second at most.
 */
export const REQUEST_LIMITS = { mostNested: 1000, mostCost: 2_000_000 } as const;
/** The bytes of a stream in one binary frame. */
export const CHUNK_BYTES = 256 * KIB;
/** Pieces of a stream that wait are put together up to so much. */
export const SMALL_BYTES = 4 * KIB;
/** What a stream may have on its way before its reader grants more. */
export const WINDOW_BYTES = MIB;
/** The same for the items of an iteration. */
export const WINDOW_ITEMS = 256;
/** From here on no further result is made that is all in memory before it leaves. */
export const MOST_HELD_BYTES = 64 * MIB;
/** Requests of one connection under way. */
export const MOST_REQUESTS = 16 * KIB;
/** And their messages together, as characters. */
export const MOST_HELD_CHARACTERS = 64 * MIB;
/** From here on a carrier is full. */
export const FULL_BYTES = 2 * MIB;
/** Down to here it stays full. */
export const DRAINED_BYTES = MIB;
/** A side that takes so little that this much waits for it is cut off. */
export const MOST_WAITING_BYTES = 256 * MIB;
