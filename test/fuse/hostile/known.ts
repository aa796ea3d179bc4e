import type { OpcodeName } from "../../../src/fuse/protocol/constants.js";
import { IndexedSet } from "./indexed-set.js";
import type { Value } from "./step.js";

const S_IFMT = 0o170000;
const S_IFDIR = 0o040000;
const ROOT = 1n;
/** Of struct fuse_entry_out, 128 bytes: behind nodeid, generation, and how long both are good; then in fuse_attr. */
const ENTRY_BYTES = 128;
const ENTRY_MODE_AT = 40 + 60;
/** struct fuse_dirent without the name. */
const DIRENT_BYTES = 24;
const NAMELEN_AT = 16;

const ENTRIES = new Set<string>([
  "LOOKUP",
  "MKNOD",
  "MKDIR",
  "SYMLINK",
  "LINK",
  "CREATE",
  "TMPFILE",
]);

/** What a kernel was told: inodes, with how often, and handles. */
export class Known {
  readonly lookups = new Map<bigint, number>();
  readonly handles = new IndexedSet();
  readonly #nodes = new IndexedSet();
  readonly #directories = new IndexedSet();
  readonly #files = new IndexedSet();
  readonly #requests: bigint[] = [];

  constructor() {
    this.#directories.add(ROOT);
  }

  get lookupCount(): number {
    let count = 0;
    for (const held of this.lookups.values()) count += held;
    return count;
  }

  /** A number for a request, which an INTERRUPT may name. */
  asked(unique: bigint): void {
    this.#requests.push(unique);
    if (this.#requests.length > 16) this.#requests.shift();
  }

  /** What a step's number is now. */
  resolve(value: Value): bigint {
    if (typeof value === "number" || typeof value === "string") return BigInt(value);
    if ("request" in value) return this.#requests[value.request % this.#requests.length] ?? 0n;
    if ("handle" in value) return this.handles.at(value.handle) ?? 0n;
    if ("dir" in value) return this.#directories.at(value.dir) ?? ROOT;
    if ("file" in value) return this.#files.at(value.file) ?? ROOT;
    return this.#nodes.at(value.node) ?? ROOT;
  }

  /** Takes an answer that succeeded. */
  told(opcode: OpcodeName, body: Buffer): void {
    if (ENTRIES.has(opcode)) this.#entry(body);
    if (opcode === "CREATE" || opcode === "TMPFILE") {
      this.handles.add(body.readBigUInt64LE(ENTRY_BYTES));
    }
    if (opcode === "OPEN") this.handles.add(body.readBigUInt64LE(0));
    if (opcode === "OPENDIR" && body.readBigUInt64LE(0) !== 0n) {
      this.handles.add(body.readBigUInt64LE(0));
    }
    if (opcode === "READDIRPLUS") {
      for (const entry of entriesOf(body, ENTRY_BYTES)) this.#entry(entry);
    }
  }

  forgot(node: bigint, count: bigint): void {
    const held = this.lookups.get(node) ?? 0;
    if (count < BigInt(held)) {
      this.lookups.set(node, held - Number(count));
      return;
    }
    this.lookups.delete(node);
    this.#nodes.delete(node);
    this.#files.delete(node);
    if (node !== ROOT) this.#directories.delete(node);
  }

  #entry(entry: Buffer): void {
    const node = entry.readBigUInt64LE(0);
    if (node === 0n) return;
    this.lookups.set(node, (this.lookups.get(node) ?? 0) + 1);
    this.#nodes.add(node);
    const isDirectory = (entry.readUInt32LE(ENTRY_MODE_AT) & S_IFMT) === S_IFDIR;
    (isDirectory ? this.#directories : this.#files).add(node);
  }
}

/** The entries of a listing, with what stands `before` each. Throws where it isn't one. */
export function entriesOf(body: Buffer, before: number): Buffer[] {
  const entries: Buffer[] = [];
  for (let at = 0; at < body.length; ) {
    const length = body.readUInt32LE(at + before + NAMELEN_AT);
    const end = (at + before + DIRENT_BYTES + length + 7) & ~7;
    if (length === 0 || end > body.length) throw new Error(`an entry of ${length} bytes at ${at}`);
    entries.push(body.subarray(at, end));
    at = end;
  }
  return entries;
}
