import { closeSync, constants, fstatSync, openSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { readAt, writeAt } from "../../../libc/files.js";
import { type Mapping, mapFile } from "../../../libc/mapping.js";
import { fsError } from "../../../libc/system-error.js";
import type { SqlValue } from "../statement.js";

/** One statement as it was run: its text, then its parameters. */
export type JournalEntry = readonly [sql: string, ...params: SqlValue[]];

/**
 * The redo log of the transaction that is open. SQLite commits cost a hundred microseconds and
 * more, so operations share a commit; the journal is what lets each of them be acknowledged at once
 * all the same. An operation is written here before its caller is answered. If the process dies, the
 * page cache still has it, and the next start replays what the database doesn't have.
 *
 * The file is small and overwritten in place: a commit starts it over. Each record carries the
 * numbers of its store and its batch, so what is left of an older one, or came here with another
 * store's files, is told apart. It is never synced: after a power failure the database decides, and
 * what fsync(2) promised is in there (see `SqliteMetadataStore.sync`).
 *
 * A record, little-endian: u32 payload length, u32 CRC-32 of all that follows, u32 position in the
 * batch, u32 store number, f64 batch number; then the payload, a JSON list of entries. The first use of a
 * statement in a batch spells it out; later ones give its number in order of appearance.
 */
export class Journal {
  readonly #fd: number;
  #storeNumber: number;
  #batch = 0;
  #position = 0;
  #offset = 0;
  /** The reserved part as memory, where that is safe: a store takes a seventh of a pwrite(2). */
  #mapping: Mapping | undefined;
  #buffer = Buffer.allocUnsafeSlow(64 * 1024);
  /** Numbers of the statements spelled out in this batch so far. */
  readonly #numbers = new Map<string, number>();

  /** `mayMap: false` writes every record. Errors: `io-failure`, `access-denied`, `no-space`. */
  constructor(
    path: string,
    { storeNumber, mayMap = true }: { storeNumber: number; mayMap?: boolean },
  ) {
    this.#storeNumber = storeNumber;
    try {
      this.#fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    } catch (error) {
      throw fsError(error, { op: "open journal", path });
    }
    try {
      reserve(this.#fd);
    } catch (error) {
      closeSync(this.#fd);
      throw error;
    }
    if (mayMap) this.#mapping = mapReserved(this.#fd, path);
  }

  /**
   * From now on records carry another number. A power failure can take the database back to a batch
   * whose number it gives again; what the journal has of the first one must not count then.
   */
  renumber(storeNumber: number): void {
    this.#storeNumber = storeNumber;
  }

  /** How much the open batch has written, in bytes. */
  get sizeBytes(): number {
    return this.#offset;
  }

  /** Begins a batch: what was written before counts no more. */
  start(batch: number): void {
    this.#batch = batch;
    this.#position = 0;
    this.#offset = 0;
    this.#numbers.clear();
  }

  /**
   * Writes one operation. Nothing counts as written when it throws; what the statement numbers say
   * is then as it was before. Errors: `no-space`, `io-failure`.
   */
  append(entries: readonly JournalEntry[]): void {
    const known = this.#numbers.size;
    const payload = JSON.stringify(entries.map(([sql, ...params]) => this.#encode(sql, params)));
    const most = HEADER_BYTES + payload.length * MOST_UTF8_BYTES;
    const mapped = this.#mapping?.bytes.subarray(this.#offset, this.#offset + most);
    if (mapped?.length === most) {
      this.#offset += this.#fill(mapped, payload);
    } else {
      this.#offset += this.#write(payload, { most, known });
    }
    this.#position += 1;
  }

  /**
   * The operations of a batch that can be read back, in order. Ends at the first record that is
   * torn, or belongs to another batch. Appending goes on after the last one.
   */
  replay(batch: number): JournalEntry[][] {
    this.start(batch);
    const operations: JournalEntry[][] = [];
    const statements: string[] = [];
    for (;;) {
      const payload = this.#readRecord();
      if (payload === undefined) break;
      operations.push(decode(payload, statements));
    }
    statements.forEach((sql, number) => {
      this.#numbers.set(sql, number);
    });
    return operations;
  }

  close(): void {
    this.#mapping?.unmap();
    this.#mapping = undefined;
    closeSync(this.#fd);
  }

  #encode(sql: string, params: SqlValue[]): unknown[] {
    const number = this.#numbers.get(sql);
    if (number === undefined) this.#numbers.set(sql, this.#numbers.size);
    const encoded: unknown[] = [number ?? sql];
    for (const value of params) {
      const isBlob = value instanceof Uint8Array;
      encoded.push(isBlob ? { blob: Buffer.from(value).toString("base64") } : value);
    }
    return encoded;
  }

  #forgetNumbersFrom(known: number): void {
    for (const [sql, number] of this.#numbers) if (number >= known) this.#numbers.delete(sql);
  }

  /** Takes back the numbers of statements when it throws. */
  #write(payload: string, { most, known }: { most: number; known: number }): number {
    if (this.#buffer.length < most) this.#buffer = Buffer.allocUnsafeSlow(most);
    const length = this.#fill(this.#buffer, payload);
    try {
      writeAt(this.#fd, { from: this.#buffer.subarray(0, length), offset: this.#offset });
    } catch (error) {
      this.#forgetNumbersFrom(known);
      throw error;
    }
    return length;
  }

  /** The sum comes last: it makes the record one. */
  #fill(buffer: Buffer, payload: string): number {
    const length = buffer.write(payload, HEADER_BYTES, "utf8");
    buffer.writeUInt32LE(length, 0);
    buffer.writeUInt32LE(this.#position, 8);
    buffer.writeUInt32LE(this.#storeNumber, 12);
    buffer.writeDoubleLE(this.#batch, 16);
    buffer.writeUInt32LE(crc32(buffer.subarray(8, HEADER_BYTES + length)), 4);
    return HEADER_BYTES + length;
  }

  #readRecord(): string | undefined {
    const header = Buffer.alloc(HEADER_BYTES);
    if (readAt(this.#fd, { into: header, offset: this.#offset }) < HEADER_BYTES) return undefined;
    const length = header.readUInt32LE(0);
    const belongs =
      header.readDoubleLE(16) === this.#batch &&
      header.readUInt32LE(12) === this.#storeNumber &&
      header.readUInt32LE(8) === this.#position;
    if (!belongs || length === 0 || length > MAX_PAYLOAD_BYTES) return undefined;
    const payload = Buffer.alloc(length);
    const at = this.#offset + HEADER_BYTES;
    if (readAt(this.#fd, { into: payload, offset: at }) < length) return undefined;
    const sum = crc32(payload, crc32(header.subarray(8)));
    if (sum !== header.readUInt32LE(4)) return undefined;
    this.#offset = at + length;
    this.#position += 1;
    return payload.toString("utf8");
  }
}

/** Where the journal of a store is. */
export function journalIn(dataDir: string): string {
  return join(dataDir, "metadata.journal");
}

/** Which batch the records of a journal are of, and which store's; undefined when it has none. */
export function batchInJournal(path: string): { storeNumber: number; batch: number } | undefined {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw fsError(error, { op: "open journal", path });
  }
  try {
    const header = Buffer.alloc(HEADER_BYTES);
    if (readAt(fd, { into: header, offset: 0 }) < HEADER_BYTES) return undefined;
    const length = header.readUInt32LE(0);
    if (length === 0 || length > MAX_PAYLOAD_BYTES || header.readUInt32LE(8) !== 0)
      return undefined;
    const payload = Buffer.alloc(length);
    if (readAt(fd, { into: payload, offset: HEADER_BYTES }) < length) return undefined;
    if (crc32(payload, crc32(header.subarray(8))) !== header.readUInt32LE(4)) return undefined;
    return { storeNumber: header.readUInt32LE(12), batch: header.readDoubleLE(16) };
  } finally {
    closeSync(fd);
  }
}

const HEADER_BYTES = 24;
const MOST_UTF8_BYTES = 3;
const STAT_BLOCK_BYTES = 512;
const RESERVED_BYTES = 1024 * 1024;
/** Beyond any operation; a length above this is not one. */
const MAX_PAYLOAD_BYTES = 256 * 1024 * 1024;

/**
 * Writes zeros to the part that every batch uses: so the space is ours even when the disk gets full,
 * and a record only overwrites (a third of the time that a write into new or unwritten blocks takes).
 */
function reserve(fd: number): void {
  const { size } = fstatSync(fd);
  if (size >= RESERVED_BYTES) return;
  writeAt(fd, { from: Buffer.alloc(RESERVED_BYTES - size), offset: size });
}

/** statfs(2): ext2, ext3 and ext4; tmpfs. */
const IN_PLACE: readonly number[] = [0xef53, 0x01021994];

/**
 * The reserved part as memory. Undefined where a store could find that there is no room, which ends the
 * process: in a file with holes, and where an overwritten block is a new one (Btrfs, ZFS, XFS after
 * `cp --reflink`); and where nothing can be mapped. Then records are written, and only take longer.
 */
function mapReserved(fd: number, path: string): Mapping | undefined {
  try {
    const hasBlocks = fstatSync(fd).blocks * STAT_BLOCK_BYTES >= RESERVED_BYTES;
    if (!hasBlocks || !IN_PLACE.includes(statfsSync(path).type)) return undefined;
    return mapFile(fd, { length: RESERVED_BYTES });
  } catch {
    return undefined;
  }
}

function decode(payload: string, statements: string[]): JournalEntry[] {
  const entries = JSON.parse(payload) as [string | number, ...(SqlValue | { blob: string })[]][];
  return entries.map(([statement, ...params]) => {
    if (typeof statement === "string") statements.push(statement);
    const sql = typeof statement === "string" ? statement : statements[statement];
    const values = params.map((value): SqlValue => {
      const isBlob = typeof value === "object" && value !== null && "blob" in value;
      return isBlob ? Buffer.from(value.blob, "base64") : value;
    });
    return [sql ?? "", ...values];
  });
}
