import {
  appendFileSync,
  chmodSync,
  closeSync,
  existsSync,
  fstatSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { NexusClient } from "../../src/sdk/client.js";
import { connect } from "../../src/sdk/connect.js";
import { libc } from "../conformance/system-calls.js";
import { Mounted, whyNoMounts } from "../support/daemon.js";

// Random changes through two mounts and a client, and after each of them everybody sees the same. Looking at
// everything also has both kernels keep all that they may.

const FACES = ["a", "b", "client"] as const;
type Face = (typeof FACES)[number];

const NAMES = ["x", "y", "d", "d/x", "d/y", "d/e", "d/e/x"] as const;
const ATTRIBUTE = "user.note";
const SIZES = [0, 1, 100, 4096, 5000, 70_000] as const;

const name = fc.constantFrom(...NAMES);
/** A letter, so often: short where a failure is shown. */
const data = fc.tuple(fc.constantFrom("r", "s", "t"), fc.constantFrom(...SIZES));

const action = fc.oneof(
  fc.record({ kind: fc.constant("write" as const), name, data }),
  fc.record({ kind: fc.constant("append" as const), name, data }),
  fc.record({ kind: fc.constant("patch" as const), name, data, at: fc.nat({ max: 6000 }) }),
  fc.record({ kind: fc.constant("truncate" as const), name, size: fc.constantFrom(...SIZES) }),
  fc.record({ kind: fc.constant("unlink" as const), name }),
  fc.record({ kind: fc.constant("mkdir" as const), name }),
  fc.record({ kind: fc.constant("rmdir" as const), name }),
  fc.record({ kind: fc.constant("rename" as const), name, to: name }),
  fc.record({ kind: fc.constant("link" as const), name, to: name }),
  fc.record({ kind: fc.constant("symlink" as const), name, to: name }),
  fc.record({ kind: fc.constant("chmod" as const), name, mode: fc.constantFrom(0o600, 0o644) }),
  fc.record({ kind: fc.constant("utimes" as const), name, at: fc.nat({ max: 1_000_000 }) }),
  fc.record({ kind: fc.constant("setxattr" as const), name, note: fc.constantFrom("1", "2") }),
  fc.record({ kind: fc.constant("hold" as const), name }),
);
type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;
interface Step {
  readonly face: Face;
  readonly action: Action;
}

const step: fc.Arbitrary<Step> = fc.record({ face: fc.constantFrom(...FACES), action });

/** What a face tells of one path. */
interface Seen {
  readonly ino: number;
  readonly type: string;
  readonly permissions: number;
  readonly nlink: number;
  readonly size: number;
  readonly modifiedMs: number;
  readonly changedMs: number;
  readonly content: string | undefined;
  readonly note: string | undefined;
}

describe.skipIf(whyNoMounts() !== undefined)("two mounts and a client of one store", () => {
  let first: Mounted;
  let second: string;
  let client: NexusClient;
  let runs = 0;

  beforeAll(async () => {
    first = await Mounted.start();
    second = join(first.base, "second");
    const mounted = await first.run([second, "--data-dir", first.dataDir]);
    expect(mounted).toMatchObject({ code: 0 });
    client = await connect({ dataDir: first.dataDir });
  });

  afterAll(async () => {
    try {
      await client?.close();
      await first?.run(["-u", second]);
      await first?.stop();
    } finally {
      first?.stopNow();
      first?.remove();
    }
  });

  test("show the same after every change, whoever makes it", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
        await new Run(`/run${runs++}`, { a: first.mountPoint, b: second, client }).all(steps);
      }),
      { numRuns: 30, endOnFailure: true },
    );
  });
});

interface Faces {
  readonly a: string;
  readonly b: string;
  readonly client: NexusClient;
}

/** One sequence of changes, below a directory of its own. */
class Run {
  readonly #top: string;
  readonly #faces: Faces;
  readonly #held: { readonly a: number; readonly b: number }[] = [];

  constructor(top: string, faces: Faces) {
    this.#top = top;
    this.#faces = faces;
  }

  async all(steps: readonly Step[]): Promise<void> {
    await this.#faces.client.mkdir(this.#top);
    try {
      for (const [index, { face, action }] of steps.entries()) {
        await this.#take(face, action);
        const where = `after step ${index}: ${face} ${JSON.stringify(action).slice(0, 100)}`;
        await this.#compare(where);
      }
    } finally {
      for (const { a, b } of this.#held) for (const fd of [a, b]) closeSync(fd);
    }
  }

  async #take(face: Face, action: Action): Promise<void> {
    if (action.kind === "hold") {
      this.#hold(action.name);
      return;
    }
    try {
      if (face === "client") await this.#askClient(action);
      else this.#askMount(join(this.#faces[face], this.#top), action);
    } catch (error) {
      // Whether it can be done is up to what is there; a program that errs would be no system error.
      if (error instanceof TypeError) throw error;
    }
  }

  /** Both mounts keep a file open. */
  #hold(at: string): void {
    const [a, b] = [this.#faces.a, this.#faces.b].map((mount) => join(mount, this.#top, at));
    if (a === undefined || b === undefined) return;
    if (!existsSync(a) || !lstatSync(a).isFile()) return;
    this.#held.push({ a: openSync(a, "r"), b: openSync(b, "r") });
  }

  #askMount(top: string, action: Exclude<Action, { kind: "hold" }>): void {
    const path = join(top, action.name);
    switch (action.kind) {
      case "write":
        writeFileSync(path, bytesOf(action.data));
        return;
      case "append":
        appendFileSync(path, bytesOf(action.data));
        return;
      case "patch": {
        const fd = openSync(path, "r+");
        try {
          writeSync(fd, bytesOf(action.data), 0, null, action.at);
        } finally {
          closeSync(fd);
        }
        return;
      }
      case "truncate":
        truncateSync(path, action.size);
        return;
      case "unlink":
        unlinkSync(path);
        return;
      case "mkdir":
        mkdirSync(path);
        return;
      case "rmdir":
        rmdirSync(path);
        return;
      case "rename":
        renameSync(path, join(top, action.to));
        return;
      case "link":
        linkSync(path, join(top, action.to));
        return;
      case "symlink":
        symlinkSync(action.to, path);
        return;
      case "chmod":
        chmodSync(path, action.mode);
        return;
      case "utimes":
        utimesSync(path, action.at, action.at);
        return;
      case "setxattr":
        setAttribute(path, action.note);
        return;
    }
  }

  async #askClient(action: Exclude<Action, { kind: "hold" }>): Promise<void> {
    const { client } = this.#faces;
    const path = `${this.#top}/${action.name}`;
    switch (action.kind) {
      case "write":
      case "patch":
        await client.write(path, bytesOf(action.data), { parents: false });
        return;
      case "append":
        await client.append(path, bytesOf(action.data));
        return;
      case "truncate":
        await client.write(path, Buffer.alloc(action.size, "u"), { parents: false });
        return;
      case "unlink":
        await client.delete(path);
        return;
      case "mkdir":
        await client.mkdir(path);
        return;
      case "rmdir":
        await client.rmdir(path, { recursive: true });
        return;
      case "rename":
        await client.rename(path, `${this.#top}/${action.to}`);
        return;
      case "link":
      case "symlink":
        await client.copy(path, `${this.#top}/${action.to}`);
        return;
      case "chmod":
      case "utimes":
      case "setxattr":
        await client.metadata.set(path, "note", "by a client");
        return;
    }
  }

  async #compare(where: string): Promise<void> {
    const [a, b] = [this.#faces.a, this.#faces.b].map((mount) => seenOn(join(mount, this.#top)));
    expect(b, where).toEqual(a);
    expect(await this.#seenByClient(), where).toEqual(a);
    for (const held of this.#held) {
      const [byA, byB] = [held.a, held.b].map(seenThrough);
      expect(byB, `an open file, ${where}`).toEqual(byA);
    }
  }

  async #seenByClient(): Promise<Record<string, Seen>> {
    const { client } = this.#faces;
    const seen: Record<string, Seen> = {};
    for await (const { path, type } of client.walk({ prefix: this.#top, directories: true })) {
      if (path === this.#top) continue;
      const stat = await client.stat(path, { followSymlinks: false, etag: false });
      const isFile = type === "file";
      const note = isFile ? await client.metadata.get(path, "note") : undefined;
      seen[path.slice(this.#top.length + 1)] = {
        ino: stat.ino,
        type,
        permissions: stat.mode & 0o7777,
        nlink: stat.nlink,
        size: stat.size,
        modifiedMs: stat.modifiedAt.getTime(),
        changedMs: stat.changedAt.getTime(),
        content: isFile ? digest(await client.read(path)) : undefined,
        note,
      };
    }
    return seen;
  }
}

/** Everything below a directory of a mount; and that what isn't listed isn't there. */
function seenOn(top: string): Record<string, Seen> {
  const seen: Record<string, Seen> = {};
  const enter = (below: string): void => {
    for (const entry of readdirSync(join(top, below), { withFileTypes: true })) {
      const path = join(below, entry.name);
      seen[path] = seenAt(join(top, path));
      if (entry.isDirectory()) enter(path);
    }
  };
  enter("");
  for (const path of NAMES) {
    // What a symlink leads to is seen elsewhere.
    const isElsewhere = path.split("/").some((_, index, names) => {
      return seen[names.slice(0, index).join("/")]?.type === "symlink";
    });
    if (isElsewhere) continue;
    expect(isThere(join(top, path)), path).toBe(seen[path] !== undefined);
  }
  return seen;
}

/** Also false where a file is on the way. */
function isThere(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

function seenAt(path: string): Seen {
  const stat = lstatSync(path);
  if (stat.isSymbolicLink()) readlinkSync(path);
  const isFile = stat.isFile();
  return {
    ino: stat.ino,
    type: isFile ? "file" : stat.isSymbolicLink() ? "symlink" : "directory",
    permissions: stat.mode & 0o7777,
    nlink: stat.nlink,
    size: stat.size,
    modifiedMs: Math.floor(stat.mtimeMs),
    changedMs: Math.floor(stat.ctimeMs),
    content: isFile ? digest(readFileSync(path)) : undefined,
    note: isFile ? attributeOf(path) : undefined,
  };
}

function bytesOf([letter, size]: readonly [letter: string, size: number]): Buffer {
  return Buffer.alloc(size, letter);
}

/** What an open file tells, also when its name is gone. */
function seenThrough(fd: number): object {
  const { ino, nlink, size, mtimeMs } = fstatSync(fd);
  const bytes = Buffer.alloc(size + 10);
  const count = readSync(fd, bytes, 0, bytes.length, 0);
  return { ino, nlink, size, mtimeMs, content: digest(bytes.subarray(0, count)) };
}

function attributeOf(path: string): string | undefined {
  const value = Buffer.alloc(100);
  const length = libc.lgetxattr(terminated(path), terminated(ATTRIBUTE), value, value.length);
  return length < 0 ? undefined : value.toString("utf8", 0, length);
}

/** A name that isn't there is no matter: others don't find it either. */
function setAttribute(path: string, text: string): void {
  const value = Buffer.from(text);
  libc.lsetxattr(terminated(path), terminated(ATTRIBUTE), value, value.length, 0);
}

function terminated(text: string): Buffer {
  return Buffer.from(`${text}\0`);
}

/** Short enough to read, and different for different bytes that these tests write. */
function digest(bytes: Buffer): string {
  return bytes
    .toString("latin1")
    .replace(/(.)\1*/gs, (run, byte: string) => `${byte}${run.length}`);
}
