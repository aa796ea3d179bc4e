import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from "../../src/model/attributes.js";
import { compareTimestamps, type Timestamp } from "../../src/model/timestamp.js";
import type { Stat } from "../conformance/posix-driver.js";
import type { Look } from "./look.js";
import type { Outcome } from "./side.js";
import type { Node, Tree } from "./tree.js";

// What must be the same on both sides, and what may differ: inode numbers, the size of directories,
// blocks but of what is hollow, times by value unless somebody has set them, and access times that reads move.

/** What `blocks` of stat(2) count. */
const BLOCK_BYTES = 512;
const HOLLOW_BYTES = 1024 * 1024;

/** Two things that should be one. */
export interface Pair<T> {
  readonly native: T;
  readonly mount: T;
}

/** In short what differs, the same for each way to get there; and both values. */
export interface Mismatch extends Pair<string> {
  readonly what: string;
}

export interface Clock {
  /** Times outside of these seconds have been set by somebody. */
  readonly from: number;
  readonly to: number;
  /** The sides where each change that is looked at gets a time of its own, and not a tick's. */
  readonly isFine: Pair<boolean>;
  /** A time that was set, as the mount shows it. */
  readonly shown: (time: Timestamp) => Timestamp;
}

/** Which times may have moved on one side alone. */
export interface Freedom {
  readonly mayMove: (side: keyof Pair<unknown>) => boolean;
  /** The inodes of the mount whose times did so since everything was compared. */
  readonly excused: Set<string>;
}

/** Undefined where a call came to the same. */
export function compareOutcomes(
  { native, mount }: Pair<Outcome>,
  clock: Clock,
): Mismatch | undefined {
  if ("stat" in native && "stat" in mount) {
    return compareStats("", { native: native.stat, mount: mount.stat }, clock);
  }
  if ("bytes" in native && "bytes" in mount) {
    return native.bytes.equals(mount.bytes) ? undefined : differentBytes({ native, mount });
  }
  const texts = { native: JSON.stringify(native), mount: JSON.stringify(mount) };
  if (texts.native === texts.mount) return undefined;
  const what = "error" in native || "error" in mount ? "errno" : "result";
  return { what, ...texts };
}

function differentBytes({ native, mount }: Pair<{ readonly bytes: Buffer }>): Mismatch | undefined {
  const at = native.bytes.findIndex((byte, index) => byte !== mount.bytes[index]);
  const tell = ({ bytes }: { readonly bytes: Buffer }) => {
    const from = at === -1 ? native.bytes.length : at;
    return `${bytes.length} bytes, at ${from}: ${bytes.subarray(from, from + 16).toString("hex")}`;
  };
  return { what: "bytes", native: tell(native), mount: tell(mount) };
}

/** What is seen after a step, and whether the times moved since before it. */
export function compareLooks(
  {
    before,
    after,
    freedom,
  }: { readonly before: Pair<Look>; readonly after: Pair<Look>; readonly freedom: Freedom },
  clock: Clock,
): Mismatch | undefined {
  const known = { native: byInode(before.native), mount: byInode(before.mount) };
  for (const [key, native] of after.native) {
    const mount = after.mount.get(key);
    if (mount === undefined) return { what: "descriptors", native: key, mount: "none" };
    if (typeof native !== "object" || typeof mount !== "object") {
      if (native === mount) continue;
      return { what: withoutNames(key), native: tellSeen(native), mount: tellSeen(mount) };
    }
    const mismatch =
      compareStats(key, { native, mount }, clock) ??
      compareMoves(key, { known, after: { native, mount }, freedom }, clock);
    if (mismatch !== undefined) return mismatch;
  }
  return undefined;
}

/** Everything on both sides; and whether the times moved since the last comparison. */
export function compareTrees(
  {
    before,
    after,
    excused = new Set(),
  }: {
    readonly before: Pair<Tree> | undefined;
    readonly after: Pair<Tree>;
    readonly excused?: ReadonlySet<string>;
  },
  clock: Clock,
): Mismatch | undefined {
  const known = {
    native: byInode(statsOf(before?.native)),
    mount: byInode(statsOf(before?.mount)),
  };
  for (const name of new Set([...after.native.keys(), ...after.mount.keys()])) {
    const native = after.native.get(name);
    const mount = after.mount.get(name);
    if (typeof native !== "object" || typeof mount !== "object") {
      if (native === mount) continue;
      return {
        what: "names of the tree",
        native: `${name}: ${tellNode(native)}`,
        mount: `${name}: ${tellNode(mount)}`,
      };
    }
    const mismatch =
      compareStats(`tree: ${name}`, { native: native.stat, mount: mount.stat }, clock) ??
      compareNodes(name, { native, mount }) ??
      (excused.has(identityOf(mount.stat))
        ? undefined
        : compareMoves(
            `tree: ${name}`,
            { known, after: { native: native.stat, mount: mount.stat } },
            clock,
          ));
    if (mismatch !== undefined) return mismatch;
  }
  return undefined;
}

/** Times by value: of one side, with nothing done to it in between but reading. */
export function compareTimes({
  before,
  after,
}: {
  readonly before: Tree;
  readonly after: Tree;
}): Mismatch | undefined {
  for (const [name, node] of after) {
    const known = before.get(name);
    if (typeof node !== "object" || typeof known !== "object") continue;
    for (const time of ["mtime", "ctime", "btime"] as const) {
      const [was, is] = [known.stat[time], node.stat[time]];
      if (was === undefined || is === undefined || sameTime(was, is)) continue;
      return {
        what: `${time} wasn't kept`,
        native: tellTime(was),
        mount: `${name}: ${tellTime(is)}`,
      };
    }
  }
  return undefined;
}

function compareNodes(name: string, { native, mount }: Pair<Node>): Mismatch | undefined {
  for (const field of ["group", "content", "xattrs", "isListedRight"] as const) {
    if (native[field] === mount[field]) continue;
    const tell = (node: Node) => `${name}: ${node[field]}, size ${node.stat.size}`;
    return { what: `${field} in the tree`, native: tell(native), mount: tell(mount) };
  }
  return undefined;
}

/** Attributes but times; and times that somebody has set. */
function compareStats(
  key: string,
  { native, mount }: Pair<Stat>,
  clock: Clock,
): Mismatch | undefined {
  const texts = { native: comparable(native), mount: comparable(mount) };
  const about = key === "" ? "" : `${key}: `;
  if (texts.native !== texts.mount) {
    return {
      what: `attributes${suffix(key)}`,
      native: about + texts.native,
      mount: about + texts.mount,
    };
  }
  if (isHollow(native) && mount.blocks * BLOCK_BYTES >= mount.size) {
    const tell = ({ size, blocks }: Stat) => `${about}size ${size}, blocks ${blocks}`;
    return { what: `blocks${suffix(key)}`, native: tell(native), mount: tell(mount) };
  }
  for (const time of ["atime", "mtime"] as const) {
    // Not the other way: reads move an access time natively that leave the mount's, whose pages are kept.
    const expected = clock.shown(native[time]);
    if (!isSet(native[time], clock) || sameTime(expected, mount[time])) continue;
    return {
      what: `${time} that was set${suffix(key)}`,
      native: about + tellTime(expected),
      mount: about + tellTime(mount[time]),
    };
  }
  return undefined;
}

/** A large file that is holes for the most part; how many blocks data takes is up to the file system. */
function isHollow({ mode, size, blocks }: Stat): boolean {
  return (mode & S_IFMT) === S_IFREG && size >= HOLLOW_BYTES && blocks * BLOCK_BYTES < size / 4;
}

function comparable({ mode, nlink, uid, gid, size, rdev }: Stat): string {
  const type = mode & S_IFMT;
  const parts = [`mode ${mode.toString(8)}`, `nlink ${nlink}`, `owner ${uid}:${gid}`];
  if (type === S_IFREG || type === S_IFLNK) parts.push(`size ${size}`);
  if (type === S_IFCHR || type === S_IFBLK) parts.push(`device ${rdev.major}:${rdev.minor}`);
  return parts.join(", ");
}

/** The same inode's times moved on both sides, or on none; and the modification came with the change. */
function compareMoves(
  key: string,
  {
    known,
    after: { native, mount },
    freedom,
  }: {
    readonly known: Pair<ReadonlyMap<string, Stat>>;
    readonly after: Pair<Stat>;
    readonly freedom?: Freedom;
  },
  clock: Clock,
): Mismatch | undefined {
  const type = native.mode & S_IFMT;
  // Pipes and devices keep times of their own, which FUSE isn't told.
  if (type !== S_IFREG && type !== S_IFLNK && type !== S_IFDIR) return undefined;
  const before = {
    native: known.native.get(identityOf(native)),
    mount: known.mount.get(identityOf(mount)),
  };
  if (before.native === undefined || before.mount === undefined) {
    if (before.native === before.mount) return undefined;
    const tell = (stat: Stat | undefined) => `${key}: ${stat === undefined ? "new" : "as before"}`;
    return {
      what: `identity${suffix(key)}`,
      native: tell(before.native),
      mount: tell(before.mount),
    };
  }
  for (const time of ["mtime", "ctime"] as const) {
    const moved = {
      native: !sameTime(asShown(before.native[time], clock), asShown(native[time], clock)),
      mount: !sameTime(before.mount[time], mount[time]),
    };
    if (moved.native === moved.mount) continue;
    const mayBeTick = !clock.isFine[moved.native ? "mount" : "native"];
    if (mayBeTick && !(moved.mount && isSet(mount[time], clock))) continue;
    if (freedom?.mayMove(moved.native ? "native" : "mount") === true) {
      freedom.excused.add(identityOf(mount));
      continue;
    }
    const tell = (isMoved: boolean) => `${key}: ${time} ${isMoved ? "moved" : "stayed"}`;
    return {
      what: `${time} moves${suffix(key)}`,
      native: tell(moved.native),
      mount: tell(moved.mount),
    };
  }
  if (compareTimestamps(before.mount.ctime, mount.ctime) > 0) {
    return {
      what: "ctime goes back",
      native: "",
      mount: `${key}: ${tellTime(before.mount.ctime)}, then ${tellTime(mount.ctime)}`,
    };
  }
  return undefined;
}

function byInode(look: Look): Map<string, Stat> {
  const found = new Map<string, Stat>();
  for (const seen of look.values()) if (typeof seen === "object") found.set(identityOf(seen), seen);
  return found;
}

function statsOf(tree: Tree | undefined): Look {
  const stats = new Map<string, Stat>();
  for (const [name, node] of tree ?? []) if (typeof node === "object") stats.set(name, node.stat);
  return stats;
}

/** An inode number comes again, a birth time doesn't. */
function identityOf({ ino, btime }: Stat): string {
  return btime === undefined ? String(ino) : `${ino} ${btime.sec} ${btime.nsec}`;
}

function isSet({ sec }: Timestamp, { from, to }: Clock): boolean {
  return sec < from || sec > to;
}

/** Two times that were set may be one on the mount. */
function asShown(time: Timestamp, clock: Clock): Timestamp {
  return isSet(time, clock) ? clock.shown(time) : time;
}

function sameTime(a: Timestamp, b: Timestamp): boolean {
  return compareTimestamps(a, b) === 0;
}

/** What is seen is the same difference whatever the names are. */
function withoutNames(key: string): string {
  return key.replace(/ of .*/, "");
}

function suffix(key: string): string {
  if (key === "") return "";
  return key.startsWith("tree: ") ? " in the tree" : ` by ${withoutNames(key)}`;
}

function tellSeen(seen: Stat | number | string): string {
  return typeof seen === "object" ? comparable(seen) : String(seen);
}

function tellNode(node: Node | string | undefined): string {
  if (node === undefined) return "absent";
  return typeof node === "string" ? node : comparable(node.stat);
}

function tellTime({ sec, nsec }: Timestamp): string {
  return `${sec}.${String(nsec).padStart(9, "0")}`;
}
