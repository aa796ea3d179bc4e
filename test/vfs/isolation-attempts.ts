import { S_IFREG } from "../../src/model/attributes.js";
import type { Caller } from "../../src/model/identity.js";
import type { Ino } from "../../src/model/ids.js";
import type { FileSystem } from "../../src/vfs/file-system.js";
import { flags } from "./world.js";

/** A directory with a file in it, as somebody knows them who may. */
export interface Ground {
  readonly directory: Ino;
  readonly file: Ino;
  readonly symlink: Ino;
  /** Open for reading and writing. */
  readonly handle: number;
}

/** Whom something is tried on, and from where. */
export interface Situation {
  readonly fs: FileSystem;
  readonly caller: Caller;
  /** What the caller wants. */
  readonly target: Ground;
  /** What the caller has. */
  readonly own: Ground;
  /** A name in the target's directory. */
  readonly name: string;
}

export interface Attempt {
  readonly access: "read" | "write";
  /** Whether the name in the situation matters. */
  readonly byName: boolean;
  readonly run: (situation: Situation) => unknown;
}

const emit = () => true;
const into = Buffer.alloc(10);
const page = { cookie: 0, limit: 10, emit };
const modes = { mode: "replace", whiteout: false } as const;
const user = "user.key";
const claim = "user.claim";

function reads(run: Attempt["run"]): Attempt {
  return { access: "read", byName: false, run };
}
function writes(run: Attempt["run"]): Attempt {
  return { access: "write", byName: false, run };
}
function looksUp(run: Attempt["run"]): Attempt {
  return { access: "read", byName: true, run };
}
function changesName(run: Attempt["run"]): Attempt {
  return { access: "write", byName: true, run };
}

/** Where a name is asked for, or changed. */
function entry({ target, name }: Situation): { parent: Ino; name: string } {
  return { parent: target.directory, name };
}

const spare = "spare";
const data = Buffer.from("x");

/** What names its places by paths: test/features/transfer/transfer.test.ts. */
/** What is asked by no caller. */
type Unchecked = "forget" | "release" | "variesByCaller";
type ByPath = "importTargets" | "importFiles";

/**
 * Each method of the file system, with each place that it takes. The two that are missing have no
 * caller: they give back what somebody was given.
 */
export const ATTEMPTS = {
  lookup: [looksUp((s) => s.fs.lookup(s.caller, entry(s)))],
  getattr: [reads((s) => s.fs.getattr(s.caller, { ino: s.target.file }))],
  setattr: [
    writes((s) => s.fs.setattr(s.caller, { ino: s.target.file, permissions: 0o600 })),
    writes((s) => s.fs.setattr(s.caller, { ino: s.target.file, sizeBytes: 0 })),
    writes((s) => {
      const { file: ino, handle } = s.target;
      return s.fs.setattr(s.caller, { ino, handle, sizeBytes: 0 });
    }),
    writes((s) => s.fs.setattr(s.caller, { ino: s.target.directory, mtime: "now" })),
  ],
  readlink: [reads((s) => s.fs.readlink(s.caller, { ino: s.target.symlink }))],
  mknod: [changesName((s) => s.fs.mknod(s.caller, { ...entry(s), mode: S_IFREG, rdev: 0 }))],
  mkdir: [changesName((s) => s.fs.mkdir(s.caller, { ...entry(s), mode: 0o755 }))],
  symlink: [changesName((s) => s.fs.symlink(s.caller, { ...entry(s), target: data }))],
  link: [
    changesName((s) => {
      const place = { newParent: s.target.directory, newName: s.name };
      return s.fs.link(s.caller, { ino: s.own.file, ...place });
    }),
    writes((s) => {
      const place = { newParent: s.own.directory, newName: spare };
      return s.fs.link(s.caller, { ino: s.target.file, ...place });
    }),
  ],
  unlink: [changesName((s) => s.fs.unlink(s.caller, entry(s)))],
  rmdir: [changesName((s) => s.fs.rmdir(s.caller, entry(s)))],
  rename: [
    changesName((s) => {
      const place = { newParent: s.own.directory, newName: spare };
      return s.fs.rename(s.caller, { ...entry(s), ...place, ...modes });
    }),
    changesName((s) => {
      const place = { newParent: s.target.directory, newName: s.name };
      return s.fs.rename(s.caller, { parent: s.own.directory, name: "file", ...place, ...modes });
    }),
  ],
  open: [
    reads((s) => s.fs.open(s.caller, { ino: s.target.file, flags: flags({ access: "read" }) })),
    writes((s) => s.fs.open(s.caller, { ino: s.target.file, flags: flags({ access: "write" }) })),
    writes((s) => {
      const truncating = flags({ access: "read", truncate: true });
      return s.fs.open(s.caller, { ino: s.target.file, flags: truncating });
    }),
  ],
  create: [
    changesName((s) => {
      return s.fs.create(s.caller, { ...entry(s), mode: 0o644, flags: flags(), exclusive: false });
    }),
    changesName((s) => {
      return s.fs.create(s.caller, { ...entry(s), mode: 0o644, flags: flags(), exclusive: true });
    }),
  ],
  tmpfile: [
    writes((s) => {
      const { directory: ino } = s.target;
      return s.fs.tmpfile(s.caller, { ino, mode: 0o600, flags: flags(), exclusive: false });
    }),
    changesName((s) => {
      const { parent: ino, name } = entry(s);
      const request = { ino, name, mode: 0o600, flags: flags(), exclusive: false };
      return s.fs.tmpfile(s.caller, request);
    }),
  ],
  placeFiles: [
    // Refused by where the name is, whatever is to be placed there.
    changesName((s) => s.fs.placeFiles(s.caller, [{ ...entry(s), ino: s.own.file }])),
    writes((s) => {
      const free = { parent: s.own.directory, name: spare };
      return s.fs.placeFiles(s.caller, [{ ...free, ino: s.target.file }]);
    }),
  ],
  read: [reads((s) => s.fs.read(s.caller, { handle: s.target.handle, offset: 0, into }))],
  write: [
    writes((s) => {
      const { handle } = s.target;
      return s.fs.write(s.caller, { handle, offset: 0, data, killSetId: false });
    }),
  ],
  fallocate: [
    writes((s) => {
      const { handle } = s.target;
      return s.fs.fallocate(s.caller, { handle, offset: 0, length: 5, mode: "extend" });
    }),
  ],
  lseek: [reads((s) => s.fs.lseek(s.caller, { handle: s.target.handle, offset: 0, to: "data" }))],
  copyFileRange: [
    reads((s) => {
      const { handle } = s.target;
      const to = { toHandle: s.own.handle, toOffset: 0 };
      return s.fs.copyFileRange(s.caller, { handle, offset: 0, ...to, length: 5 });
    }),
    writes((s) => {
      const { handle } = s.own;
      const to = { toHandle: s.target.handle, toOffset: 0 };
      return s.fs.copyFileRange(s.caller, { handle, offset: 0, ...to, length: 5 });
    }),
  ],
  fsync: [
    reads((s) => s.fs.fsync(s.caller, { ino: s.target.file })),
    reads((s) => s.fs.fsync(s.caller, { ino: s.target.directory })),
  ],
  opendir: [reads((s) => s.fs.opendir(s.caller, { ino: s.target.directory }))],
  readdir: [reads((s) => s.fs.readdir(s.caller, { ino: s.target.directory, ...page }))],
  readdirPlus: [reads((s) => s.fs.readdirPlus(s.caller, { ino: s.target.directory, ...page }))],
  listByName: [
    reads((s) => s.fs.listByName(s.caller, { ino: s.target.directory, after: "", limit: 10 })),
  ],
  describe: [
    reads((s) => s.fs.describe(s.caller, { ino: s.target.file, etag: true })),
    reads((s) => s.fs.describe(s.caller, { ino: s.target.file, etag: false })),
  ],
  getxattr: [
    reads((s) => s.fs.getxattr(s.caller, { ino: s.target.file, name: user })),
    reads((s) => s.fs.getxattr(s.caller, { ino: s.target.file, name: "user.nexus.etag" })),
    reads((s) => s.fs.getxattr(s.caller, { ino: s.target.file, name: claim })),
    reads((s) => s.fs.getxattr(s.caller, { ino: s.target.file, name: "nonsense" })),
  ],
  listxattr: [reads((s) => s.fs.listxattr(s.caller, { ino: s.target.file }))],
  setxattr: [
    writes((s) => {
      const attribute = { ino: s.target.file, name: user, value: data };
      return s.fs.setxattr(s.caller, { ...attribute, mode: "any" });
    }),
    writes((s) => {
      const attribute = { ino: s.target.file, name: claim, value: data };
      return s.fs.setxattr(s.caller, { ...attribute, mode: "any" });
    }),
    writes((s) => {
      const attribute = { ino: s.target.file, name: "nonsense", value: data };
      return s.fs.setxattr(s.caller, { ...attribute, mode: "any" });
    }),
  ],
  setxattrs: [
    writes((s) => {
      const attribute = { name: user, value: data, mode: "any" } as const;
      const requests = [s.own.file, s.target.file].map((ino) => ({ ...attribute, ino }));
      return s.fs.setxattrs(s.caller, requests);
    }),
  ],
  removexattr: [
    writes((s) => s.fs.removexattr(s.caller, { ino: s.target.file, name: user })),
    writes((s) => s.fs.removexattr(s.caller, { ino: s.target.file, name: claim })),
  ],
  statfs: [reads((s) => s.fs.statfs(s.caller, { ino: s.target.file }))],
} satisfies Record<Exclude<keyof FileSystem, Unchecked | ByPath>, readonly Attempt[]>;

/** All of them, by a name to show. */
export const ALL_ATTEMPTS: readonly (Attempt & { readonly title: string })[] = Object.entries(
  ATTEMPTS,
).flatMap(([method, attempts]) =>
  attempts.map((attempt, index) => ({
    ...attempt,
    title: attempts.length === 1 ? method : `${method} (${index + 1})`,
  })),
);
