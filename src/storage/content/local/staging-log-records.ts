import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { crc32 } from "node:zlib";
import { NexusError } from "../../../model/errors.js";
import type { StagingId } from "../../../model/ids.js";
import type { Timestamp } from "../../../model/timestamp.js";
import { SMALL_CONTENT_BYTES } from "./small-content.js";

/** A change of a small staged content. */
export type LogChange =
  | { readonly kind: "write"; readonly offset: number; readonly data: Uint8Array }
  | { readonly kind: "truncate"; readonly sizeBytes: number }
  /** The whole content; what came before doesn't matter any more. */
  | { readonly kind: "snapshot"; readonly data: Uint8Array }
  /** Only the time, which comes with every record. */
  | { readonly kind: "times"; readonly mtime: Timestamp }
  /** From now on the content is a staging file, which has all of it. */
  | { readonly kind: "spilled" };

export interface LogRecord {
  readonly id: StagingId;
  readonly change: LogChange;
  readonly mtime: Timestamp;
  /** Its number among the records of the content, from 0. */
  readonly sequence: number;
}

const CODES = { write: 1, truncate: 2, snapshot: 3, times: 4, spilled: 5 } as const;
const KINDS = new Map<number, LogChange["kind"]>(
  Object.entries(CODES).map(([kind, code]) => [code, kind as LogChange["kind"]]),
);

// A segment has a key, random bytes that each of its records begins with. So what is left of a record
// whose write failed, and those bytes come from whoever writes a file, is never taken for one.
//
// A segment, little-endian: "NXS2", u32 CRC-32 of the key, the key; then records. A record: the key,
// u32 CRC-32 of all that follows, u32 kind, u32 data length, f64 staging id, f64 offset or size,
// f64 seconds, u32 nanoseconds, u32 sequence number; then the data.

const FORMAT = "NXS";
const VERSION = "2";
const KEY_BYTES = 8;
const SEGMENT_HEADER_BYTES = FORMAT.length + VERSION.length + 4 + KEY_BYTES;
const HEADER_BYTES = KEY_BYTES + 44;
const NOTHING = new Uint8Array(0);

/** What a record takes at most, with the header of its segment. */
export const LONGEST_ENCODED_BYTES = SEGMENT_HEADER_BYTES + HEADER_BYTES + SMALL_CONTENT_BYTES;

/** What the records of a new segment are known by. */
export function newSegmentKey(): Buffer {
  return randomBytes(KEY_BYTES);
}

/**
 * One record; with the header of the segment before it, if it is the first one there. The result lies
 * in `buffer`, which has {@link LONGEST_ENCODED_BYTES}.
 */
export function encodeRecord(
  { id, change, mtime, sequence }: LogRecord,
  { key, isFirst, buffer }: { key: Buffer; isFirst: boolean; buffer: Buffer },
): Uint8Array {
  const start = isFirst ? SEGMENT_HEADER_BYTES : 0;
  if (isFirst) buffer.set(segmentHeader(key));
  const record = buffer.subarray(start);
  const data = "data" in change ? change.data : NOTHING;
  const position =
    change.kind === "write" ? change.offset : change.kind === "truncate" ? change.sizeBytes : 0;
  const length = HEADER_BYTES + data.length;
  record.set(key);
  record.writeUInt32LE(CODES[change.kind], 12);
  record.writeUInt32LE(data.length, 16);
  record.writeDoubleLE(id, 20);
  record.writeDoubleLE(position, 28);
  record.writeDoubleLE(mtime.sec, 36);
  record.writeUInt32LE(mtime.nsec, 44);
  record.writeUInt32LE(sequence, 48);
  record.set(data, HEADER_BYTES);
  record.writeUInt32LE(crc32(record.subarray(12, length)), 8);
  return buffer.subarray(0, start + length);
}

function segmentHeader(key: Buffer): Buffer {
  const sum = Buffer.alloc(4);
  sum.writeUInt32LE(crc32(key));
  return Buffer.concat([Buffer.from(FORMAT + VERSION), sum, key]);
}

/** The key of a segment; undefined when its beginning isn't there. Errors: `not-supported`. */
function keyOf(bytes: Buffer, path: string): Buffer | undefined {
  const header = bytes.subarray(0, SEGMENT_HEADER_BYTES);
  const key = header.subarray(SEGMENT_HEADER_BYTES - KEY_BYTES);
  if (key.length === KEY_BYTES && header.equals(segmentHeader(key))) return key;
  const [format, version] = [header.toString("latin1", 0, 3), header.toString("latin1", 3, 4)];
  if (format !== FORMAT || version === VERSION) return undefined;
  throw new NexusError(
    "not-supported",
    `${path} has format ${version}, and this nexus-mount reads format ${VERSION}: use the nexus-mount that wrote it, and let that one end by itself`,
    { op: "read staging log", path },
  );
}

/** The records of a segment, up to the first one that is torn. Errors: `not-supported`. */
export function* readRecords(path: string): Generator<LogRecord> {
  const bytes = readFileSync(path);
  const key = keyOf(bytes, path);
  if (key === undefined) return;
  for (let at = SEGMENT_HEADER_BYTES; at + HEADER_BYTES <= bytes.length; ) {
    const length = bytes.readUInt32LE(at + 16);
    const end = at + HEADER_BYTES + length;
    const kind = KINDS.get(bytes.readUInt32LE(at + 12));
    const isOurs = bytes.subarray(at, at + KEY_BYTES).equals(key);
    if (!isOurs || kind === undefined || end > bytes.length) return;
    if (crc32(bytes.subarray(at + 12, end)) !== bytes.readUInt32LE(at + 8)) return;
    const mtime = { sec: bytes.readDoubleLE(at + 36), nsec: bytes.readUInt32LE(at + 44) };
    yield {
      id: bytes.readDoubleLE(at + 20) as StagingId,
      change: changeOf(kind, {
        position: bytes.readDoubleLE(at + 28),
        data: bytes.subarray(at + HEADER_BYTES, end),
        mtime,
      }),
      mtime,
      sequence: bytes.readUInt32LE(at + 48),
    };
    at = end;
  }
}

function changeOf(
  kind: LogChange["kind"],
  { position, data, mtime }: { position: number; data: Buffer; mtime: Timestamp },
): LogChange {
  switch (kind) {
    case "write":
      return { kind, offset: position, data };
    case "truncate":
      return { kind, sizeBytes: position };
    case "snapshot":
      return { kind, data };
    case "times":
      return { kind, mtime };
    case "spilled":
      return { kind };
  }
}
