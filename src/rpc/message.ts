import { messageOf } from "../model/errors.js";
import { decoded, encoded } from "./encoding.js";
import { MOST_REQUEST_CHARACTERS, MOST_RESULT_CHARACTERS, REQUEST_LIMITS } from "./limits.js";
import { limitBeyond, OBJECT_COST } from "./parsing-cost.js";
import { ERROR_CODES, ProtocolError } from "./remote-error.js";

/** Names a request while it is under way; a whole number from 1 on, below 2^48. */
export type RequestId = number;

/** A message that came, as far as its outer shape goes. */
export type Message =
  | {
      readonly type: "request";
      readonly id: RequestId;
      readonly method: string;
      readonly params: Params;
    }
  | { readonly type: "notification"; readonly method: string; readonly params: Params }
  | { readonly type: "result"; readonly id: RequestId; readonly result: unknown }
  | { readonly type: "error"; readonly id: RequestId; readonly error: unknown };

/** Who wrote a message: the one who asks, or the one who serves. */
export type Side = "caller" | "server";

/** Decoded, and not looked at any further. */
export type Params = Readonly<Record<string, unknown>>;

/** The caller doesn't want what is left of it. */
export const CANCEL = "$/cancel";
/** The other side wants `bytes` or `items` more. */
export const CREDIT = "$/credit";
/** The bytes that are sent with a request are complete, or have failed. */
export const END = "$/end";
/** What the callee tells. */
export const PROGRESS = "$/progress";
export const ITEMS = "$/items";

/** Not worth a look at each character. */
const SHORT_CHARACTERS = 64 * 1024;
const MOST_ID = 2 ** 48;
const ID_BYTES = 6;

/**
 * A message as a text frame. Errors: `invalid-argument` for a value that can't be sent, or is more than one
 * message may have.
 */
export function messageFrame(message: {
  readonly id?: RequestId;
  readonly method?: string;
  readonly params?: Params;
  readonly result?: unknown;
  readonly error?: unknown;
}): string {
  const { params, result, ...rest } = message;
  const frame = JSON.stringify({
    jsonrpc: "2.0",
    ...rest,
    ...(params === undefined ? {} : { params: encoded(params) }),
    ...("result" in message ? { result: encoded(result) } : {}),
  });
  const from = message.method === undefined ? "server" : "caller";
  const problem = frameProblem(frame, from);
  if (problem === undefined) return frame;
  const error = { kind: "invalid-argument", message: `${problem}: take less at a time` } as const;
  throw new ProtocolError(ERROR_CODES.invalidParams, error);
}

/**
 * What a text frame of one of the two sides says. Errors: a {@link ProtocolError} with the code to answer with, under
 * {@link idOf} the frame.
 */
export function parseMessage(frame: string, from: Side): Message {
  const message = parsed(frame, from);
  if (message === undefined || message.jsonrpc !== "2.0") {
    throw invalidRequest("a message is an object with jsonrpc '2.0'; there are no batches");
  }
  const { id, method } = message;
  if (typeof method === "string") {
    const params = paramsOf(message.params);
    if (id === undefined) return { type: "notification", method, params };
    if (!isRequestId(id)) throw invalidRequest("an id is a whole number from 1 on, below 2^48");
    return { type: "request", id, method, params };
  }
  if (!isRequestId(id)) throw invalidRequest("a message has a method, or the id of a request");
  if (message.error !== undefined) return { type: "error", id, error: message.error };
  return { type: "result", id, result: decoded(message.result) };
}

/** What is wrong with a frame whatever it says; asked before it is parsed. */
function frameProblem(frame: string, from: Side): string | undefined {
  const most = from === "caller" ? MOST_REQUEST_CHARACTERS : MOST_RESULT_CHARACTERS;
  const { length } = frame;
  if (length > most) return `a message has at most ${most} characters, this one has ${length}`;
  // Nobody else waits for a caller that parses what it asked for.
  if (length <= SHORT_CHARACTERS || from === "server") return undefined;
  const { mostNested, mostCost } = REQUEST_LIMITS;
  switch (limitBeyond(frame, REQUEST_LIMITS)) {
    case "mostNested":
      return `values are nested in at most ${mostNested} others`;
    case "mostCost":
      return `a message has at most ${mostCost} values, and an object counts as ${OBJECT_COST}`;
    case undefined:
      return undefined;
  }
}

function parsed(frame: string, from: Side): Readonly<Record<string, unknown>> | undefined {
  const problem = frameProblem(frame, from);
  if (problem !== undefined) throw invalidRequest(problem);
  let value: unknown;
  try {
    value = JSON.parse(frame);
  } catch {
    const message = "the message is no JSON";
    throw new ProtocolError(ERROR_CODES.unreadable, { kind: "invalid-argument", message });
  }
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject ? (value as Record<string, unknown>) : undefined;
}

function paramsOf(params: unknown): Params {
  if (params === undefined) return {};
  const value = decodedParams(params);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  const message = "params are an object, by name";
  throw new ProtocolError(ERROR_CODES.invalidParams, { kind: "invalid-argument", message });
}

function decodedParams(params: unknown): unknown {
  try {
    return decoded(params);
  } catch (error) {
    const message = messageOf(error);
    throw new ProtocolError(ERROR_CODES.invalidParams, { kind: "invalid-argument", message });
  }
}

function invalidRequest(message: string): ProtocolError {
  return new ProtocolError(ERROR_CODES.invalidRequest, { kind: "invalid-argument", message });
}

/** The id that a frame gives, for the answer to one that is wrong otherwise. */
export function idOf(frame: string, from: Side): RequestId | null {
  try {
    const id = parsed(frame, from)?.id;
    return isRequestId(id) ? id : null;
  } catch {
    return null;
  }
}

function isRequestId(id: unknown): id is RequestId {
  return typeof id === "number" && Number.isInteger(id) && id > 0 && id < MOST_ID;
}

/** Bytes of a request's stream as a binary frame: the id in 6 bytes, big-endian, then the bytes. */
export function bytesFrame(id: RequestId, bytes: Uint8Array): Uint8Array {
  // Not from the pool: who sends it on may give all of its memory away.
  const frame = Buffer.allocUnsafeSlow(ID_BYTES + bytes.length);
  frame.writeUIntBE(id, 0, ID_BYTES);
  frame.set(bytes, ID_BYTES);
  return frame;
}

/** The inverse of {@link bytesFrame}; undefined for a frame that is too short. */
export function parseBytes(
  frame: Uint8Array,
): { readonly id: RequestId; readonly bytes: Buffer } | undefined {
  if (frame.length < ID_BYTES) return undefined;
  const whole = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength);
  return { id: whole.readUIntBE(0, ID_BYTES), bytes: whole.subarray(ID_BYTES) };
}
