import { describe, expect, test, vi } from "vitest";
import { Coherence } from "../../../src/fuse/invalidation/coherence.js";
import { OPCODE, type OpcodeName } from "../../../src/fuse/protocol/constants.js";
import { Session } from "../../../src/fuse/session.js";
import { ROOT_INO } from "../../../src/model/ids.js";
import { neededBytes } from "../../support/heap.js";
import { silentLogger } from "../../support/silent-logger.js";
import { World } from "../../vfs/world.js";
import { FakeDevice } from "../fake-device.js";
import { fakeNotifiers } from "../invalidation/fake-notifier.js";
import { encode } from "../wire/c-struct.js";

vi.mock("../../../src/libc/device.js", () => import("../fake-device.js"));

// How much memory a kernel can have the daemon hold, and that all of it comes back. native-notes/limits.md has the
// bounds, and scripts/bench/memory shows them on a mount; here a leak of some dozen bytes for each shows.

const FILES = 10_000;
const HANDLES = 2_500;

/** For each inode that is known, and each open file, beside what V8 keeps free for itself. */
const INODE_BYTES = 300;
const HANDLE_BYTES = 400;
/** What may be left of each: tables shrink by halves. */
const LEFT_BYTES = 25;

const HEADER_BYTES = 40;
const TEXT = Buffer.from("text");

/** A kernel that remembers nothing of what it asked, on a file system with real stores. */
class BareKernel {
  readonly world = new World();
  readonly #device = new FakeDevice();
  readonly #session: Session;
  #unique = 0;

  constructor() {
    const { fs, nexus, clock } = this.world;
    this.#session = new Session({
      ...{ fd: this.#device.fd, fs, logger: silentLogger },
      identify: () => ({ isAdmin: false }),
      sharing: {
        coherence: new Coherence({ changes: nexus.changes, clock }),
        startNotifier: fakeNotifiers().start,
        scheduler: clock,
      },
      onReady: () => undefined,
      onEnd: () => undefined,
    });
  }

  /** Asks, and returns the body of the answer, which must be no error; empty, where there is none. */
  ask(opcode: OpcodeName, { node = ROOT_INO as number, body = [] as readonly Buffer[] }): Buffer {
    const payload = Buffer.concat(body);
    this.#unique += 2;
    const header = encode("in_header", {
      ...{ len: HEADER_BYTES + payload.length, opcode: OPCODE[opcode] },
      ...{ unique: this.#unique, nodeid: node, uid: 0, gid: 0, pid: 1 },
    });
    this.#device.requests.push(Buffer.concat([header, payload]));
    this.#session.receive();
    const answer = this.#device.answers.splice(0)[0];
    if (answer === undefined) return Buffer.alloc(0);
    if (answer.readInt32LE(4) !== 0) throw new Error(`${opcode}: errno ${-answer.readInt32LE(4)}`);
    return answer.subarray(16);
  }

  mknod(name: string): number {
    const body = [encode("mknod_in", { mode: 0o100644 }), textOf(name)];
    return inoIn(this.ask("MKNOD", { body }));
  }

  lookup(name: string): number {
    return inoIn(this.ask("LOOKUP", { body: [textOf(name)] }));
  }

  forget(inos: readonly number[]): void {
    const pairs = inos.map((nodeid) => encode("forget_one", { nodeid, nlookup: 1 }));
    const body = [encode("batch_forget_in", { count: inos.length }), ...pairs];
    this.ask("BATCH_FORGET", { body });
  }

  open(node: number): bigint {
    return this.ask("OPEN", { node, body: [encode("open_in", { flags: 0 })] }).readBigUInt64LE(0);
  }

  read(node: number, fh: bigint): void {
    this.ask("READ", { node, body: [encode("read_in", { fh, size: 4096 })] });
  }

  release(node: number, fh: bigint): void {
    this.ask("RELEASE", { node, body: [encode("release_in", { fh })] });
  }

  /** All entries of the root by READDIRPLUS, which looks up each; the inodes. */
  list(): number[] {
    const inos: number[] = [];
    for (let offset = 0n; ; ) {
      const body = [encode("read_in", { offset, size: 65_536 })];
      const entries = this.ask("READDIRPLUS", { body });
      if (entries.length === 0) return inos;
      for (let at = 0; at < entries.length; ) {
        const nodeid = Number(entries.readBigUInt64LE(at));
        if (nodeid !== 0) inos.push(nodeid);
        offset = entries.readBigUInt64LE(at + 128 + 8);
        at += (128 + 24 + entries.readUInt32LE(at + 128 + 16) + 7) & ~7;
      }
    }
  }

  /** As the session counts, and the file system. */
  get held(): { lookups: number; handles: number; opened: number } {
    const { lookupsHeld: lookups, openHandles: handles } = this.#session;
    return { lookups, handles, opened: this.world.nexus.figures().openHandles };
  }

  get inodesKnown(): number {
    return this.world.nexus.figures().inodesKnown;
  }

  /** Sealed and forgotten, as after a while. */
  async settle(): Promise<void> {
    const { world } = this;
    for (let tries = 0; tries < 600 && world.nexus.figures().stagedFiles > 0; tries++) {
      await world.pass(1100);
    }
    await world.pass(1100);
    await world.until(() => this.inodesKnown <= 3);
  }
}

function textOf(name: string): Buffer {
  return Buffer.from(`${name}\0`);
}

function inoIn(entry: Buffer): number {
  return Number(entry.readBigUInt64LE(0));
}

/** A kernel, and a directory with so many files in it that it doesn't know. */
async function withFiles(count: number): Promise<{ kernel: BareKernel; names: string[] }> {
  const kernel = new BareKernel();
  const names = Array.from({ length: count }, (_, number) => `file${number}`);
  kernel.forget(names.map((name) => kernel.mknod(name)));
  await kernel.settle();
  return { kernel, names };
}

/** What each of so many takes, while `hold` has them held, and after `letGo`. */
async function bytesForEach(
  count: number,
  { hold, letGo }: { hold: () => void; letGo: () => Promise<void> },
): Promise<{ held: number; left: number }> {
  const before = neededBytes();
  hold();
  const held = neededBytes();
  await letGo();
  return { held: (held - before) / count, left: (neededBytes() - before) / count };
}

describe("what a kernel holds takes memory", () => {
  test("for each file that it has looked up, by name or in a listing, until it forgets", async () => {
    const { kernel, names } = await withFiles(FILES);
    const inos: number[] = [];
    const letGo = async () => {
      kernel.forget(inos.splice(0));
      await kernel.settle();
    };
    const lookUp = () => {
      for (const name of names) inos.push(kernel.lookup(name));
    };
    const list = () => {
      inos.push(...kernel.list());
    };
    for (const way of [lookUp, list]) {
      way(); // and once more below: then all that is made once is there
      expect(kernel.inodesKnown).toBeGreaterThanOrEqual(FILES);
      await letGo();
      const { held, left } = await bytesForEach(FILES, { hold: way, letGo });
      expect(held).toBeLessThan(INODE_BYTES);
      expect(left).toBeLessThan(LEFT_BYTES);
    }
  });

  test("for each open file that it has read, until it closes it", async () => {
    // The first half for all that is made once.
    const { kernel, names } = await withFiles(2 * HANDLES);
    const handles: (readonly [ino: number, fh: bigint])[] = [];
    const letGo = async () => {
      for (const [ino, fh] of handles) kernel.release(ino, fh);
      kernel.forget(handles.splice(0).map(([ino]) => ino));
      await kernel.settle();
      expect(kernel.held).toEqual({ lookups: 0, handles: 0, opened: 0 });
    };
    const open = (some: readonly string[]) => {
      for (const name of some) {
        const ino = kernel.lookup(name);
        const fh = kernel.open(ino);
        kernel.read(ino, fh);
        handles.push([ino, fh]);
      }
    };
    open(names.slice(0, HANDLES));
    expect(kernel.held).toEqual({ lookups: HANDLES, handles: HANDLES, opened: HANDLES });
    await letGo();
    const hold = () => open(names.slice(HANDLES));
    const { held, left } = await bytesForEach(HANDLES, { hold, letGo });
    expect(held).toBeLessThan(INODE_BYTES + HANDLE_BYTES);
    expect(left).toBeLessThan(LEFT_BYTES);
  });
});

test("files that were made, written, sealed and removed leave nothing", async () => {
  const kernel = new BareKernel();
  const { world } = kernel;
  const makeAndRemove = async () => {
    const names = Array.from({ length: HANDLES }, (_, number) => `file${number}`);
    for (const name of names) {
      const body = [encode("create_in", { flags: 1, mode: 0o100644 }), textOf(name)];
      const answer = kernel.ask("CREATE", { body });
      const [ino, fh] = [inoIn(answer), answer.readBigUInt64LE(128)];
      kernel.ask("WRITE", { node: ino, body: [encode("write_in", { fh, size: 4 }), TEXT] });
      kernel.release(ino, fh);
      kernel.forget([ino]);
    }
    await kernel.settle();
    for (const name of names) kernel.ask("UNLINK", { body: [textOf(name)] });
    await world.swept();
  };
  for (const _ of ["first", "second"]) await makeAndRemove();
  const before = neededBytes();
  await makeAndRemove();
  expect((neededBytes() - before) / HANDLES).toBeLessThan(LEFT_BYTES);
});
